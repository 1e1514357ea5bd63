"""What a user gets who installs Daisy: a wheel in an environment of its own, or a checkout that was installed editable."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import CHECKOUT

import daisy
from daisy.configuration.project import shipped_folder

pytestmark = pytest.mark.slow

SOURCES = ("daisy", "conf", "sweeps", "frameworks", "tests")
PLUGINS = "hydra_plugins"
FILES = ("pyproject.toml", "daisy.yaml", "README.md", "LICENSE", "CHANGELOG.md", "Makefile")
SHIPPED = (
    "conf/config.yaml",
    "conf/dataset/_cs.yaml",
    "conf/dataset/cs/finnish.yaml",
    "conf/dataset/ud/finnish-tdt.yaml",
    "conf/framework/suffix.yaml",
    "conf/architecture/conv.yaml",
    "sweeps/README.md",
    "frameworks/suffix.py",
    "frameworks/suffix/suffix.py",
    "frameworks/arcadio.py",
    "frameworks/arcadio/train.py",
    "frameworks/arcadio/predict.py",
)


def run(command: Sequence[object], cwd: Path) -> str:
    """Run a command that must succeed, in an environment that says nothing of this checkout; what it printed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DAISY_", "SLURM_", "PYTHON", "PIP_"))}
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=kept, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@dataclass(frozen=True)
class Venv:
    """A new virtual environment with Daisy's dependencies, but without Daisy."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def make(self) -> None:
        """The dependencies are borrowed, each by a link; what an editable install of Daisy left beside them is not."""
        run([sys.executable, "-m", "venv", "--without-pip", self.folder], cwd=self.folder.parent)
        paths = sysconfig.get_paths()
        for folder in {Path(paths["purelib"]), Path(paths["platlib"])}:
            for entry in folder.iterdir():
                if entry.suffix == ".pth" or "daisy" in entry.name:
                    continue
                if entry.name == PLUGINS:  # several packages share it: what is installed into it must not end in the tester's
                    (self.site_packages / PLUGINS).mkdir()
                    for plugin in entry.iterdir():
                        if "daisy" not in plugin.name:
                            (self.site_packages / PLUGINS / plugin.name).symlink_to(plugin)
                else:
                    (self.site_packages / entry.name).symlink_to(entry)
        absent = "import importlib.util; print(importlib.util.find_spec('hydra') is not None, importlib.util.find_spec('daisy'))"
        assert run([self.python, "-c", absent], cwd=self.folder).split() == ["True", "None"]

    @property
    def site_packages(self) -> Path:
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        return self.folder / "lib" / version / "site-packages"

    def install(self, *what: object) -> None:
        pip = [sys.executable, "-m", "pip", "--python", self.python, "install", "--quiet", "--disable-pip-version-check"]
        run([*pip, "--no-index", "--no-deps", "--no-build-isolation", *what], cwd=self.folder)

    def daisy(self, *arguments: str, cwd: Path) -> str:
        """The installed command."""
        return run([self.folder / "bin" / "daisy", *arguments], cwd=cwd)

    def ask(self, expression: str, cwd: Path) -> str:
        code = f"import daisy, daisy.configuration.project as project; print({expression})"
        return run([self.python, "-c", code], cwd=cwd).strip()


@pytest.fixture
def venv(tmp_path: Path) -> Venv:
    if importlib.util.find_spec("pip") is None:
        pytest.skip("pip, which installs into the new environment, is not in this one")
    made = Venv(tmp_path / "venv")
    made.make()
    return made


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean copy of the checkout: what is built or installed writes nothing into the tester's."""
    copy = tmp_path_factory.mktemp("source") / "daisy-launcher"
    copy.mkdir(exist_ok=True)
    for name in SOURCES:
        shutil.copytree(CHECKOUT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
    for name in FILES:
        if (CHECKOUT / name).exists():
            shutil.copy(CHECKOUT / name, copy)
    return copy


@pytest.fixture(scope="session")
def built(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the sdist and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    run([sys.executable, "-m", "build", "--no-isolation", "--outdir", folder], cwd=source)
    return folder


def with_epochs(epochs: int, file: Path) -> str:
    text, changed = re.subn(r"(?m)^epochs: \d+", f"epochs: {epochs}", file.read_text())
    assert changed == 1
    return text


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.glob(pattern)
    return found


def test_the_sdist_carries_everything(built: Path) -> None:
    sdist = only(built, "daisy_launcher-*.tar.gz")
    root = sdist.name.removesuffix(".tar.gz")
    with tarfile.open(sdist) as archive:
        names = set(archive.getnames())
    for name in (*SHIPPED, "daisy/__init__.py", "pyproject.toml", "README.md", "LICENSE"):
        assert f"{root}/{name}" in names
    assert not [name for name in names if "__pycache__" in name or "/.venv" in name or "/models/" in name]


def test_the_wheel_carries_the_shipped_project_inside_the_package(built: Path) -> None:
    wheel = only(built, "daisy_launcher-*-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        entry_points = archive.read(next(name for name in names if name.endswith("entry_points.txt"))).decode()
    for name in SHIPPED:
        assert f"daisy/{name}" in names
    assert "daisy = daisy.cli:main" in entry_points
    # Nothing is beside the package but what Hydra looks for there, in a namespace that is not ours alone.
    assert {name.split("/")[0].split("-")[0] for name in names} == {"daisy", "daisy_launcher", "hydra_plugins"}
    assert [name for name in names if name.startswith("hydra_plugins/")] == ["hydra_plugins/daisy_launcher/__init__.py"]
    assert not [name for name in names if "__pycache__" in name]
    for folder in ("conf", "sweeps", "frameworks"):
        here = {path.relative_to(CHECKOUT).as_posix() for path in (CHECKOUT / folder).rglob("*") if path.is_file()}
        here = {name for name in here if "__pycache__" not in name}
        assert {f"daisy/{name}" for name in here} <= names


def test_a_wheel_in_a_new_environment_trains_in_a_project_of_ones_own(built: Path, venv: Venv, tmp_path: Path) -> None:
    venv.install(only(built, "*.whl"))
    package = venv.site_packages / "daisy"
    assert venv.ask("daisy.__file__", tmp_path) == str(package / "__init__.py")
    assert venv.ask("project.shipped_folder()", tmp_path) == str(package)

    assert "myproject is a Daisy project now" in venv.daisy("init", "myproject", cwd=tmp_path)
    mine = tmp_path / "myproject"
    (mine / "pairs.tsv").write_text("".join(f"{stem}n\t{stem}\n" for stem in ("talo", "kala", "auto", "meri", "tie", "puu")))
    (mine / "conf" / "dataset").mkdir(exist_ok=True)
    (mine / "conf" / "dataset" / "tiny.yaml").write_text("defaults: [_files]\ntrain: pairs.tsv\ndev: pairs.tsv\n")
    (mine / "conf" / "train").mkdir(exist_ok=True)
    (mine / "conf" / "train" / "default.yaml").write_text(with_epochs(2, package / "conf" / "train" / "default.yaml"))

    assert venv.daisy("--cfg", "job", "-p", "train.epochs", cwd=mine) == "2\n"
    venv.daisy("framework=suffix", "dataset=tiny", cwd=mine)
    venv.daisy("framework=arcadio", "dataset=tiny", "arch.hidden=8", "arch.embedding=8", "arch.filters=8", cwd=mine)
    baseline, trained = sorted((mine / "models").glob("r*"), key=lambda path: "arcadio" in path.name)
    for model, epochs in ((baseline, None), (trained, 2)):
        config, result = (json.loads((model / "daisy" / name).read_text()) for name in ("config.json", "result.json"))
        assert result["state"] == "done" and 0 <= result["accuracy"] <= 1
        assert config["configuration"]["train"]["epochs"] == 2 and "train.epochs" not in config["changed"]
        metrics = [json.loads(line) for line in (model / "daisy" / "metrics.jsonl").read_text().splitlines()]
        assert max((line.get("epoch") or 0 for line in metrics), default=None) == epochs or epochs is None
        text = "".join(path.read_text() for path in (model / "daisy").rglob("*") if path.is_file())
        assert str(CHECKOUT) not in text.replace(sysconfig.get_paths()["purelib"], "")
    assert not list(package.rglob("models")) and not list(package.rglob("outputs"))
    assert "tiny" in venv.daisy("list", cwd=mine)


def test_an_editable_install_reads_the_checkout(source: Path, venv: Venv, tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    shutil.copytree(source, checkout)
    venv.install("--editable", checkout)
    copies = venv.site_packages / "daisy" / "conf" / "train" / "default.yaml"
    assert venv.ask("daisy.__file__", tmp_path) == str(checkout / "daisy" / "__init__.py")
    assert venv.ask("project.shipped_folder()", tmp_path) == str(checkout)

    venv.daisy("init", "myproject", cwd=tmp_path)
    shipped = checkout / "conf" / "train" / "default.yaml"
    before = shipped.read_text()
    shipped.write_text(with_epochs(4, shipped))
    if copies.exists():
        assert copies.read_text() == before  # hatchling's copies are as old as the install
    assert venv.daisy("--cfg", "job", "-p", "train.epochs", cwd=tmp_path / "myproject") == "4\n"
    assert venv.daisy("--cfg", "job", "-p", "train.epochs", cwd=checkout) == "4\n"  # it is a project itself


APP = """
import hydra
from omegaconf import OmegaConf

@hydra.main(version_base="1.3", config_path=None)
def app(config):
    raise SystemExit("it ran")

app()
"""


def plugins_of(venv: Venv, folder: Path) -> str:
    """What a program of somebody else's that uses Hydra finds of Daisy."""
    (folder / "app.py").write_text(APP)
    shown = run([venv.python, "app.py", "--info", "plugins"], cwd=folder)
    assert run([venv.python, "app.py", "--cfg", "hydra", "-p", "hydra.launcher", "hydra/launcher=daisy_slurm"], cwd=folder)
    return shown


def test_programs_that_use_hydra_find_the_launchers_of_a_wheel(built: Path, venv: Venv, tmp_path: Path) -> None:
    venv.install(only(built, "*.whl"))
    shown = plugins_of(venv, tmp_path)
    assert "DaisyLocal" in shown and "DaisySlurm" in shown
    assert not (venv.site_packages / "hydra_plugins" / "__init__.py").exists()
    used = subprocess.run(
        [venv.python, "app.py", "-m", "hydra/launcher=daisy_local"], cwd=tmp_path, capture_output=True, text=True, timeout=100
    )
    assert used.returncode == 1 and "it runs no other program's jobs: use it with `daisy -m" in used.stderr
    train_with_the_stock_sweeper(venv, tmp_path)


def test_programs_that_use_hydra_find_the_launchers_of_an_editable_install(source: Path, venv: Venv, tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    shutil.copytree(source, checkout)
    venv.install("--editable", checkout)
    shown = plugins_of(venv, tmp_path)
    assert "DaisyLocal" in shown and "DaisySlurm" in shown
    train_with_the_stock_sweeper(venv, tmp_path)


def test_a_checkout_that_was_not_installed_has_its_launchers(source: Path, venv: Venv, tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    shutil.copytree(source, checkout)
    (venv.site_packages / "checkout.pth").write_text(f"{checkout}\n")
    (venv.folder / "bin" / "daisy").write_text(f"#!{venv.python}\nfrom daisy.cli import main\nmain()\n")
    (venv.folder / "bin" / "daisy").chmod(0o755)
    assert "DaisyLocal" not in run([venv.python, "-c", APP, "--info", "plugins"], cwd=tmp_path)
    train_with_the_stock_sweeper(venv, tmp_path)


def train_with_the_stock_sweeper(venv: Venv, folder: Path) -> None:
    venv.daisy("init", "grid", cwd=folder)
    (folder / "grid" / "pairs.tsv").write_text("talon\ttalo\nkalan\tkala\nauton\tauto\nmeren\tmeri\n")
    (folder / "grid" / "conf" / "dataset").mkdir(exist_ok=True)
    (folder / "grid" / "conf" / "dataset" / "tiny.yaml").write_text("defaults: [_files]\ntrain: pairs.tsv\ndev: pairs.tsv\n")
    venv.daisy("-m", "hydra/sweeper=basic", "framework=suffix", "dataset=tiny", cwd=folder / "grid")
    assert len(list((folder / "grid" / "models").glob("r*/daisy/result.json"))) == 1


def test_copies_inside_a_checkouts_package_are_passed_over(source: Path, tmp_path: Path, venv: Venv) -> None:
    checkout = tmp_path / "checkout"
    shutil.copytree(source, checkout)
    for name in ("conf", "frameworks"):
        shutil.copytree(checkout / name, checkout / "daisy" / name)
    (venv.site_packages / "checkout.pth").write_text(f"{checkout}\n")
    assert venv.ask("project.shipped_folder()", tmp_path) == str(checkout)
    shutil.rmtree(checkout / "conf")
    assert venv.ask("project.shipped_folder()", tmp_path) == str(checkout / "daisy")


def test_these_tests_read_the_checkout_that_they_are_in() -> None:
    if Path(daisy.__file__).resolve().parent != CHECKOUT / "daisy":
        pytest.skip(f"Daisy is installed in {Path(daisy.__file__).parent}, not editable from this checkout")
    assert shipped_folder() == CHECKOUT
