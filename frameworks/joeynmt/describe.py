"""Prints JoeyNMT's version and the names that it reads from its YAML, with their sections, as JSON.

JoeyNMT has no list of them and ignores what it does not know. They are taken from its source: from the functions that read
the configuration, and from what the parts of the network are built with.
"""

import ast
import inspect
import json
import textwrap
from collections.abc import Callable, Iterator
from importlib.metadata import version

import torch
from joeynmt import config, data, decoders, embeddings, encoders, initialization, model, tokenizers, vocabulary

READERS = (
    ("", config.parse_global_args, "cfg"),
    ("training.", config.parse_train_args, "cfg"),
    ("testing.", config.parse_test_args, "cfg"),
    ("data.", data.load_data, "cfg"),
    ("data.src.", data.load_data, "src_cfg"),
    ("data.trg.", data.load_data, "trg_cfg"),
    *((f"data.{side}.", tokenizers._build_tokenizer, "cfg") for side in ("src", "trg")),
    *((f"data.{side}.", vocabulary._build_vocab, "cfg") for side in ("src", "trg")),
    ("model.", model.build_model, "cfg"),
    ("model.", initialization.initialize_model, "cfg"),
    ("model.encoder.", model.build_model, "enc_cfg"),
    ("model.decoder.", model.build_model, "dec_cfg"),
)
PARTS = (
    ("model.encoder.", encoders.RecurrentEncoder),
    ("model.encoder.", encoders.TransformerEncoder),
    ("model.decoder.", decoders.RecurrentDecoder),
    ("model.decoder.", decoders.TransformerDecoder),
    ("model.encoder.embeddings.", embeddings.Embeddings),
    ("model.decoder.embeddings.", embeddings.Embeddings),
)
UNHEEDED = {"normalization", "testing.min_output_length"}  # read by JoeyNMT, and then not used


def main() -> None:
    names = {section + name for section, function, variable in READERS for name in read_from(tree(function), variable)}
    for section, part in PARTS:
        names |= {section + name for name in built_with(part)}
    sections = {name.rpartition(".")[0] for name in names}
    names -= {section for section in sections if section} | UNHEEDED
    told = f"{version('joeynmt')}, PyTorch {torch.__version__}"
    print(json.dumps({"version": told, "options": sorted(names)}))


def tree(function: Callable[..., object]) -> ast.AST:
    return ast.parse(textwrap.dedent(inspect.getsource(function)))


def read_from(source: ast.AST, variable: str) -> Iterator[str]:
    """The dotted names that are read from a dictionary: variable["a"], variable.get("a"), "a" in variable, also nested."""
    for node in ast.walk(source):
        found = keys(node, variable)
        if found:
            yield ".".join(found)


def keys(node: ast.AST, variable: str) -> list[str] | None:
    """The keys on the way to what a node reads; empty for the variable itself, None for anything else."""
    match node:
        case ast.Name(id=name) if name == variable:
            return []
        case ast.Subscript(value=inner, slice=ast.Constant(value=str(key))):
            before = keys(inner, variable)
        case ast.Call(func=ast.Attribute(value=inner, attr="get"), args=[ast.Constant(value=str(key)), *_]):
            before = keys(inner, variable)
        case ast.Compare(left=ast.Constant(value=str(key)), ops=[ast.In()], comparators=[inner]):
            before = keys(inner, variable)
        case _:
            return None
    return None if before is None else [*before, key]


def built_with(part: type) -> set[str]:
    """The parameters of a part of the network, but for those that JoeyNMT gives it itself."""
    calls = [node for node in ast.walk(tree(model.build_model)) if isinstance(node, ast.Call)]
    given = {keyword.arg for call in calls for keyword in call.keywords if getattr(call.func, "id", None) == part.__name__}
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = {name for name, parameter in inspect.signature(part).parameters.items() if parameter.kind in kinds}
    return (parameters | set(read_from(tree(part.__init__), "kwargs"))) - given


if __name__ == "__main__":
    main()
