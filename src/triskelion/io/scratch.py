"""Room on disk for arrays that do not fit into memory: mapped files that vanish with the process, however it ends."""

import os
import tempfile
from pathlib import Path

import numpy as np

from triskelion.errors import JobError


class ScratchStore:
    """Room for packed images in mapped files (an ``ArrayStore``).

    A file is unlinked as soon as it is mapped: the system frees its room when the last map of it goes, even if the process is killed.

    Parameters
    ----------
    folder : path
        On a disk with room for the arrays.
    dtype : float32 or float16
    """

    def __init__(self, folder: str | os.PathLike, dtype: type[np.floating] = np.float16):
        self._folder, self._dtype = Path(folder), dtype

    def empty(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """Return an array to be filled.

        Raises
        ------
        JobError
            The disk is too full.
        """
        n_bytes = int(np.prod(shape)) * np.dtype(self._dtype).itemsize
        with tempfile.NamedTemporaryFile(dir=self._folder, prefix=f".{name}.{os.getpid()}.") as file:
            try:
                os.posix_fallocate(file.fileno(), 0, n_bytes)
            except OSError as error:
                raise JobError(f"no room for {n_bytes / 1e9:.1f} GB of packed images in {self._folder}: {error.strerror}") from error
            return np.memmap(file.name, dtype=self._dtype, mode="r+", shape=shape)
