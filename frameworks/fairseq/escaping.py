"""Tokens as fairseq keeps them: it splits at every white space, and has `<s>`, `<pad>`, `</s>` and `<unk>` for itself.

Daisy's tokens may be `<s>` (a blank) or hold a no-break space. Such characters are written as `<a0>`, their number in hexadecimal
digits, and so is each `<` that is not a token of its own: `<s>` becomes `<3c>s>`.
"""


def escaped(token):
    """The token without white space, and none of fairseq's own."""
    return "".join(f"<{ord(char):x}>" if char.isspace() or (char == "<" != token) else char for char in token)


def escape_file(source, output):
    """Copy a canonical file, each of its tokens escaped."""
    with open(source, encoding="utf-8", newline="\n") as lines, open(output, "w", encoding="utf-8", newline="\n") as file:
        for line in lines:
            file.write(" ".join(map(escaped, line.rstrip("\n").split(" "))) + "\n")
