"""Bring a map, with its half maps where there are some, or a mask into the project."""

from glob import glob
from pathlib import Path
from typing import Literal

import numpy as np

from triskelion.data.volume import Mask, Volume, require_same_grid
from triskelion.errors import InputError
from triskelion.jobs.context import JobContext
from triskelion.jobs.spec import JobParameters, JobType, parameter


class ImportVolumeParameters(JobParameters):
    """What import_volume is told."""

    path: Path = parameter(title="File", help="MRC file of the map or mask, also .map and .gz; a pattern like J*/map.mrc must fit one file.")
    kind: Literal["map", "half_a", "half_b", "mask"] = parameter("map", title="Kind", help="What the file is.")
    path_half_a: Path | None = parameter(None, title="Half map a", help="Half map that goes with the map: makes the job a volume with half maps.")
    path_half_b: Path | None = parameter(None, title="Half map b", help="The other half map.")
    pixel_size_A: float | None = parameter(None, title="Pixel size", unit="Å", gt=0, help="Replaces that of the headers.")


def run(parameters: ImportVolumeParameters, context: JobContext) -> None:
    """Read the files, compare their grids, save them under the project's names."""
    from triskelion.plots.map_slices import collect_map_slices

    wanted = {parameters.kind: parameters.path}
    if (parameters.path_half_a is None) != (parameters.path_half_b is None):
        raise InputError("one half map is of no use without the other: give both path_half_a and path_half_b, or neither")
    if parameters.path_half_a is not None and parameters.path_half_b is not None:
        if parameters.kind != "map":
            raise InputError(f"path_half_a and path_half_b go with kind=map, got kind={parameters.kind}")
        wanted |= {"half_a": parameters.path_half_a, "half_b": parameters.path_half_b}
    found = {
        name: _read_file(_match_one_file(context.project_folder / pattern), name, parameters.pixel_size_A, context)
        for name, pattern in wanted.items()
    }
    first = found[parameters.kind]
    for name, volume in found.items():
        require_same_grid(first, volume, f"{parameters.kind} ({wanted[parameters.kind]})", f"{name} ({wanted[name]})")
    if "half_a" in found and "half_b" in found and np.array_equal(found["half_a"].array, found["half_b"].array):
        raise InputError(f"half maps a and b are the same: {wanted['half_a']} and {wanted['half_b']}; give the two independent ones")
    for name, volume in found.items():
        context.save_volume(volume, name)
    context.plot("map_slices", collect_map_slices({name: Volume(volume.array, volume.pixel_size_A) for name, volume in found.items()}))
    context.summarize(box_px=first.box_px, pixel_size_A=first.pixel_size_A, kinds=list(found))


def _match_one_file(pattern: Path) -> Path:
    if pattern.is_file():
        return pattern
    matches = sorted(glob(str(pattern)))
    if len(matches) != 1:
        listed = f"{len(matches)} files, among them {', '.join(matches[:3])}" if matches else "no file"
        raise InputError(f"{pattern} fits {listed}; wanted exactly one")
    return Path(matches[0])


def _read_file(path: Path, name: str, pixel_size_A: float | None, context: JobContext) -> Volume | Mask:
    from triskelion.io.mrc import read_header, read_mask, read_volume

    header = read_header(path)
    volume = (read_mask if name == "mask" else read_volume)(path, pixel_size_A)
    context.log(f"{name}: {path}, box {volume.box_px} px at {volume.pixel_size_A:g} Å/px (header: {header.voxel_size_A[0]:g})")
    if np.abs(header.corner_xyz_A).max() > 0:
        corner = ", ".join(f"{value:g}" for value in header.corner_xyz_A)
        context.log(f"{path}: the header places the corner of the box at {corner} Å; the box itself is the frame here, as in RELION")
    return volume


JOB = JobType(
    name="import_volume",
    title="Import a map, half maps or a mask",
    parameters=ImportVolumeParameters,
    run=run,
    outputs={"map": "volume", "half_a": "volume", "half_b": "volume", "mask": "mask"},
)
