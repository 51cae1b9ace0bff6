"""Particle images in MRC stacks, read on demand."""

import os
from functools import lru_cache
from pathlib import Path

import numpy as np

from triskelion.data.particles import Particles
from triskelion.errors import DataError, InputError
from triskelion.io.mrc import open_stack, read_header, release_pages

OPEN_STACKS = 32


def number_names(names: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Return the distinct names (n,), as they come, and the place of each row's among them, int64 (n,): no sorting, no copies of long text."""
    places: dict[str, int] = {}
    place_of_row = np.fromiter((places.setdefault(name, len(places)) for name in names.tolist()), dtype=np.int64, count=len(names))
    return list(places), place_of_row


class ParticleImages:
    """The images of one particle table: what ``data.images.ImageSource`` asks for.

    Stacks are mapped into memory when first touched, and only the last ``OPEN_STACKS`` stay open, because an experiment has
    thousands.

    Parameters
    ----------
    particles : Particles
    base_folder : path
        Relative image paths start here.
    """

    def __init__(self, particles: Particles, base_folder: str | os.PathLike):
        self._index = particles["image_index"]
        self._group = particles["optics_group"]
        self._optics = particles.optics
        names, self._stack_of_row = number_names(particles["image_path"])
        self._paths = [Path(base_folder, name) for name in names]
        self._open = lru_cache(maxsize=OPEN_STACKS)(open_stack)

    def __len__(self) -> int:
        return len(self._index)

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Read images.

        Parameters
        ----------
        rows : ndarray, int (n,)
            Row numbers, all of one optics group.

        Returns
        -------
        ndarray, float32, shape (n, box, box)
            Protein bright.

        Raises
        ------
        DataError
            An image is missing, of the wrong size, constant, or holds NaN; names file and row.
        """
        images, unreadable = self.load(rows)
        if unreadable:
            reason = next(iter(unreadable.values()))
            raise DataError(f"{reason}; mend the file, or import the particles again with drop_bad=true")
        return images

    def load(self, rows: np.ndarray) -> tuple[np.ndarray, dict[int, str]]:
        """Read images as ``read`` does, but collect what is wrong with them instead of stopping.

        Returns
        -------
        images : ndarray, float32, shape (n, box, box)
            Unreadable ones are 0.
        unreadable : dict of int to str
            Row number -> reason, which names file and row.
        """
        rows = np.atleast_1d(rows)
        groups = np.unique(self._group[rows])
        if len(groups) != 1:
            raise InputError(f"images of {len(groups)} optics groups asked for at once, wanted those of one")
        optics = self._optics[groups[0]]
        images = np.zeros((len(rows), optics.box_px, optics.box_px), dtype=np.float32)
        unreadable: dict[int, str] = {}
        for stack in np.unique(self._stack_of_row[rows]).tolist():
            places = np.flatnonzero(self._stack_of_row[rows] == stack)
            places = places[np.argsort(self._index[rows[places]], kind="stable")]  # disks like to be read forwards
            reasons = self._load_from_stack(self._paths[stack], places, self._index[rows[places]], images)
            unreadable |= {int(rows[place]): f"{self._paths[stack]} (row {rows[place] + 1}): {reason}" for place, reason in reasons.items()}
        images *= optics.image_sign
        return images, dict(sorted(unreadable.items()))

    def _load_from_stack(self, path: Path, places: np.ndarray, indices: np.ndarray, images: np.ndarray) -> dict[int, str]:
        """Fill ``images[places]`` from one stack; return what is wrong, by place."""
        if not path.is_file():
            return dict.fromkeys(places.tolist(), "there is no such file")
        try:
            stack = self._open(path)
        except DataError as error:
            return dict.fromkeys(places.tolist(), str(error))
        if stack.shape[1:] != images.shape[1:]:
            reason = f"images of {stack.shape[2]} x {stack.shape[1]} px, but the particle table says {images.shape[2]} x {images.shape[1]}"
            return dict.fromkeys(places.tolist(), reason)
        inside = indices < len(stack)
        reasons = {int(place): _describe_missing(path, int(index)) for place, index in zip(places[~inside], indices[~inside])}
        places = places[inside]
        images[places] = stack[indices[inside]]
        release_pages(stack)
        low, high = images[places].min(axis=(1, 2), initial=np.inf), images[places].max(axis=(1, 2), initial=-np.inf)
        finite = np.isfinite(low) & np.isfinite(high)
        images[places[~finite]] = 0
        for wrong, what in ((~finite, "holds NaN or infinite values"), (finite & (low == high), "is constant")):
            reasons |= {int(place): f"image {index + 1} {what}" for place, index in zip(places[wrong], indices[inside][wrong])}
        return reasons


def _describe_missing(path: Path, index: int) -> str:
    promised, held = read_header(path).shape[0], len(open_stack(path))
    if index < promised:
        return f"image {index + 1} is missing: the file is cut short, {held} of {promised} images are whole"
    return f"image {index + 1} is missing: the stack has {promised} images"
