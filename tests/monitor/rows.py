"""A model as the registry tells it, for tests to change what they need."""

from daisy.registry import Row

ROW = Row(
    model_id="r1__curved__x",
    config_id="x",
    framework="curved",
    dataset="tiny",
    state="stopped",
    evidence="",
    began=1000.0,
    epoch=None,
    epochs=None,
    seconds=None,
    seconds_limit=None,
    accuracy=None,
    dev_accuracy=None,
    examples=None,
    dataset_checksum="",
    scorer=None,
    job=None,
    reason=None,
    sweep="s1__s/1",
    host=None,
    started=None,
    ended=None,
)
