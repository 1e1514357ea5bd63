"""Nematus' validation script: the share of translations that are exactly their targets.

exact_match.py TARGETS TRANSLATIONS; one line an example, prints a number from 0 to 1. Only a blank separates tokens.
"""

import sys


def lines(path):
    with open(path, encoding="utf-8", newline="\n") as file:
        return [[token for token in line.rstrip("\n").split(" ") if token] for line in file]


def main():
    targets, translations = lines(sys.argv[1]), lines(sys.argv[2])
    if len(targets) != len(translations):
        sys.exit("{} translations for {} targets".format(len(translations), len(targets)))
    print(sum(target == translation for target, translation in zip(targets, translations)) / max(1, len(targets)))


if __name__ == "__main__":
    main()
