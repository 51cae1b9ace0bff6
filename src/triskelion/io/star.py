"""STAR files as they are: blocks of named text columns. What the columns mean is particle_star.py's business.

Each row of a loop stands on one line, as RELION and everyone around it writes. Values stay text, so that nothing is
lost or rounded between reading and writing; bytes that are not UTF-8 survive too.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from triskelion.errors import DataError, InputError
from triskelion.io.atomic_write import replace_when_complete

# A quoted value ends at a quote that white space follows; '#' starts a comment only after white space.
_TOKEN = re.compile(r"""\s*(?:'(.*?)'(?=\s|$)|"(.*?)"(?=\s|$)|(\#.*)|(\S+))""")


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


def write_star(path: str | os.PathLike, tables: Mapping[str, StarTable], version: int = 30001) -> None:
    """Write blocks to a STAR file, each under the line ``# version <version>`` by which RELION knows its own format."""
    with replace_when_complete(path) as beside, open(beside, "w", encoding="utf-8", errors="surrogateescape") as file:
        for name, table in tables.items():
            file.write(f"\n# version {version}\n\ndata_{name}\n\n")
            file.writelines(_format_loop(table) if table.is_loop else _format_pairs(table))


def split_line(line: str) -> list[str]:
    """Split one line into values: quotes are taken off, a comment is left out."""
    if not ("#" in line or "'" in line or '"' in line):
        return line.split()
    values = []
    for match in _TOKEN.finditer(line.rstrip()):
        single, double, comment, plain = match.groups()
        if comment is None:
            values.append(next(value for value in (single, double, plain) if value is not None))
    return values


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
        raise InputError(f"the value {value!r} cannot be written to a STAR file: it holds a line break or both kinds of quotes")
    return quoted


def _parse_blocks(lines: Iterable[str], path) -> dict[str, StarTable]:
    blocks: dict[str, list[tuple[int, list[str]]]] = {}
    block: list[tuple[int, list[str]]] | None = None
    for number, line in enumerate(lines, 1):
        tokens = split_line(line)
        # In a loop of several columns a row may well begin with data_: only a line of its own opens a block.
        if len(tokens) == 1 and tokens[0].startswith("data_"):
            name = tokens[0].removeprefix("data_")
            if name in blocks:
                raise DataError(f"{path}, line {number}: a second block data_{name}; keep one of them")
            block = blocks[name] = []
        elif tokens and block is None:
            raise DataError(f"{path}, line {number}: {line.strip()[:40]!r} stands before any data_ block: this is not a STAR file")
        elif tokens and block is not None:
            block.append((number, tokens))
    if not blocks:
        raise DataError(f"{path} holds no data_ block: this is not a STAR file")
    return {name: _parse_block(block, f"{path}, data_{name}") for name, block in blocks.items()}


def _parse_block(lines: list[tuple[int, list[str]]], where: str) -> StarTable:
    if lines and lines[0][1] == ["loop_"]:
        return _parse_loop(lines[1:], where)
    columns: dict[str, np.ndarray] = {}
    for number, tokens in lines:
        if len(tokens) != 2 or not tokens[0].startswith("_"):
            raise DataError(f"{where}, line {number}: wanted '_label value', got {' '.join(tokens)[:60]!r}; one block holds one table")
        _add_column(columns, tokens[0], [tokens[1]], f"{where}, line {number}")
    return StarTable(columns, is_loop=False)


def _parse_loop(lines: list[tuple[int, list[str]]], where: str) -> StarTable:
    labels = []
    for _, tokens in lines:
        if len(tokens) != 1 or not tokens[0].startswith("_"):
            break
        labels.append(tokens[0])
    rows = lines[len(labels) :]
    for row, (number, tokens) in enumerate(rows, 1):
        if len(tokens) != len(labels):
            raise DataError(f"{where}, row {row} (line {number}): {len(tokens)} values for {len(labels)} columns; is the file cut short?")
    columns: dict[str, np.ndarray] = {}
    values = zip(*(tokens for _, tokens in rows)) if rows else [()] * len(labels)
    for label, column in zip(labels, values):
        _add_column(columns, label, column, where)
    return StarTable(columns)


def _add_column(columns: dict[str, np.ndarray], label: str, values: Sequence[str], where: str) -> None:
    name = label.removeprefix("_")
    if name in columns:
        raise DataError(f"{where}: the column {label} stands there twice; keep one of them")
    columns[name] = np.array(values, dtype=np.str_)


def _format_loop(table: StarTable) -> Iterator[str]:
    yield "loop_\n"
    for number, label in enumerate(table.columns, 1):
        yield f"_{label} #{number}\n"
    quoted = [[quote(value) for value in column.tolist()] for column in table.columns.values()]
    for row in zip(*quoted, strict=True):
        yield " ".join(row) + "\n"
    yield "\n"


def _format_pairs(table: StarTable) -> Iterator[str]:
    for label, column in table.columns.items():
        yield f"_{label} {quote(column[0])}\n"
    yield "\n"
