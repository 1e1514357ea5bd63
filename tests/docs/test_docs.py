"""The commands in README and docs are run, in the order in which they stand there, in a project of their own for each file."""

import re
import shlex
from pathlib import Path

import pytest
from support import CHECKOUT, DaisyProject

PAGES = sorted(
    str(path.relative_to(CHECKOUT))
    for path in (CHECKOUT / "README.md", *(CHECKOUT / "docs").glob("**/*.md"))
    if "```console\n" in path.read_text(encoding="utf-8")
)


def commands(page: str) -> list[str]:
    blocks = re.findall(r"```console\n(.*?)```", (CHECKOUT / page).read_text(encoding="utf-8"), re.DOTALL)
    return [line.removeprefix("$ ") for block in blocks for line in block.splitlines() if line.startswith("$ ")]


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page_work(project: DaisyProject, page: str) -> None:
    assert commands(page)
    for command in commands(page):
        program, *arguments = shlex.split(command)
        assert program == "daisy", f"{command}: only daisy's own commands are run here"
        done = project.daisy(*arguments, timeout=300)
        assert done.code == 0, f"{command}\n{done.out}\n{done.err}"


def test_the_refusals_in_the_readme_are_the_ones_that_are_printed(project: DaisyProject) -> None:
    text = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    shown = re.findall(r"^    \$ daisy (.*)\n    (daisy: .*)$", text, re.MULTILINE)
    assert len(shown) == 2
    for arguments, refusal in shown:
        done = project.daisy(*shlex.split(arguments))
        assert done.code == 2
        assert done.one_line == refusal


def test_all_links_between_the_pages_lead_somewhere() -> None:
    for page in (CHECKOUT / "README.md", CHECKOUT / "CONTRIBUTING.md", *(CHECKOUT / "docs").glob("**/*.md")):
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            if not target.startswith("http"):
                assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_every_key_of_the_vocabulary_is_in_the_docs() -> None:
    from daisy.configuration.keys import KEYS

    text = (CHECKOUT / "docs" / "configuration.md").read_text(encoding="utf-8")
    missing = [name for name in KEYS if f"`{name}`" not in text]
    assert missing == []


def test_the_adapter_in_the_docs_is_a_whole_one(project: DaisyProject) -> None:
    text = (CHECKOUT / "docs" / "frameworks.md").read_text(encoding="utf-8")
    found = re.search(r"\n    from daisy\.framework import.*?(?=\n\S)", text, re.DOTALL)
    assert found is not None
    adapter = "\n".join(line.removeprefix("    ") for line in found[0].splitlines())
    train = "import sys\nprint('epoch 1 loss 0.5')\nopen(sys.argv[sys.argv.index('--model') + 1], 'w').write('m')\n"
    predict = "import sys\nlines = open(sys.argv[2]).read()\nopen(sys.argv[3], 'w').write(lines)\n"
    project.add_framework("mine", adapter, {"train.py": train, "predict.py": predict}, options="{beam: 5}")
    done = project.daisy("framework=mine", "dataset=tiny", "framework.options.beam=3")
    assert done.code == 0, done.err + done.out
    assert project.daisy("framework=mine", "dataset=tiny", "arch.kernel=3").code == 2
    assert Path(project.models()[0] / "daisy" / "result.json").is_file()
