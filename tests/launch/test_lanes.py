"""How many tasks each lane gets."""

from pathlib import Path

from daisy.launch import lanes
from daisy.launch.lanes import Lanes
from daisy.launch.slurm import Job

THREE = Lanes(Path("/models"), {"name": "d", "array_parallelism": 3})


def job(lane: int, state: str, tag: str = THREE.tag) -> Job:
    return Job("1", f"d-{lane}", state, "None", "", 0, "/x", tag)


def missing(count: int, *jobs: Job, load: dict[str, int] | None = None, of: Lanes = THREE) -> list[int]:
    live = {name: [one for one in jobs if one.name == name] for name in of.names}
    return list(lanes._missing(of, count, live, load or {}).values())


def test_as_many_tasks_as_models_spread_over_the_lanes() -> None:
    assert missing(1) == [1, 0, 0]
    assert missing(3) == [1, 1, 1]
    assert missing(8) == [3, 3, 2]
    assert missing(0) == [0, 0, 0]


def test_what_is_pending_already_counts() -> None:
    assert missing(3, job(0, "PENDING"), job(1, "PENDING"), job(2, "PENDING")) == [0, 0, 0]
    assert missing(6, job(0, "PENDING"), job(0, "PENDING"), job(0, "PENDING")) == [0, 2, 1]


def test_an_empty_lane_gets_a_task_though_enough_are_pending_elsewhere() -> None:
    """Lane 0 has all that is pending, and is busy: without one more the other lanes would stand empty."""
    busy = [job(0, "RUNNING"), *(job(0, "PENDING") for _ in range(5))]
    assert missing(5, *busy) == [0, 1, 1]
    assert missing(1, *busy) == [0, 1, 0]


def test_a_lane_whose_job_is_about_to_start_takes_a_model() -> None:
    assert missing(1, job(1, "PENDING")) == [0, 0, 0]
    assert missing(2, job(1, "PENDING")) == [1, 0, 0]


def test_jobs_that_ask_for_something_else_fill_their_lane_too() -> None:
    assert missing(1, job(0, "PENDING", "another")) == [0, 1, 0]
    assert missing(2, load={"d-0": 1, "d-1": 1}) == [1, 0, 1]
    assert missing(3, job(0, "RUNNING", "r1__a"), job(1, "RUNNING", "r2__b")) == [1, 1, 1]


def test_one_array_where_the_cluster_holds_the_cap() -> None:
    array = Lanes(Path("/models"), {"name": "d", "array_parallelism": 3, "cap": "array"})
    assert missing(8, of=array) == [8]
    one = Job("1_3", "d", "PENDING", "None", "", 0, "/x", array.tag)
    assert missing(8, one, of=array) == [7]
