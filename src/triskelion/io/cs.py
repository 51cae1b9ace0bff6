"""CryoSPARC's .cs files (one numpy structured array, a row per particle) and .csg files (which .cs file holds which part of a group).

Nothing in them is ever unpickled, and a header that announces more rows than the file holds is refused before they are given room.
"""

import ast
import os
import re
import struct
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.lib import format as npy

from triskelion.errors import DataError
from triskelion.io.atomic_write import replace_when_complete
from triskelion.io.star import shorten

UID = "uid"
KINDS = "biufSU"  # what the fields of a .cs file hold: whole numbers, real numbers, text
LARGEST_HEADER = 1_000_000
MADE = "2000-01-01 00:00:00.000000"  # the same job writes the same file, whenever it is run
_NPY, _COMPRESSED = b"\x93NUMPY", b"CSDAT"

_LONG = re.compile(r"(\d)L\b")  # whole numbers as Python 2 wrote them
_FIELD = re.compile(r"[\w./-]+")
_KEY = re.compile(r"^(\s*)([^\s:#][^:]*):\s*(.*?)\s*$")


def read_cs(path: str | os.PathLike) -> np.ndarray:
    """Read a .cs file.

    Returns
    -------
    ndarray, structured, shape (n,)
        Has a field ``uid``; the others are named as in CryoSPARC (``alignments3D/pose``).

    Raises
    ------
    DataError
        The file is missing, cut short, or no table of this kind.
    """
    try:
        with open(path, "rb") as file:
            n_rows, dtype = _read_header(file, path)
            offset = file.tell()
            held = os.fstat(file.fileno()).st_size - offset
            if held < n_rows * dtype.itemsize:
                raise DataError(f"{path} is cut short: its header promises {n_rows} rows, it holds {held // dtype.itemsize}; copy it again")
            table = np.fromfile(file, dtype=dtype, count=n_rows)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    uid, first = np.unique(table[UID], return_index=True)
    if len(uid) != n_rows:
        row = int(np.setdiff1d(np.arange(n_rows), first)[0])
        raise DataError(f"{path}, row {row + 1}: the uid {table[UID][row]} stands there twice; particles of CryoSPARC have one each")
    return table


def write_cs(path: str | os.PathLike, table: np.ndarray) -> None:
    """Write a structured array as a .cs file; an older file is replaced only once the new one is complete."""
    with replace_when_complete(path) as beside, open(beside, "wb") as file:
        npy.write_array(file, table, version=(1, 0) if len(str(table.dtype.descr)) < 60_000 else (2, 0), allow_pickle=False)


def join_tables(tables: Mapping[str, np.ndarray]) -> np.ndarray:
    """Join the fields of several tables by uid, in the rows and order of the first; a field that comes again is taken where it came first.

    Parameters
    ----------
    tables : dict of str to structured ndarray
        Name of the file -> table.

    Raises
    ------
    DataError
        A table lacks a particle of the first one.
    """
    (first_name, first), *others = tables.items()
    if not others:
        return first
    fields = {name: first[name] for name in _names(first)}
    for name, table in others:
        wanted = [field for field in _names(table) if field not in fields]
        if not wanted:
            continue
        order = np.argsort(table[UID], kind="stable")
        place = np.searchsorted(table[UID], first[UID], sorter=order)
        row = order[np.minimum(place, len(order) - 1)] if len(order) else np.zeros(len(first), dtype=np.intp)
        found = table[UID][row] == first[UID] if len(order) else np.zeros(len(first), dtype=bool)
        if not found.all():
            missing = int(np.flatnonzero(~found)[0])
            raise DataError(
                f"{name} lacks {int((~found).sum())} of the {len(first)} particles of {first_name}, the first in row {missing + 1} "
                f"(uid {first[UID][missing]}): give the files of one job"
            )
        fields |= {field: table[field][row] for field in wanted}
    return build_table(fields)


def build_table(fields: Mapping[str, np.ndarray]) -> np.ndarray:
    """Make a structured array of columns (n, ...), each a field of its name and kind; text ends with a zero byte, as CryoSPARC writes it."""
    ended = {name: np.dtype(f"S{values.itemsize + 1}") if values.dtype.kind == "S" else values.dtype for name, values in fields.items()}
    dtype = [(name, ended[name], values.shape[1:]) for name, values in fields.items()]
    table = np.zeros(len(next(iter(fields.values()))), dtype=dtype)
    for name, values in fields.items():
        table[name] = values
    return table


def read_csg(path: str | os.PathLike) -> tuple[str, dict[str, Path]]:
    """Read a .csg file: the list of the .cs files of one group of results.

    Returns
    -------
    kind : str
        Of the group: ``particle``, ``volume``, ``mask`` ...
    metafiles : dict of str to Path
        Part (``blob``, ``ctf``, ``alignments3D`` ...) -> its .cs file, which is there.

    Raises
    ------
    DataError
        The file is missing or names no .cs file, or one that is not there.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {path}: {getattr(error, 'strerror', None) or 'it is not text'}") from error
    kind, parts, above = "", {}, ["", ""]
    for number, line in enumerate(lines, 1):
        found = _KEY.match(line)
        if found is None:
            continue
        depth = len(found[1]) // 2
        if depth < 2:
            above[depth] = found[2]
        value = found[3].strip("'\"")
        if (above[0], found[2], depth) == ("group", "type", 1):
            kind = value
        elif (above[0], found[2], depth) == ("results", "metafile", 2):
            parts[above[1]] = _find_metafile(value, path, number)
    if not parts:
        raise DataError(f"{path} names no .cs file under 'results': it is not a group of results of CryoSPARC")
    return kind, parts


def format_csg(title: str, kind: str, metafile: str, parts: Mapping[str, int]) -> str:
    """Write a .csg file for one .cs file beside it, ``parts`` being the number of rows of each part of the group."""
    quoted = "'" + title.replace("'", "''") + "'"
    lines = [f"created: {MADE}", "group:", f"  description: {quoted}", f"  name: {kind}s", f"  title: {quoted}", f"  type: {kind}", "results:"]
    for part, n_rows in sorted(parts.items()):
        lines += [f"  {part}:", f"    metafile: '>{metafile}'", f"    num_items: {n_rows}", f"    type: {kind}.{part}"]
    return "\n".join([*lines, "version: v4.0.0"]) + "\n"


def _find_metafile(value: str, path: Path, number: int) -> Path:
    """A path that begins with > starts in the folder of the .csg file, another one in that of the project, some levels up."""
    name = value.removeprefix(">")
    roots = [path.resolve().parent] if value.startswith(">") else list(path.resolve().parents)
    for root in roots:
        if os.path.isfile(root / name):  # False, too, for a name that no file can have
            return root / name
    raise DataError(f"{path}, line {number}: there is no file {shorten(name)} in {roots[0]}: copy the .cs files along with the .csg file")


def _names(table: np.ndarray) -> tuple[str, ...]:
    return table.dtype.names or ()


def _read_header(file: BinaryIO, path) -> tuple[int, np.dtype]:
    magic = file.read(6)
    if _COMPRESSED in magic:
        raise DataError(f"{path} is in CryoSPARC's compressed format: save it with cryosparc-tools as Dataset.load(path).save(path) and import that")
    if magic != _NPY:
        raise DataError(f"{path} is not a .cs file: it does not begin as numpy's arrays do")
    try:
        n_rows, dtype = _parse_header(file)
    except (ValueError, TypeError, SyntaxError, KeyError, RecursionError, MemoryError, OverflowError, struct.error) as error:
        raise DataError(f"{path} is not a .cs file that can be read: {str(error)[:200] or type(error).__name__}") from error
    if n_rows < 0 or not dtype.names:
        raise DataError(f"{path} is not a .cs file: it holds an array of {dtype}, wanted a table of named columns")
    for name in dtype.names:
        base = dtype[name].base
        if base.kind not in KINDS or base.names or not base.itemsize:
            raise DataError(f"{path}: the column {name!r} holds {base}, wanted numbers or text (nothing is unpickled): save the file with CryoSPARC")
        if not _FIELD.fullmatch(name):
            raise DataError(f"{path}: {name[:40]!r} is no name of a column of CryoSPARC, such as alignments3D/pose: is the file damaged?")
    if UID not in dtype.names or dtype[UID].kind not in "ui" or dtype[UID].shape:
        raise DataError(f"{path}: there is no column of uids, by which particles are known: it is not a .cs file of CryoSPARC")
    return n_rows, dtype


def _parse_header(file: BinaryIO) -> tuple[int, np.dtype]:
    """Read the header of a numpy array after its magic word; return its number of rows, -1 where it is no table, and its kind."""
    major = file.read(2)[:1]
    length = struct.unpack("<H" if major == b"\x01" else "<I", file.read(2 if major == b"\x01" else 4))[0]
    if length > LARGEST_HEADER:
        raise ValueError(f"its header is said to have {length} bytes")
    text = file.read(length).decode("utf-8" if major == b"\x03" else "latin-1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Python about what is written there: it is refused below
        fields = ast.literal_eval(_LONG.sub(r"\1", text).strip())
    shape, dtype = fields["shape"], npy.descr_to_dtype(fields["descr"])
    is_table = isinstance(shape, tuple) and len(shape) == 1 and type(shape[0]) is int
    return (shape[0] if is_table else -1), dtype
