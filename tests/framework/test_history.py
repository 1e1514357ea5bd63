"""What lies between two commits, and which files a patch changes: real repositories, whatever their owner has set."""

import os
import subprocess
from pathlib import Path

import pytest

from daisy.framework.history import Between, Unknown, between, files_of
from daisy.framework.source import look_at


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    return subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True, text=True).stdout.strip()


def commit(folder: Path) -> str:
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--allow-empty", "-m", "one more")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    (folder / "conf").mkdir(parents=True)
    for name in ("conf/one.yaml", "conf/two words.yaml", "conf/ä.yaml", "moved.py", "other.txt"):
        (folder / name).write_text("".join(f"{name} {line}\n" for line in range(20)))
    (folder / "data.bin").write_bytes(bytes(range(256)))
    git(folder, "init", "--quiet")
    commit(folder)
    return folder


def test_between_two_commits_of_a_project_that_is_part_of_a_repository(repository: Path) -> None:
    first = git(repository, "rev-parse", "HEAD")
    project = repository / "project"
    (project / "conf").mkdir(parents=True)
    (project / "conf" / "new.yaml").write_text("a: 1\n")
    (repository / "conf" / "one.yaml").write_text("not the project's\n")
    second = commit(repository)
    assert between(project, first, second, "conf") == Between(1, 0, ("conf/new.yaml",))
    assert between(repository, second, first, "conf", "nowhere") == Between(0, 1, ("conf/one.yaml",))
    assert between(repository, first, first) == Between(0, 0, ())


def test_names_of_all_kinds(repository: Path) -> None:
    first = git(repository, "rev-parse", "HEAD")
    odd = os.fsencode(repository) + b"/conf/\xff.yaml"
    Path(os.fsdecode(odd)).write_text("a: 1\n")
    (repository / "conf" / "two words.yaml").unlink()
    git(repository, "mv", "moved.py", "new place.py")
    found = between(repository, first, commit(repository), "conf", "moved.py", "new place.py")
    assert isinstance(found, Between)
    assert found.files == ("conf/two words.yaml", os.fsdecode(b"conf/\xff.yaml"), "moved.py", "new place.py")


def test_a_commit_of_sha256(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--object-format=sha256")
    first, second = commit(tmp_path), commit(tmp_path)
    assert len(first) == 64 and between(tmp_path, first, second) == Between(1, 0, ())


@pytest.mark.parametrize("claimed", ["--output=x", "HEAD", "", "main; touch x", "0" * 6])
def test_what_is_no_commit_never_reaches_git(repository: Path, claimed: str) -> None:
    head = git(repository, "rev-parse", "HEAD")
    assert between(repository, head, claimed) == Unknown(f"{claimed[:12]} is no commit")


def test_what_is_no_commit_but_a_file_in_git(repository: Path) -> None:
    head, blob = git(repository, "rev-parse", "HEAD"), git(repository, "rev-parse", "HEAD:moved.py")
    assert between(repository, head, blob) == Unknown(f"commit {blob[:12]} is not in the git repository of {repository}")


@pytest.mark.parametrize(
    "setting", ["diff.renames=true", "diff.noprefix=true", "diff.mnemonicPrefix=true", "core.quotePath=true"]
)
def test_the_files_of_a_patch_whatever_git_is_set_to(repository: Path, setting: str) -> None:
    git(repository, "config", *setting.split("="))
    for name in ("conf/one.yaml", "conf/two words.yaml", "conf/ä.yaml"):
        (repository / name).write_text("diff --git a/no b/no\n--- a/no\n+++ b/no\n")
    (repository / "data.bin").write_bytes(b"\0\1\2")
    git(repository, "mv", "moved.py", "new place.py")
    (repository / "brand new.py").write_text("1\n")
    found = files_of(look_at(repository).patch)
    expected = {"conf/one.yaml", "conf/two words.yaml", "conf/ä.yaml", "data.bin", "new place.py", "brand new.py"}
    assert expected <= set(found) <= expected | {"moved.py"}


def test_a_patch_of_a_file_whose_name_git_quotes(repository: Path) -> None:
    (repository / 'tab\tand "quote".py').write_text("1\n")
    assert files_of(look_at(repository).patch) == ('tab\\tand \\"quote\\".py',)
    assert files_of(b"") == ()
