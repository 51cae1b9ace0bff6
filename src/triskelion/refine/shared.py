"""Quantities that both half-sets share: everything else of a half is made of its own images alone.

The resolution limit, the filter of the references, the pooled noise, the prior's widths and the decision to stop are computed from
both halves. They pass through one record, so that a run can be replayed with the same shared quantities and other images in half b:
every array of half a must then be the same bit for bit (a test does that).
"""

from collections.abc import Callable, Mapping

import numpy as np

from triskelion.errors import InputError
from triskelion.ranks import OneRank, Ranks


class SharedRecord:
    """Keeps what was settled; hands back the recorded value instead of computing it where a recording is given.

    Parameters
    ----------
    recorded : mapping of str to ndarray, optional
        ``settled`` of an earlier run.
    ranks : Ranks, optional
        Where several processes refine together: what the first has found holds for all.
    """

    def __init__(self, recorded: Mapping[str, np.ndarray] | None = None, ranks: Ranks | None = None):
        self._recorded = recorded
        self.ranks: Ranks = ranks or OneRank()
        self.settled: dict[str, np.ndarray] = {}

    def settle(self, name: str, compute: Callable[[], np.ndarray | float | bool]) -> np.ndarray:
        """Return the value of a shared quantity, recorded or computed; ``name`` says which, where and in which iteration.

        Raises
        ------
        InputError
            The recording does not hold it.
        """
        found = np.asarray(compute()) if self._recorded is None else self._replay(name)
        self.settled[name] = self.ranks.from_rank(0, found)
        return self.settled[name]

    def settle_by_first(self, name: str, compute: Callable[[], np.ndarray | float | bool]) -> np.ndarray:
        """Settle what is made of whole maps or of all poses, which every rank has: the first does it alone, with the cores of all."""
        self.settled[name] = self.ranks.by_first(lambda: np.asarray(compute())) if self._recorded is None else self._replay(name)
        return self.settled[name]

    def _replay(self, name: str) -> np.ndarray:
        if self._recorded is None or name not in self._recorded:
            raise InputError(f"the recording to replay holds no {name}: replay it with the parameters of the run it was recorded in")
        return np.asarray(self._recorded[name])

    def settle_once(self, name: str, compute: Callable[[], np.ndarray | float | bool]) -> np.ndarray:
        """Return what was settled under this name before, or settle it: a quantity that stays the same."""
        return self.settled[name] if name in self.settled else self.settle(name, compute)
