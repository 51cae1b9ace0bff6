"""Slots of a local lane: processor cores, GPUs and memory, given to jobs in the order they came."""

from triskelion.project.submission import Submission
from triskelion.runners.lanes import LocalLane


class Slots:
    """What is free of a lane.

    A job that does not fit yet sets aside what it wants: those behind it may start only beside it, so that a large job is never passed for ever.
    """

    def __init__(self, lane: LocalLane):
        self._gpu_ids = [str(gpu) for gpu in lane.gpus]
        self._free = {"cpus": lane.cpus, "gpus": len(lane.gpus), "memory_GB": lane.memory_GB}

    @property
    def free(self) -> dict[str, float]:
        """What is free of each; below zero where more is wanted than there is."""
        return dict(self._free)

    def hold(self, submission: Submission) -> None:
        """Count what a job that runs has."""
        self._subtract(submission)
        self._gpu_ids = [gpu for gpu in self._gpu_ids if gpu not in submission.gpu_ids]

    def take(self, submission: Submission) -> list[str] | None:
        """Give a job what it wants, or set it aside; return its GPUs, None where it has to wait."""
        lacking = self.find_lacking(submission)
        self._subtract(submission)
        if lacking:
            return None
        given, self._gpu_ids = self._gpu_ids[: submission.gpus], self._gpu_ids[submission.gpus :]
        return given

    def find_lacking(self, submission: Submission) -> list[str]:
        """Return what there is too little of for a job: ``GPUs: 2 wanted, 1 free``."""
        names = {"cpus": "cores", "gpus": "GPUs", "memory_GB": "GB"}
        wanted = _wants(submission)
        lacking = {name: max(free, 0) for name, free in self._free.items() if wanted[name] > 0 and wanted[name] > free + 1e-6}
        return [f"{names[name]}: {wanted[name]:g} wanted, {free:g} free" for name, free in lacking.items()]

    def _subtract(self, submission: Submission) -> None:
        for name, wanted in _wants(submission).items():
            self._free[name] -= wanted


def _wants(submission: Submission) -> dict[str, float]:
    return {"cpus": submission.cpus, "gpus": submission.gpus, "memory_GB": submission.memory_GB}
