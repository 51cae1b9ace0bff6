"""Which part of a job a process does where several share it, and what they tell one another.

The processes of a job, its ranks, run the same program on the same inputs, each for its own images: even ranks have those of half-set a, odd ones
those of b, so that two ranks exchange nothing but results; the ranks of one half share its images out among themselves. What is made of all
images of a half, or of all images, is added up; what is settled for all is what the first rank has found.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol, TypeVar

import numpy as np

if TYPE_CHECKING:
    from torch import Tensor

N_HALVES = 2
Result = TypeVar("Result")


class Ranks(Protocol):
    """The processes that share a job, seen from one of them. All of them must ask for the same things in the same order."""

    @property
    def rank(self) -> int:
        """Number of this process, 0 for the one that writes files."""
        ...

    @property
    def size(self) -> int:
        """How many processes there are: one, or an even number."""
        ...

    def add(self, *arrays: np.ndarray) -> None:
        """Replace arrays, in place, by their sums over all ranks."""
        ...

    def add_in_half(self, *tensors: "Tensor") -> None:
        """Replace tensors, in place, by their sums over the ranks that have images of the same half-set."""
        ...

    def from_rank(self, rank: int, array: np.ndarray) -> np.ndarray:
        """Return what one rank has; shape and type of ``array`` count on that rank only."""
        ...

    def by_first(self, compute: Callable[[], Result]) -> Result:
        """Return what the first rank computes, with the cores of those on its machine; ``compute`` itself asks nothing of other ranks."""
        ...


class OneRank:
    """A job in a single process."""

    rank, size = 0, 1

    def add(self, *arrays: np.ndarray) -> None:
        """Leave sums as they are."""

    def add_in_half(self, *tensors: "Tensor") -> None:
        """Leave sums as they are."""

    def from_rank(self, rank: int, array: np.ndarray) -> np.ndarray:
        """Return the array."""
        return array

    def by_first(self, compute: Callable[[], Result]) -> Result:
        """Return what is computed."""
        return compute()


def halves_of(ranks: Ranks) -> tuple[int, ...]:
    """Half-sets of which this rank has images."""
    return tuple(range(N_HALVES)) if ranks.size == 1 else (ranks.rank % N_HALVES,)


def own_particles(ranks: Ranks, half_set: np.ndarray, uid: np.ndarray) -> np.ndarray:
    """Whose images this rank works on, bool (p,): each particle of a half-set is one rank's.

    A rank has a stretch of its half's uids: folds, which take every so manieth, are shared out evenly.
    """
    own = np.zeros(len(uid), bool)
    for half in halves_of(ranks):
        rows = np.flatnonzero(half_set == half)
        own[np.array_split(rows[np.argsort(uid[rows])], max(ranks.size // N_HALVES, 1))[ranks.rank // N_HALVES]] = True
    return own


def gather_rows(ranks: Ranks, own: np.ndarray, *arrays: np.ndarray) -> None:
    """Fill arrays (p, ...), in place, with the rows that other ranks have made; ``own`` (p,) are those of this rank."""
    if ranks.size > 1:
        for array in arrays:
            array[~own] = 0
        ranks.add(*arrays)


def gather_halves(ranks: Ranks, made: Mapping[int, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return what was made of half a and of half b, each by the ranks that have its images."""
    if ranks.size == 1:
        return made[0], made[1]
    half_a, half_b = (ranks.from_rank(half, made.get(half, np.empty(0))) for half in range(N_HALVES))  # rank 0 has half a, rank 1 has b
    return half_a, half_b
