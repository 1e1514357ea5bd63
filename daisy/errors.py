"""What can go wrong and be put right by a person. Each message is one line that ends in what to do."""


class DaisyError(Exception):
    """The root of the tree: shown as one line, without a traceback."""

    exit_code = 1


class ConfigurationError(DaisyError):
    """A configuration that can't be run as it was asked for. Nothing was created."""

    exit_code = 2


class ProjectError(ConfigurationError):
    """There is no project, or it can't be read."""


class DatasetError(ConfigurationError):
    """A dataset that is not there, can't be fetched, or is not what it should be."""


class FrameworkError(ConfigurationError):
    """An adapter or an interpreter that is not there or breaks its contract."""


class ModelError(DaisyError):
    """A model that is not there, is not unique, or is not in the state that was asked for."""

    exit_code = 2


class LaunchError(DaisyError):
    """Models that can't be launched, or a place to run that can't be had."""


class FolderError(DaisyError):
    """A folder or file of a model that is damaged."""


class StudyError(FolderError):
    """A study of a search that can't be read or written as things are: its journal or its database. The folders are whole."""


class TrainingFailed(DaisyError):
    """A framework that did not do what it was told to."""

    def __init__(self, reason: str, hint: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint
