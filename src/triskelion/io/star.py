"""STAR files as they are: blocks of named text columns. What the columns mean is particle_star.py's business.

Each row of a loop stands on one line, as RELION and everyone around it writes. Values stay text, so that nothing is
lost or rounded between reading and writing; bytes that are not UTF-8 survive too.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from triskelion.errors import DataError, InputError
from triskelion.io.atomic_write import replace_when_complete

BATCH_ROWS = 20_000  # rows of a loop that are lists of text at one time
MOST_COLUMN_BYTES = 2**30
ABSURD_LENGTH_RATIO = 20
SHOWN_CHARACTERS = 200

_WORD = re.compile(r"\s*(\S+)")
_CLOSING = {quote: re.compile(rf"{quote}(?=\s|$)") for quote in "'\""}  # a quoted value ends at a quote that white space follows


@dataclass
class StarTable:
    """One block: columns of text by label (without the leading underscore), all of one length.

    Attributes
    ----------
    columns : dict of str to ndarray of str, shape (n,)
    is_loop : bool
        False for a block of ``_label value`` pairs, whose columns have one row.
    """

    columns: dict[str, np.ndarray] = field(default_factory=dict)
    is_loop: bool = True

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0


def read_star(path: str | os.PathLike) -> dict[str, StarTable]:
    """Read every block of a STAR file, by the name that follows ``data_``, in the order of the file.

    Raises
    ------
    DataError
        The file is missing or is not a STAR file; names the line.
    """
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return _parse_blocks(file, path)
    except OSError as error:
        raise DataError(f"cannot read the STAR file {path}: {error.strerror}") from error


def write_star(path: str | os.PathLike, tables: Mapping[str, StarTable | Iterable[StarTable]], version: int = 30001) -> None:
    """Write blocks to a STAR file, each under the line ``# version <version>`` by which RELION knows its own format.

    A table too large to be text at once comes as several, one after the other: its rows, a few at a time.
    """
    with replace_when_complete(path) as beside, open(beside, "w", encoding="utf-8", errors="surrogateescape") as file:
        for name, table in tables.items():
            file.write(f"\n# version {version}\n\ndata_{name}\n\n")
            if isinstance(table, StarTable):
                file.writelines(_format_loop(_split_rows(table)) if table.is_loop else _format_pairs(table))
            else:
                file.writelines(_format_loop(table))


def split_line(line: str) -> list[str]:
    """Split one line into values: quotes are taken off, a comment is left out."""
    if not ("#" in line or "'" in line or '"' in line):
        return line.split()
    line = line.rstrip()
    values, place, unclosed = [], 0, ""
    while (word := _WORD.match(line, place)) is not None and word[1][0] != "#":  # '#' starts a comment only after white space
        value, place = word[1], word.end()
        if value[0] in _CLOSING and value[0] not in unclosed:
            closing = _CLOSING[value[0]].search(line, word.start(1) + 1)
            if closing is None:
                unclosed += value[0]  # searched for once only: a long line may be full of them
            else:
                value, place = line[word.start(1) + 1 : closing.start()], closing.end()
        values.append(value)
    return values


def shorten(value: str) -> str:
    """Return a value as it may stand in a message: whole, or its first characters."""
    return value if len(value) <= SHOWN_CHARACTERS else f"{value[:SHOWN_CHARACTERS]}... ({len(value)} characters)"


def quote(value: str) -> str:
    """Write one value so that ``split_line`` gives it back: quoted only where it must be.

    Raises
    ------
    InputError
        It holds a line break, or white space and both kinds of quotes.
    """
    if value and value[0] not in "#'\"" and not any(c.isspace() for c in value):
        return value
    quoted = next((q + value + q for q in "'\"" if split_line(q + value + q) == [value]), None)
    if quoted is None or "\n" in value or "\r" in value:
        raise InputError(f"the value {shorten(value)!r} cannot be written to a STAR file: it holds a line break or both kinds of quotes")
    return quoted


_Rows = Iterator[tuple[int, list[str]]]  # number of a line and the values on it


def _parse_blocks(lines: Iterable[str], path) -> dict[str, StarTable]:
    rows = ((number, values) for number, line in enumerate(lines, 1) if (values := split_line(line)))
    tables: dict[str, StarTable] = {}
    opening = next(rows, None)
    while opening is not None:
        number, values = opening
        if not _opens_block(values):
            raise DataError(f"{path}, line {number}: {' '.join(values)[:40]!r} stands before any data_ block: this is not a STAR file")
        name = values[0].removeprefix("data_")
        if name in tables:
            raise DataError(f"{path}, line {number}: a second block data_{shorten(name)}; keep one of them")
        tables[name], opening = _parse_block(rows, f"{path}, data_{shorten(name)}")
    if not tables:
        raise DataError(f"{path} holds no data_ block: this is not a STAR file")
    return tables


def _opens_block(values: list[str]) -> bool:
    """Whether a line opens a block: in a loop of several columns a row may well begin with data_."""
    return len(values) == 1 and values[0].startswith("data_")


def _parse_block(rows: _Rows, where: str) -> tuple[StarTable, tuple[int, list[str]] | None]:
    """Read one block; return it and the line that opens the next one."""
    columns: dict[str, np.ndarray] = {}
    for number, values in rows:
        if values == ["loop_"] and not columns:
            return _parse_loop(rows, where)
        if _opens_block(values):
            return StarTable(columns, is_loop=False), (number, values)
        if len(values) != 2 or not values[0].startswith("_"):
            raise DataError(f"{where}, line {number}: wanted '_label value', got {' '.join(values)[:60]!r}; one block holds one table")
        _add_column(columns, values[0], np.array([values[1]], dtype=np.str_), f"{where}, line {number}")
    return StarTable(columns, is_loop=False), None


def _parse_loop(rows: _Rows, where: str) -> tuple[StarTable, tuple[int, list[str]] | None]:
    """Read the labels and rows of a loop; rows become arrays a few at a time, because text in lists takes several times the room."""
    labels: list[str] = []
    following = next(rows, None)
    while following is not None and len(following[1]) == 1 and following[1][0].startswith("_"):
        labels.append(following[1][0])
        following = next(rows, None)
    pieces: list[list[np.ndarray]] = [[] for _ in labels]
    batch: list[list[str]] = []
    n_rows = 0
    while following is not None:
        number, values = following
        if len(values) < 2 and _opens_block(values):
            break
        n_rows += 1
        if len(values) != len(labels):
            raise DataError(f"{where}, row {n_rows} (line {number}): {len(values)} values for {len(labels)} columns; is the file cut short?")
        batch.append(values)
        if len(batch) == BATCH_ROWS:
            _append_batch(pieces, batch)
            batch = []
        following = next(rows, None)
    _append_batch(pieces, batch)
    columns: dict[str, np.ndarray] = {}
    for label, of_column in zip(labels, pieces, strict=True):
        _add_column(columns, label, _join_pieces(of_column, f"{where}, column {shorten(label)}"), where)
    return StarTable(columns), following


def _append_batch(pieces: list[list[np.ndarray]], batch: list[list[str]]) -> None:
    for of_column, values in zip(pieces, zip(*batch) if batch else [()] * len(pieces), strict=True):
        of_column.append(np.array(values, dtype=np.str_))


def _join_pieces(pieces: list[np.ndarray], where: str) -> np.ndarray:
    """Join the pieces of a column and forget them. All of its values take the room of the longest: one that is absurdly long is refused."""
    n_bytes = max(piece.itemsize for piece in pieces) * sum(map(len, pieces))
    if n_bytes > MOST_COLUMN_BYTES and n_bytes > ABSURD_LENGTH_RATIO * sum(piece.nbytes for piece in pieces):
        longest = max(piece.itemsize for piece in pieces) // np.dtype("U1").itemsize
        raise DataError(f"{where}: one of its values is {longest} characters long, the others are not; is the file damaged?")
    joined = np.concatenate(pieces)
    pieces.clear()
    return joined


def _add_column(columns: dict[str, np.ndarray], label: str, values: np.ndarray, where: str) -> None:
    name = label.removeprefix("_")
    if name in columns:
        raise DataError(f"{where}: the column {shorten(label)} stands there twice; keep one of them")
    columns[name] = values


def _format_loop(batches: Iterable[StarTable]) -> Iterator[str]:
    labels: list[str] | None = None
    for table in batches:
        if labels is None:
            labels = list(table.columns)
            yield "loop_\n"
            yield from (f"_{label} #{number}\n" for number, label in enumerate(labels, 1))
        quoted = [_quote_all(column.tolist()) for column in table.columns.values()]
        yield from (" ".join(row) + "\n" for row in zip(*quoted, strict=True))
    yield "\n"


def _split_rows(table: StarTable) -> Iterator[StarTable]:
    for start in range(0, max(len(table), 1), BATCH_ROWS):
        yield StarTable({label: column[start : start + BATCH_ROWS] for label, column in table.columns.items()})


def _quote_all(values: list[str]) -> list[str]:
    """Quote each value where it must be; looked at together, because hardly any must."""
    text = " ".join(values)
    if not ("#" in text or "'" in text or '"' in text) and text.split() == values:
        return values
    return [quote(value) for value in values]


def _format_pairs(table: StarTable) -> Iterator[str]:
    for label, column in table.columns.items():
        yield f"_{label} {quote(column[0])}\n"
    yield "\n"
