"""Particle tables from and to CryoSPARC: poses, CTF, exposure groups and half-sets; what else its files hold travels along as text.

The pose is R = exp(pose)^T, t = -shift, in px of ``alignments3D/psize_A``, which need not be those of ``blob/psize_A``. A beam tilt of CryoSPARC is
Cs times the angle, in Å. Particles of one exposure group, pixel size, voltage ... are one optics group.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from triskelion.data.particles import HALF_A, HALF_B, NO_HALF, Particles
from triskelion.errors import DataError
from triskelion.geometry.euler import cryosparc_pose_to_matrix, matrix_to_cryosparc_pose
from triskelion.geometry.rotations import matrix_to_rotvec, rotvec_to_matrix
from triskelion.io import cs, cs_fields
from triskelion.io import particle_labels as labels
from triskelion.io.optics_star import Microscope, file_pixel_sizes_A, parse_optics

FROM_THE_FILE = Microscope()
LARGEST_DEFOCUS_A = 300_000.0
CS_A_PER_MM, MRAD = 1e7, 1e-3
IDENTITY = np.array([1.0, 0.0, 0.0, 1.0])  # CryoSPARC writes what is added to it

_GROUPING = (
    "ctf/exp_group_id", "blob/psize_A", "blob/shape", "blob/sign", "ctf/accel_kv", "ctf/cs_mm", "ctf/amp_contrast", "ctf/tilt_A", "ctf/anisomag",
)  # fmt: skip
_OPTICS = {"blob/psize_A": "pixel_size_A", "ctf/accel_kv": "voltage_kV", "ctf/cs_mm": "cs_mm", "ctf/amp_contrast": "amplitude_contrast"}
_NUMBERS = {
    "ctf/df1_A": "defocus_u_A",
    "ctf/df2_A": "defocus_v_A",
    "ctf/df_angle_rad": "defocus_angle_rad",
    "ctf/phase_shift_rad": "phase_shift_rad",
    "ctf/bfactor": "ctf_bfactor_A2",
    "ctf/scale": "ctf_scale",
}
_POSE, _SHIFT, _SPLIT = "alignments3D/pose", "alignments3D/shift", "alignments3D/split"
_SHIFT_PIXEL, _ALPHA, _TILT = "alignments3D/psize_A", "alignments3D/alpha", "ctf/tilt_A"
_IMAGES = ("blob/path", "blob/idx", "blob/shape")
_OURS = {cs.UID, *_IMAGES, *_OPTICS, *_NUMBERS, "blob/sign", "ctf/anisomag", _POSE, _SHIFT, _SPLIT}
_NEEDED = {
    "images": (*_IMAGES, "blob/psize_A"),
    "CTF": ("ctf/accel_kv", "ctf/cs_mm", "ctf/amp_contrast", "ctf/df1_A", "ctf/df2_A", "ctf/df_angle_rad"),
    "3D poses": (_POSE, _SHIFT),
}
_SHAPES = {"blob/shape": (2,), _SHIFT: (2,), _POSE: (3,), _TILT: (2,), "ctf/anisomag": (4,)}
# Aberrations whose formula CryoSPARC does not publish.
NOT_APPLIED = {"ctf/shift_A": "image shift", "ctf/trefoil_A": "trefoil", "ctf/tetra_A": "tetrafoil", _TILT: "beam tilt at Cs 0"}


def parse_cs_particles(
    path: str | os.PathLike, passthrough: Sequence[str | os.PathLike] = (), microscope: Microscope = FROM_THE_FILE
) -> tuple[Particles, dict[int, str]]:
    """Read the particles of a .cs or .csg file; parameters and returns are those of ``particle_star.parse_particles``.

    Parameters
    ----------
    passthrough : sequence of path
        Further .cs files with columns of the same particles. A .csg names its files by itself; beside a .cs file those of its job are found.

    Raises
    ------
    DataError
        Columns are missing, or tables do not belong together; names them.
    """
    tables = _read_tables(Path(path), passthrough)
    table = cs.join_tables(tables)
    _require_fields(table, " + ".join(Path(name).name for name in tables), path)
    if not len(table):
        raise DataError(f"{path} holds no particles")
    group, first = _group_rows(table)
    optics_columns, taken = _format_optics(table[first])
    if microscope.pixel_size_A is not None:
        taken.add(_SHIFT_PIXEL)  # the file's is no longer true
    extras = [name for name in table.dtype.names or () if name not in taken]
    of_group, of_particle = cs_fields.split_extras(table, extras, group, first)
    fields = np.array([cs_fields.describe_kinds(table.dtype)] * len(first))
    optics = parse_optics({**optics_columns, **of_group, cs_fields.FIELDS: fields}, microscope, path)
    stretch = (np.array([each.pixel_size_A for each in optics]) / file_pixel_sizes_A(optics_columns, optics))[group]

    numbers = _Numbers(table)
    columns = {ours: numbers.take(name) for name, ours in _NUMBERS.items() if _has(table, name)}
    pixel_A = numbers.take(_SHIFT_PIXEL if _has(table, _SHIFT_PIXEL) else "blob/psize_A")
    shift_A = 0.0 - numbers.take(_SHIFT) * (pixel_A * stretch)[:, None]
    split = table[_SPLIT] if _has(table, _SPLIT) else np.full(len(table), NO_HALF)
    particles = Particles.build(
        optics,
        of_particle,
        uid=table[cs.UID].astype(np.uint64),
        image_path=_decode_paths(table["blob/path"]),
        image_index=table["blob/idx"].astype(np.int64),
        optics_group=group,
        half_set=np.select([split == 0, split == 1], [HALF_A, HALF_B], NO_HALF),
        rotvec_rad=matrix_to_rotvec(cryosparc_pose_to_matrix(numbers.take(_POSE))),
        shift_A=shift_A,
        **columns,
    )
    return particles, dict(sorted(numbers.impossible.items()))


def write_cs_particles(path: str | os.PathLike, particles: Particles) -> dict[str, int]:
    """Write a .cs file with every column the particles came with and all that CryoSPARC wants; return the number of rows of each part.

    Image paths are written as they are; one that starts in the folder of the .csg file begins with ``>``.
    """
    table = particles.table
    optics, group = particles.optics, table["optics_group"]
    kinds = cs_fields.read_kinds(optics)
    fields: dict[str, np.ndarray] = {name: cs_fields.collect_field(particles, name, kind) for name, kind in kinds.items() if name not in _OURS}
    pixel_A = np.array([each.pixel_size_A for each in optics])[group]
    if not (fields[_SHIFT_PIXEL] > 0).all():
        fields[_SHIFT_PIXEL] = pixel_A
    if (table["contrast"] != 1).any():
        fields[_ALPHA] = table["contrast"]
    if not any("ctf/exp_group_id" in each.extra for each in optics):
        fields["ctf/exp_group_id"] = group + 1
    tilt_A = np.array([np.multiply(each.beam_tilt_xy_mrad, each.cs_mm * CS_A_PER_MM * MRAD) for each in optics])
    if tilt_A.any():
        fields[_TILT] = tilt_A[group]
    fields |= {
        cs.UID: table["uid"],
        "blob/path": np.array([os.fsencode(name) for name in table["image_path"].tolist()], dtype=np.bytes_),
        "blob/idx": table["image_index"],
        "blob/shape": np.array([[each.box_px] * 2 for each in optics])[group],
        "blob/sign": np.array([each.image_sign for each in optics])[group],
        "ctf/anisomag": (np.array([each.magnification for each in optics]) - IDENTITY)[group],
        _SPLIT: np.maximum(table["half_set"], 0),
        _POSE: matrix_to_cryosparc_pose(rotvec_to_matrix(table["rotvec_rad"])),
        _SHIFT: -table["shift_A"] / fields[_SHIFT_PIXEL].astype(np.float64)[:, None],
        **{name: np.array([getattr(each, ours) for each in optics])[group] for name, ours in _OPTICS.items()},
        **{name: table[ours] for name, ours in _NUMBERS.items()},
    }
    cs.write_cs(path, cs.build_table({name: cs_fields.cast_field(fields[name], kind) for name, kind in kinds.items()}))
    return {name.partition("/")[0]: len(particles) for name in kinds if "/" in name}


def list_not_applied(particles: Particles) -> list[str]:
    """Return in words which aberrations of CryoSPARC's the images have that are kept but not corrected."""
    return [what for name, what in NOT_APPLIED.items() if _is_set(particles, name)]


def list_not_expressed(particles: Particles) -> list[str]:
    """Return in words what of the particles a .cs file has no place for."""
    optics = [particles.optics[place] for place in np.unique(particles["optics_group"])]
    said = []
    if any(group.ctf_premultiplied for group in optics):
        said.append("the images are multiplied by their CTF, and CryoSPARC would apply it again: export images that are not")
    if any(group.odd_zernike or group.even_zernike for group in optics):
        said.append("aberrations beyond beam tilt (rlnOddZernike, rlnEvenZernike) are left out: refine them in CryoSPARC")
    if any(group.beam_tilt_xy_mrad != (0.0, 0.0) and group.cs_mm == 0 for group in optics):
        said.append("the beam tilt is left out: CryoSPARC has it times Cs, which is 0")
    return said


def find_passthrough(path: Path) -> list[Path]:
    """Return the passthrough files beside a .cs file: ``J7_passthrough_particles.cs`` belongs to ``J7_012_particles.cs``, not to others."""
    found = sorted(path.parent.glob("*passthrough_*.cs"))
    return [each for each in found if each != path and path.stem.endswith(each.stem.partition("passthrough_")[2])]


def _read_tables(path: Path, passthrough: Sequence[str | os.PathLike]) -> dict[str, np.ndarray]:
    if path.suffix == ".csg":
        kind, parts = cs.read_csg(path)
        if kind not in ("particle", ""):
            raise DataError(f"{path} is a group of type {kind[:40]!r}: give the .csg file of particles")
        files = [parts[part] for part in sorted(parts, key=lambda part: (part != "alignments3D", part))]
    else:
        files = [path, *(find_passthrough(path) if not passthrough else ())]
    return {str(file): cs.read_cs(file) for file in dict.fromkeys([*files, *map(Path, passthrough)])}


def _has(table: np.ndarray, name: str) -> bool:
    return name in (table.dtype.names or ())


def _require_fields(table: np.ndarray, where: str, path) -> None:
    missing = {what: [name for name in names if not _has(table, name)] for what, names in _NEEDED.items()}
    lacks = [f"{what} ({', '.join(names)} missing)" for what, names in missing.items() if names]
    if lacks:
        raise DataError(
            f"{path}: {where} has no {' and no '.join(lacks)}: give the .csg file of a 3D refinement, which names all of its files, or the others as "
            "passthrough"
        )
    for name in table.dtype.names or ():
        if name in _OURS or name in (_SHIFT_PIXEL, _TILT, "ctf/exp_group_id"):
            wanted, kinds = _SHAPES.get(name, ()), "SU" if name == "blob/path" else "iu" if name == "blob/idx" else "biuf"
            if table.dtype[name].shape != wanted or table.dtype[name].base.kind not in kinds:
                raise DataError(f"{path}: {name} is {table.dtype[name]}, wanted {'text' if kinds == 'SU' else 'numbers'} of shape {wanted}")


def _group_rows(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the optics group of each row and a row of each, numbered as they appear."""
    keys = np.concatenate(
        [np.ascontiguousarray(table[name]).reshape(len(table), -1).astype(np.float64) for name in _GROUPING if _has(table, name)], axis=1
    )
    whole = np.ascontiguousarray(keys).view(np.dtype((np.void, keys.itemsize * keys.shape[1]))).reshape(-1)
    _, first, group = np.unique(whole, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    return rank[group.reshape(-1)], np.sort(first)


def _format_optics(rows: np.ndarray) -> tuple[dict[str, np.ndarray], set[str]]:
    """Write the optics groups, a row of ``rows`` each, with the labels of an optics table; say which fields that takes."""
    columns = {labels.MICROSCOPE[ours]: cs_fields.format_field(rows[name]) for name, ours in _OPTICS.items()}
    taken = set(_OURS)
    names = cs_fields.format_field(rows["ctf/exp_group_id"]) if _has(rows, "ctf/exp_group_id") else np.arange(1, len(rows) + 1).astype(np.str_)
    columns[labels.GROUP_NAME] = np.array([f"exposureGroup{name}" for name in names.tolist()])
    columns[labels.GROUP_BOX] = cs_fields.format_field(rows["blob/shape"][:, 0])
    if _has(rows, "blob/sign"):
        columns[labels.IMAGE_SIGN] = np.where(rows["blob/sign"] < 0, "-1", "1")
    if _has(rows, "ctf/anisomag"):
        matrix = rows["ctf/anisomag"].astype(np.float64) + IDENTITY
        columns |= {label: labels.format_numbers(matrix[:, place]) for place, label in enumerate(labels.MAGNIFICATION)}
    cs_A = rows["ctf/cs_mm"].astype(np.float64) * CS_A_PER_MM
    if _has(rows, _TILT) and cs_A.all():
        taken.add(_TILT)
        tilt_mrad = rows[_TILT] / cs_A[:, None] / MRAD
        columns |= {label: labels.format_numbers(tilt_mrad[:, place]) for place, label in enumerate(labels.BEAM_TILT)}
    return columns, taken


class _Numbers:
    """Fields as float64; values that cannot be are noted in ``impossible`` (0-based row -> reason) and become 0."""

    def __init__(self, table: np.ndarray):
        self.table, self.impossible = table, {}

    def take(self, name: str) -> np.ndarray:
        values = self.table[name].astype(np.float64)
        limit = LARGEST_DEFOCUS_A if name in ("ctf/df1_A", "ctf/df2_A") else np.inf
        wrong = ~(np.isfinite(values) & (np.abs(values) <= limit))
        for row in np.flatnonzero(wrong.reshape(len(values), -1).any(axis=1)).tolist():
            wanted = f"a size of at most {limit:g}" if np.isfinite(values[row]).all() else "finite numbers"
            self.impossible.setdefault(row, f"{name} is {values[row]}, wanted {wanted}")
        return np.where(wrong, 0.0, values)


def _decode_paths(paths: np.ndarray) -> np.ndarray:
    """A path that begins with > starts in the folder of the file."""
    decoded = {path: (os.fsdecode(path) if isinstance(path, bytes) else path).removeprefix(">") for path in set(paths.tolist())}
    return np.array([decoded[path] for path in paths.tolist()], dtype=np.str_)


def _is_set(particles: Particles, name: str) -> bool:
    texts = [*particles.extra.get(name, np.array([])).tolist(), *(group.extra.get(name, "0") for group in particles.optics)]
    return any(value.strip("[]") not in ("None", "") and any(float(part) for part in value.strip("[]").split(",")) for value in set(texts))
