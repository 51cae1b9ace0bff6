"""The errors a person can mend, as opposed to defects of the program."""

import errno


class TriskelionError(Exception):
    """Base of every error that is shown as one message instead of a traceback."""


class InputError(TriskelionError):
    """A parameter or an input does not fit: the message says what was got, what is wanted and what to do."""


class DataError(TriskelionError):
    """A file is not what it should be: the message names the file and, in tables and stacks, the row."""


class JobError(TriskelionError):
    """A job or project cannot do what was asked of it (unknown job, still running, cancelled ...)."""


class JobCancelled(JobError):
    """The job was asked to stop."""


def is_disk_full(error: BaseException | None) -> bool:
    """Whether the system had no room for what was to be written, or something else failed for that."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        error = error.__cause__
    return False
