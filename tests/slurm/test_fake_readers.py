"""What Slurm's commands print is read as it is meant, or not at all: nothing makes a job that lives look dead."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daisy.launch import slurm
from daisy.launch.refused import is_for_ever, is_limit, refusal

HEADER = ("JOBID", "NAME", "STATE", "REASON", "NODELIST", "TIME", "COMMAND", "COMMENT")
FEW = settings(max_examples=40, deadline=None)
ANY = st.text().map(lambda text: text.replace("\x1e", "").replace("\x1f", ""))
STATES = st.sampled_from(["PENDING", "RUNNING", "COMPLETING", "SUSPENDED", "CONFIGURING", "CANCELLED", "NODE_FAIL", "COMPLETED"])
IDS = st.from_regex(r"[1-9][0-9]{0,8}(_[0-9]{1,4})?", fullmatch=True)
JOBS = st.lists(st.tuples(IDS, ANY, STATES, ANY, ANY, ANY, ANY, ANY), unique_by=lambda job: job[0], max_size=6)


def table(*rows: tuple[str, ...]) -> str:
    """What squeue prints."""
    return "".join("\x1f".join(row) + "\x1e\n" for row in (HEADER, *rows))


def job(job_id: str, state: str = "RUNNING", name: str = "daisy-0", comment: str = "(null)") -> tuple[str, ...]:
    """A row of squeue's."""
    return (job_id, name, state, "None", "n1", "0:05", "/models/s.sh", comment)


@FEW
@given(JOBS)
def test_names_and_comments_have_any_character(rows: list[tuple[str, ...]]) -> None:
    queue = slurm.read_queue(table(*rows))
    assert queue is not None
    assert set(queue.begun) | queue.ended.keys() == {row[0] for row in rows if row[2] != "PENDING"}
    assert [(one.job_id, one.name, one.state, one.comment) for one in queue.jobs] == [
        (row[0], row[1], row[2], row[7]) for row in rows if row[2] not in slurm.OVER
    ]


@FEW
@given(JOBS, st.data())
def test_an_answer_that_is_cut_is_none_or_whole_records(rows: list[tuple[str, ...]], data: st.DataObject) -> None:
    text = table(*rows)
    cut = text[: data.draw(st.integers(0, len(text) - 1))]
    queue = slurm.read_queue(cut)
    assert (queue is None) == (not cut.endswith("\x1e\n"))


@FEW
@given(JOBS.filter(bool), st.data())
def test_a_damaged_byte_makes_no_living_job_dead(rows: list[tuple[str, ...]], data: st.DataObject) -> None:
    """Whatever becomes of one record: the answer is none, or has the others, and never calls one ended that is not."""
    place = data.draw(st.integers(0, len(rows) - 1))
    damaged = "\x1f".join(rows[place])
    cut = damaged[: data.draw(st.integers(0, len(damaged) - 1))] + data.draw(st.sampled_from(["", "\x1f", "\x1e", "?", "\n"]))
    text = table(*rows[:place]) + cut + "\x1e\n" + table(*rows[place + 1 :]).partition("\n")[2]
    queue = slurm.read_queue(text)
    if queue is not None and rows[place][2] not in slurm.OVER:
        others = {row[0] for row in rows if row[2] in slurm.OVER and row is not rows[place]}
        assert queue.ended.keys() <= others
        assert rows[place][0] in {one.job_id for one in queue.jobs}


@FEW
@given(st.text())
def test_no_text_makes_a_reader_raise(text: str) -> None:
    for told in (text, HEADER[0] + text, "JobID|State|NodeList\n" + text, "JobId=1 UserId=" + text, table() + text):
        slurm.read_queue(told)
        slurm.read_accounted(told)
        slurm.read_facts(told)
        slurm.seconds_of(told)
        slurm.said(told)
        is_for_ever(told), is_limit(told), refusal(told)


@pytest.mark.parametrize(
    "text",
    [
        "", "\n", "JOBID", "JOBID\x1fNAME", "JOBID\x1e\n" + "\x7fELF\x02", "slurm_load_jobs error: Invalid job id specified\n",
        "             JOBID PARTITION     NAME     USER ST       TIME  NODES NODELIST(REASON)\n",
        "CLUSTER: daisytest\n" + table(job("1")), table(job("12_[3-5%1]")), table(job("12_[1,3,5,...]")), table(("1", "RUNNING")),
        table(job("1", "running?")), table(job("1"))[:-2], table(job("1")).replace("\x1e", ""),
    ],
)  # fmt: skip
def test_what_is_no_answer_of_squeue(text: str) -> None:
    assert slurm.read_queue(text) is None


def test_what_is_an_answer_of_squeue() -> None:
    assert slurm.read_queue(table()) == slurm.Queue(())
    # A person's own heterogeneous jobs beside Daisy's.
    queue = slurm.read_queue(table(job("12+0"), job("12+1", "PENDING"), job("13_0+1"), job("14_3"), job("15", "OUT_OF_MEMORY")))
    assert queue is not None and list(queue.begun) == ["14_3"] and queue.ended == {"15": "OUT_OF_MEMORY"}
    assert queue.begun["14_3"].seconds == 5
    # A state that this Daisy has never heard of may be a job that lives.
    queue = slurm.read_queue(table(job("16", "SOME_NEW_STATE")))
    assert queue is not None and list(queue.begun) == ["16"]


def test_very_many_jobs() -> None:
    queue = slurm.read_queue(table(*(job(f"7_{task}", "PENDING" if task % 2 else "RUNNING") for task in range(10_000))))
    assert queue is not None and len(queue.jobs) == 10_000 and len(queue.begun) == 5_000


def test_what_sacct_prints() -> None:
    told = slurm.read_accounted(
        "JobID|State|NodeList\n12_3|CANCELLED by 1000|n1\n12_3.batch|CANCELLED|n1\n12_3.0|FAILED|n1\n13|RUNNING|None assigned\n"
        "14+0|NODE_FAIL|n[1-2]\n15_[3-5%1]|PENDING|None assigned\n16||n1\n17|TIM"
    )
    assert told is not None
    assert told["12_3"] == "CANCELLED" and told["13"] == "RUNNING" and told["14+0"] == "NODE_FAIL"
    assert "16" not in told and "17" not in told
    for text in ("", "JobID|State\n1|FAILED\n", "1|FAILED|n1\n", "Slurm accounting storage is disabled\n", "\x7fELF"):
        assert slurm.read_accounted(text) is None


@FEW
@given(st.dictionaries(IDS, STATES), st.data())
def test_sacct_cut_at_any_place_says_nothing_wrong(states: dict[str, str], data: st.DataObject) -> None:
    text = "JobID|State|NodeList\n" + "".join(f"{job_id}|{state}|n1\n" for job_id, state in states.items())
    told = slurm.read_accounted(text[: data.draw(st.integers(0, len(text)))])
    assert told is None or told.items() <= states.items()


def test_facts_are_not_taken_from_names_and_comments() -> None:
    told = slurm.read_facts(
        "JobId=461 JobName=a\nJobState=DEAD b UserId=root(0) JobState=RUNNING Reason=None PreemptTime=None Command=/x "
        'PreemptTime=now Comment=c\n"x" JobState=CANCELLED Power= \n'
    )
    assert told is not None and told["JobState"] == "RUNNING" and told["PreemptTime"] == "None"
    assert slurm.read_facts("slurm_load_jobs error: Invalid job id specified") is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0:00", 0), ("1:05", 65), ("2:03:04", 7384), ("1-02:03:04", 93784), ("INVALID", None), ("", None), ("²:03", None),
        ("-1:00", 60), ("9" * 5000, None), ("1-", None), ("a-1:00", None),
    ],
)  # fmt: skip
def test_seconds(text: str, seconds: int | None) -> None:
    assert slurm.seconds_of(text) == seconds


def test_the_words_of_slurm() -> None:
    limit = "Job violates accounting/QOS policy (job submit limit, user's size and/or time limits)"
    told = slurm.said(f"sbatch: error: QOSMaxSubmitJobPerUserLimit\nsbatch: error: Batch job submission failed: {limit}\n")
    assert told == f"QOSMaxSubmitJobPerUserLimit; Batch job submission failed: {limit}" and is_limit(told)
    assert slurm.said("") == slurm.said("\n \n") == "it does not say why"


def test_bytes_that_are_no_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script's path is found again whatever its bytes are, and whichever language a person has set."""
    raw = b"\x1f".join([b"7", b"a\r\nb\xff", b"PENDING", b"None", b"", b"0:00", os.fsencode(tmp_path) + b"/\xfe\r.sh", b"\xfd"])
    header = "\x1f".join(HEADER).encode()
    (tmp_path / "answer").write_bytes(header + b"\x1e\n" + raw + b"\x1e\n")
    (tmp_path / "squeue").write_text(f"#!/bin/sh\nexec {shutil.which('cat')} '{tmp_path}/answer'\n")
    (tmp_path / "squeue").chmod(0o755)
    (tmp_path / os.fsdecode(b"\xfe\r.sh")).touch()
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    queue = slurm.queue()
    assert queue is not None and Path(queue.jobs[0].script).exists()
