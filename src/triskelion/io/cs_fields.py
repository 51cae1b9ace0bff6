"""The columns of CryoSPARC's particle tables: their kinds, what they are where a table does not say, and how they travel as text.

A column of a .cs file that the particle table has no place for travels along as text under its own name (``alignments3D/cross_cor``): with the
optics group where all of its particles have one value, else with each particle. ``FIELDS`` says of which kind each was.
"""

from collections.abc import Iterable

import numpy as np

from triskelion.data.particles import OpticsGroup, Particles
from triskelion.errors import DataError
from triskelion.io.star import shorten

FIELDS = "rlnTriskelionCryosparcFields"  # of an optics group: "uid:u8,blob/path:S,blob/shape:u4x2 ..."

# name -> (kind, value where nothing else is known), as CryoSPARC writes them; the particle table fills most of them
STANDARD: dict[str, tuple[str, object]] = {
    "uid": ("u8", 0),
    "blob/path": ("S", b""),
    "blob/idx": ("u4", 0),
    "blob/shape": ("u4x2", 0),
    "blob/psize_A": ("f4", 0),
    "blob/sign": ("f4", 1),
    "blob/import_sig": ("u8", 0),
    "ctf/type": ("S", b"imported"),
    "ctf/exp_group_id": ("u4", 0),
    "ctf/accel_kv": ("f4", 0),
    "ctf/cs_mm": ("f4", 0),
    "ctf/amp_contrast": ("f4", 0),
    "ctf/df1_A": ("f4", 0),
    "ctf/df2_A": ("f4", 0),
    "ctf/df_angle_rad": ("f4", 0),
    "ctf/phase_shift_rad": ("f4", 0),
    "ctf/scale": ("f4", 1),
    "ctf/scale_const": ("f4", 0),
    "ctf/shift_A": ("f4x2", 0),
    "ctf/tilt_A": ("f4x2", 0),
    "ctf/trefoil_A": ("f4x2", 0),
    "ctf/tetra_A": ("f4x4", 0),
    "ctf/anisomag": ("f4x4", 0),
    "ctf/bfactor": ("f4", 0),
    "alignments3D/split": ("u4", 0),
    "alignments3D/shift": ("f4x2", 0),
    "alignments3D/pose": ("f4x3", 0),
    "alignments3D/psize_A": ("f4", 0),
    **{f"alignments3D/{name}": ("f4", 0) for name in ("error", "error_min", "resid_pow", "slice_pow", "image_pow", "cross_cor")},
    "alignments3D/alpha": ("f4", 1),
    "alignments3D/alpha_min": ("f4", 0),
    "alignments3D/weight": ("f4", 0),
    "alignments3D/pose_ess": ("f4", 0),
    "alignments3D/shift_ess": ("f4", 0),
    "alignments3D/class_posterior": ("f4", 1),
    "alignments3D/class": ("u4", 0),
    "alignments3D/class_ess": ("f4", 1),
}


def describe_kinds(dtype: np.dtype) -> str:
    """Write the names and kinds of the fields of a .cs file as one word."""
    return ",".join(f"{name}:{_kind(dtype[name])}" for name in dtype.names or ())


def read_kinds(optics: Iterable[OpticsGroup]) -> dict[str, str]:
    """Return the kind of each field that the particles came with, and of the standard ones after them.

    Raises
    ------
    DataError
        The list of fields is damaged.
    """
    kinds: dict[str, str] = {}
    for group in optics:
        for field in filter(None, group.extra.get(FIELDS, "").replace("None", "").split(",")):
            name, _, kind = field.rpartition(":")
            try:
                _dtype(kind)
            except (TypeError, ValueError) as error:
                raise DataError(f"optics group {group.name}: {FIELDS} says {shorten(field)!r}, which is no field of CryoSPARC") from error
            kinds.setdefault(name, kind)
    return kinds | {name: kind for name, (kind, _) in STANDARD.items() if name not in kinds}


def split_extras(
    table: np.ndarray, names: Iterable[str], group: np.ndarray, first: np.ndarray
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Turn fields into text: those with one value per optics group (n_groups,), and the others (n,).

    Parameters
    ----------
    group : ndarray, int, shape (n,)
        Optics group of each row.
    first : ndarray, int, shape (n_groups,)
        A row of each.
    """
    of_group, of_particle = {}, {}
    for name in names:
        values = table[name]
        shared = values[first]
        same = values == shared[group]
        if values.dtype.kind == "f":
            same |= np.isnan(values) & np.isnan(shared[group])
        if same.all():
            of_group[name] = format_field(shared)
        else:
            of_particle[name] = format_field(values)
    return of_group, of_particle


def format_field(values: np.ndarray) -> np.ndarray:
    """Write a field (n, ...) as text (n,), vectors as ``[1.5,0]``: the shortest text that reads back as the same numbers."""
    if values.ndim > 1:
        parts = [format_field(part) for part in values.reshape(len(values), -1).T]
        return np.array(["[" + ",".join(row) + "]" for row in zip(*(part.tolist() for part in parts))], dtype=np.str_)
    if values.dtype.kind == "S":
        return np.array([value.decode("utf-8", "surrogateescape") for value in values.tolist()], dtype=np.str_)
    if values.dtype.kind == "f":
        text = values.astype(np.str_)
        return text.astype(f"U{max(1, int(np.strings.str_len(text).max(initial=1)))}")
    return values.astype(np.int8 if values.dtype.kind == "b" else values.dtype).astype(np.str_)


def parse_field(text: np.ndarray, name: str, kind: str) -> np.ndarray:
    """Read text back as a field of this kind; the default where it says ``None``.

    Raises
    ------
    DataError
        A value is not of this kind; names field and row.
    """
    dtype = _dtype(kind)
    default = STANDARD.get(name, (kind, b"" if dtype.base.kind == "S" else 0))[1]
    if dtype.base.kind == "S":
        return np.array([value.encode("utf-8", "surrogateescape") for value in text.tolist()], dtype=np.bytes_)
    values = np.full((len(text), *dtype.shape), default, dtype=dtype.base)
    given = np.flatnonzero(text != "None")
    if len(given):
        try:
            values[given] = _read_numbers(text[given].tolist(), dtype)
        except (ValueError, OverflowError):
            row = next(row for row in given.tolist() if not _is_readable(str(text[row]), dtype))
            raise DataError(f"{name} is {shorten(str(text[row]))} in row {row + 1}, wanted {kind}: it came from CryoSPARC otherwise") from None
    return values


def _read_numbers(words: list[str], dtype: np.dtype) -> np.ndarray:
    return np.array([word.strip("[]").split(",") for word in words], dtype=np.str_).astype(dtype.base).reshape(len(words), *dtype.shape)


def collect_field(particles: Particles, name: str, kind: str) -> np.ndarray:
    """Return a field that travelled along, of each particle (n, ...); the default where it did not."""
    if name in particles.extra:
        return parse_field(particles.extra[name], name, kind)
    shared = parse_field(np.array([group.extra.get(name, "None") for group in particles.optics]), name, kind)
    if all(name not in group.extra for group in particles.optics) and _dtype(kind).base.kind == "S":
        shared = np.array([STANDARD.get(name, (kind, b""))[1]] * len(particles.optics), dtype=np.bytes_)
    return shared[particles["optics_group"]]


def cast_field(values: np.ndarray, kind: str) -> np.ndarray:
    """Return values (n, ...) as a field of this kind; bytes are as long as they must be."""
    dtype = _dtype(kind)
    return np.asarray(values).astype(np.bytes_ if dtype.base.kind == "S" else dtype.base)


def _is_readable(word: str, dtype: np.dtype) -> bool:
    try:
        _read_numbers([word], dtype)
    except (ValueError, OverflowError):
        return False
    return True


def _kind(dtype: np.dtype) -> str:
    base = "S" if dtype.base.kind in "SU" else f"{dtype.base.kind}{dtype.base.itemsize}"
    return "x".join([base, *map(str, dtype.shape)])


def _dtype(kind: str) -> np.dtype:
    base, *shape = kind.split("x")
    return np.dtype((np.dtype(base).newbyteorder("<"), tuple(map(int, shape)))) if shape else np.dtype(base).newbyteorder("<")
