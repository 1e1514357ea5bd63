"""An adapter's text through the kit."""

from collections.abc import Sequence
from pathlib import Path

from daisy.framework.conformance import Case, Evidence, Subject, Verdict, examine, sandbox
from daisy.framework.conformance.kit import CHECKS, Check
from daisy.framework.lookup import AdapterFile

LOG = b"".join(
    b"epoch %d step %d loss %.4f\n" % (epoch, 10 * epoch, 3.25 / epoch) + b"epoch %d is whole\n" % epoch for epoch in range(1, 13)
)
CHECKPOINT = '{"epoch": 12}'


def verdicts(text: str, cases: list[Case], folder: Path, checks: Sequence[Check] = CHECKS) -> dict[str, Verdict]:
    """What the kit says of an adapter."""
    (folder / "mine").mkdir()
    (folder / "mine.py").write_text(text, encoding="utf-8")
    (folder / "mine" / "requirements.txt").write_text("numpy==1.26.4\nrich==13.8.0  # as it was tried\n")
    (folder / "mine" / "open.txt").write_text("numpy>=1.26\n")
    model_out = folder / "model_out"
    model_out.mkdir()
    for name in ("best.bin", "best.json", "last.bin", "epoch-1.bin", "epoch-2.bin"):
        (model_out / name).write_text(CHECKPOINT)
    section = cases[0].configuration.values["framework"]
    evidence = Evidence([LOG + b"finished: epochs\n"], model_out)
    subject = Subject(AdapterFile("mine", folder / "mine.py"), section, cases, sandbox(folder / "sandbox"), evidence)
    return {verdict.check.name: verdict for verdict in examine(subject, checks)}
