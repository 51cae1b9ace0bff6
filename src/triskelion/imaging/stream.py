"""All images of a table, one block after the other: what is too large for memory passes through it."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import zip_longest

import numpy as np

from triskelion.data.images import ImageSource
from triskelion.data.particles import Particles
from triskelion.fourier.shells import FourierDisc
from triskelion.imaging.forward import Grid, ImageSet, batch_size, batches, load_images


@dataclass(frozen=True)
class ImageStream:
    """The images of a particle table, read from their source each time they are asked for.

    Attributes
    ----------
    particles : Particles
    source : ImageSource
    grid : Grid
        Of the reference.
    disc : FourierDisc
        Coefficients that are wanted of each image.
    change : callable (rows, ImageSet) -> ImageSet, optional
        Done to every block that was read: a control experiment.
    """

    particles: Particles
    source: ImageSource
    grid: Grid
    disc: FourierDisc
    change: Callable[[np.ndarray, ImageSet], ImageSet] | None = None

    def __len__(self) -> int:
        return len(self.particles)

    def with_contrast(self, contrast: np.ndarray) -> "ImageStream":
        """Return the same images with another contrast s, shape (n,)."""
        return replace(self, particles=self.particles.with_columns(contrast=contrast))

    def load(self, rows: np.ndarray) -> ImageSet:
        """Read the images of ``rows``; rows of the result are numbered anew."""
        return self._changed(rows, self._read(rows))

    def blocks(self, rows: np.ndarray, advance: Callable[[int], None] = lambda steps: None) -> Iterator[tuple[np.ndarray, ImageSet]]:
        """Yield ``rows`` block by block with their images; the next block is read while the last one is worked on.

        ``advance`` is told how many images were worked on.
        """
        parts = batches(np.asarray(rows), batch_size(len(self.disc)))
        if not parts:
            return
        with ThreadPoolExecutor(max_workers=1) as reader:
            coming = reader.submit(self._read, parts[0])
            for part, following in zip_longest(parts, parts[1:]):
                images = coming.result()
                if following is not None:
                    coming = reader.submit(self._read, following)
                yield part, self._changed(part, images)
                advance(len(part))

    def _read(self, rows: np.ndarray) -> ImageSet:
        return load_images(self.particles, self.source, self.grid, self.disc, rows)

    def _changed(self, rows: np.ndarray, images: ImageSet) -> ImageSet:
        # not in the thread that reads: it may call compiled kernels, which one thread at a time may do
        return images if self.change is None else self.change(np.asarray(rows), images)


def spread_rows(rows: np.ndarray, uid: np.ndarray, at_most: int) -> np.ndarray:
    """Pick at most so many of ``rows``, evenly by uid, so that the order of the table does not matter."""
    if len(rows) <= at_most:
        return np.asarray(rows)
    by_uid = np.asarray(rows)[np.argsort(uid[rows], kind="stable")]
    return np.sort(by_uid[np.arange(at_most) * len(rows) // at_most])
