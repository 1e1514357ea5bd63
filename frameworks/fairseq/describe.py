"""Prints fairseq's version and the options of its training, as JSON: those that all have, and those of what can be chosen."""

import argparse
import json
import logging

ARCHITECTURES = ("lstm", "fconv", "transformer")
CHOSEN = ("criterion", "optimizer", "lr_scheduler")  # of fairseq's registries: --criterion, ...


def main():
    logging.disable(logging.INFO)
    import fairseq
    import torch
    from fairseq import options
    from fairseq.dataclass.utils import gen_parser_from_dataclass
    from fairseq.models import ARCH_MODEL_REGISTRY
    from fairseq.registry import REGISTRIES
    from fairseq.tasks import TASK_REGISTRY

    names = names_of(options.get_training_parser())
    names |= names_of(options.get_generation_parser()) & {"beam", "lenpen"}
    parts = [ARCH_MODEL_REGISTRY[name] for name in ARCHITECTURES] + [TASK_REGISTRY["translation"]]
    parts += [part for kind in CHOSEN for part in REGISTRIES[kind]["registry"].values()]
    for part in parts:
        parser = argparse.ArgumentParser(add_help=False)
        if hasattr(part, "add_args"):
            part.add_args(parser)
        elif getattr(part, "__dataclass", None) is not None:
            gen_parser_from_dataclass(parser, part.__dataclass())
        names |= names_of(parser)
    print(json.dumps({"version": f"{fairseq.__version__}, PyTorch {torch.__version__}", "options": sorted(names)}))


def names_of(parser):
    """The options of a parser; not --help, nor those that are given to set something to false."""
    actions = [action for action in parser._actions if not isinstance(action, (argparse._HelpAction, argparse._StoreFalseAction))]
    return {name[2:] for action in actions for name in action.option_strings if name.startswith("--")}


if __name__ == "__main__":
    main()
