"""The errors a person can mend, as opposed to defects of the program."""


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
