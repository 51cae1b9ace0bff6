"""Segger's segmentations (.seg, HDF5), as UCSF Chimera and ChimeraX write them."""

import os
from dataclasses import dataclass

import h5py
import numpy as np

from triskelion.data.segmentation import Segmentation
from triskelion.data.volume import Volume
from triskelion.errors import DataError, InputError

PIXEL_SIZE_TOLERANCE = 1e-3


@dataclass(frozen=True)
class _SeggerFile:
    """What the file holds; regions are in its own order, with its own numbers."""

    labels: np.ndarray  # [z, y, x], the number of each voxel's region, 0 for none
    numbers: np.ndarray
    parent_numbers: np.ndarray  # 0 for none
    smoothing_px: np.ndarray  # standard deviation at which a group formed; 0 for regions and for groups that people made
    level: float
    pixel_size_A: float
    names: dict[int, str]


def read_segger(path: str | os.PathLike, volume: Volume) -> Segmentation:
    """Read a segmentation: regions, groups, names, level.

    Regions are numbered anew in the order of the file, groups after them. A group that formed at a smoothing of k px has step k.

    Parameters
    ----------
    path : path
    volume : Volume
        The map that was segmented.

    Raises
    ------
    DataError
        The file is missing, no Segger file, or contradicts itself.
    InputError
        It was made from a map on another grid.
    """
    try:
        with h5py.File(path, "r") as file:
            stored = _read_file(file)
    except FileNotFoundError:
        raise DataError(f"{path} is missing") from None
    except (OSError, KeyError, IndexError, ValueError, TypeError) as error:
        raise DataError(f"{path} is no segmentation of Segger that can be read ({error}): save it again in Chimera as .seg") from error
    _require_grid(path, stored, volume)
    try:
        return _number_anew(stored, volume.pixel_size_A)
    except InputError as error:
        raise DataError(f"{path} contradicts itself: {error}") from error


def _read_file(file: h5py.File) -> _SeggerFile:
    missing = {"format", "map_level", "ijk_to_xyz_transform"} - set(file.attrs)
    if missing or _text(file.attrs["format"]) != "segger":
        raise ValueError(f"it has no {min(missing)}" if missing else f"its format is {_text(file.attrs['format'])!r}")
    transform = np.array(file.attrs.get("ijk_to_xyz_transform"), dtype=np.float64)
    numbers = _read_array(file, "region_ids").astype(np.int64)
    voxel_A = np.linalg.norm(transform[:, :3], axis=0)
    if np.ptp(voxel_A) > PIXEL_SIZE_TOLERANCE * voxel_A.max():
        raise ValueError(f"its voxels of {voxel_A[0]:g} x {voxel_A[1]:g} x {voxel_A[2]:g} Å are no cubes")
    smoothing = _read_array(file, "smoothing_levels") if "smoothing_levels" in file else np.zeros(len(numbers))
    parents = _read_array(file, "parent_ids").astype(np.int64)
    if not (numbers.shape == parents.shape == smoothing.shape == (len(numbers),)):
        raise ValueError(f"it lists {numbers.size} regions, {parents.size} parents and {smoothing.size} smoothing levels")
    return _SeggerFile(
        labels=_read_array(file, "mask").astype(np.int64),
        numbers=numbers,
        parent_numbers=parents,
        smoothing_px=smoothing,
        level=float(np.array(file.attrs.get("map_level"))),
        pixel_size_A=float(voxel_A[0]),
        names=_read_names(file),
    )


def _read_names(file: h5py.File) -> dict[int, str]:
    """Return the texts that people gave to regions: of every attribute whose values are texts, the first one of a region."""
    names: dict[int, str] = {}
    for group in file.values():
        if isinstance(group, h5py.Group) and "ids" in group and "values" in group:
            values = _read_array(group, "values")
            if values.dtype.kind in "SUO":
                for number, value in zip(_read_array(group, "ids"), values, strict=True):
                    names.setdefault(int(number), _text(value))
    return names


def _read_array(group: h5py.Group, name: str) -> np.ndarray:
    dataset = group[name]
    if not isinstance(dataset, h5py.Dataset):
        raise ValueError(f"its {name} is no array")
    return np.asarray(dataset[()])


def _text(value) -> str:
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value)


def _require_grid(path, stored: _SeggerFile, volume: Volume) -> None:
    same_pixel = abs(stored.pixel_size_A - volume.pixel_size_A) <= PIXEL_SIZE_TOLERANCE * volume.pixel_size_A
    if stored.labels.shape != volume.array.shape or not same_pixel:
        size = " x ".join(map(str, stored.labels.shape[::-1]))
        raise InputError(
            f"{path} was made from a map of {size} voxels at {stored.pixel_size_A:g} Å/px, "
            f"the map has box {volume.box_px} px at {volume.pixel_size_A:g} Å/px: give the map that was segmented"
        )


def _number_anew(stored: _SeggerFile, pixel_size_A: float) -> Segmentation:
    """Number leaves from 1 on, then groups so that each has a larger number than its members; regions without voxels are left out."""
    parent = dict(zip(stored.numbers.tolist(), stored.parent_numbers.tolist(), strict=True))
    present = set(np.unique(stored.labels).tolist()) - {0}
    unknown = (present | {above for above in parent.values() if above}) - set(parent)
    if unknown:
        raise InputError(f"region {min(unknown)} is used, but not listed")
    height = dict.fromkeys(present, 0)  # of a node above the leaves below it
    for leaf in present:
        node, steps = leaf, 0
        while parent[node]:
            node, steps = parent[node], steps + 1
            height[node] = max(height.get(node, 0), steps)
            if steps > len(parent):
                raise InputError(f"region {node} is part of itself")
    order = sorted(height, key=lambda number: (height[number], number))
    new = {0: 0, **{number: node for node, number in enumerate(order, 1)}}
    smoothing = dict(zip(stored.numbers.tolist(), stored.smoothing_px.tolist(), strict=True))
    above = np.array([0, *(new[parent[number]] for number in order)], dtype=np.int32)
    step = np.array([0, *(0 if number in present else round(smoothing[number]) for number in order)], dtype=np.int32)
    for node in range(1, len(step)):  # groups that people made have smoothing 0: they come after their members
        if above[node]:
            step[above[node]] = max(step[above[node]], step[node])
    numbers, places = np.unique(stored.labels, return_inverse=True)
    labels = np.array([new[number] for number in numbers.tolist()], dtype=np.int32)[places.reshape(stored.labels.shape)]
    names = {new[number]: name for number, name in stored.names.items() if number in new and number}
    return Segmentation(labels, above, step, pixel_size_A, stored.level, names)
