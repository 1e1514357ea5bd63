"""The command line: a first word without `=` is a verb, everything else goes to Hydra's overrides."""

import os
import sys
from collections.abc import Sequence

from daisy.errors import DaisyError

FIRST_WORDS_OF_VERBS = ("--help", "-h", "--version", "--install-completion", "--show-completion")
COMPLETION = "_DAISY_COMPLETE"
FULL_DISK = (28, 27, 122)  # ENOSPC, EFBIG, EDQUOT


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit with its exit code."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    _mend_streams()
    try:
        code = _dispatch(arguments)
        sys.stdout.flush()
    except DaisyError as error:
        _complain(str(error))
        code = error.exit_code
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        # Whoever read our output has closed it (`daisy list | head`): nothing is to be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 141
    except OSError as error:
        told = _told(error)
        if told is None:
            raise
        _complain(told)
        code = 1
    sys.exit(code)


def _mend_streams() -> None:
    """Streams that were closed lead nowhere; what a terminal's encoding can't show is written out."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115, PTH123 - as long as the process lives
        getattr(sys, name).reconfigure(errors="backslashreplace")


def _told(error: OSError) -> str | None:
    """What to say of an error that the machine makes and a person can mend; None for one that must be ours."""
    if error.errno in FULL_DISK:
        file = error.filename2 or error.filename or "a file"  # of a copy the second one is what was to be written
        return f"the disk is full: {file} could not be written whole; free space and run this again"
    if isinstance(error, FileNotFoundError) and error.filename is None:
        return "the current folder is gone: change to one that exists"
    if (
        isinstance(error, (PermissionError, IsADirectoryError, NotADirectoryError, FileExistsError))
        and error.filename is not None
    ):
        return f"{error.filename}: {error.strerror}; mend that file or folder, or its permissions, and run this again"
    return None


def is_verb(arguments: Sequence[str]) -> bool:
    """Whether a command line is a verb's: its first word has no `=` and does not begin with `+`, `~` or `-`."""
    if not arguments:
        return False
    first = arguments[0]
    return first in FIRST_WORDS_OF_VERBS or ("=" not in first and not first.startswith(("+", "~", "-")))


def _dispatch(arguments: list[str]) -> int:
    if COMPLETION in os.environ or is_verb(arguments):
        from daisy.cli.verbs import run_verb

        return run_verb(arguments)
    from daisy.cli.run import run_overrides

    return run_overrides(arguments)


def _complain(text: str) -> None:
    from daisy.framework.lines import visible

    print(f"daisy: {visible(text)}".replace("\n", "\\n"), file=sys.stderr)
