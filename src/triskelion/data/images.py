"""What the mathematics asks of particle images, whatever file they lie in."""

from typing import Protocol

import numpy as np


class ImageSource(Protocol):
    """Images of the rows of one particle table, read on demand."""

    def __len__(self) -> int:
        """Return the number of images."""
        ...

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Return the images of ``rows`` (all of one optics group), float32 (len(rows), box, box), protein bright."""
        ...


class ArrayImages:
    """Images already in memory (simulations and tests).

    Parameters
    ----------
    images : ndarray, shape (n, box, box)
        Protein bright.
    """

    def __init__(self, images: np.ndarray):
        self._images = images

    def __len__(self) -> int:
        return len(self._images)

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Return the images of ``rows`` as float32."""
        return np.asarray(self._images[rows], dtype=np.float32)


class ArrayStore(Protocol):
    """Room for packed images: in memory, or in files where that is too small."""

    def empty(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """Return an array to be filled, float32 or float16."""
        ...


class MemoryStore:
    """Room in memory.

    Parameters
    ----------
    dtype : float32 or float16
        Half precision keeps three digits of numbers of order one.
    """

    def __init__(self, dtype: type[np.floating] = np.float32):
        self._dtype = dtype

    def empty(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """Return an array to be filled."""
        return np.empty(shape, self._dtype)
