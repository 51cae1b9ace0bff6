"""A segmentation as one .npz file of plain arrays, which numpy reads anywhere: labels, parent, step, names, pixel size, level."""

import os
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from triskelion.data.segmentation import Segmentation
from triskelion.errors import DataError, InputError
from triskelion.io.atomic_write import replace_when_complete


def write_segmentation(path: str | os.PathLike, segmentation: Segmentation) -> None:
    """Write a segmentation; an older file is replaced only once the new one is complete."""
    named = sorted(segmentation.names)
    with replace_when_complete(path) as beside, beside.open("wb") as stream:
        np.savez_compressed(
            stream,
            labels=segmentation.labels,
            parent=segmentation.parent,
            step=segmentation.step,
            pixel_size_A=np.float64(segmentation.pixel_size_A),
            level=np.float64(segmentation.level),
            named_nodes=np.array(named, dtype=np.int32),
            names=np.array([segmentation.names[node] for node in named], dtype=np.str_),
        )


def read_segmentation(path: str | os.PathLike) -> Segmentation:
    """Read a segmentation, exactly as it was written.

    Raises
    ------
    DataError
        The file is missing, damaged, or holds something else.
    """
    try:
        with Path(path).open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            return Segmentation(
                labels=stored["labels"],
                parent=stored["parent"],
                step=stored["step"],
                pixel_size_A=float(stored["pixel_size_A"]),
                level=float(stored["level"]),
                names={int(node): str(name) for node, name in zip(stored["named_nodes"], stored["names"], strict=True)},
            )
    except FileNotFoundError:
        raise DataError(f"{path} is missing") from None
    except (OSError, ValueError, EOFError, KeyError, TypeError, AttributeError, BadZipFile, InputError) as error:
        raise DataError(f"{path} is no segmentation that can be read ({error}): make it again with segment_map") from error
