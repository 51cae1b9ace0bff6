"""JSON files: written beside and renamed, so that a reader finds the old file or the new one, never half of one."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from triskelion.errors import DataError
from triskelion.io.atomic_write import replace_when_complete


def write_json(path: Path, data: dict[str, Any], compact: bool = False) -> None:
    """Write ``data`` (arrays and numpy numbers allowed; NaN and infinity, which JSON has not, become null)."""
    separators = (",", ":") if compact else None
    write_text(path, json.dumps(to_plain(data), allow_nan=False, ensure_ascii=False, indent=None if compact else 2, separators=separators) + "\n")


def overwrite_json(path: Path, data: dict[str, Any]) -> None:
    """Write ``data`` over a file in its place: what is left where the disk has no room for a second one. Who reads meanwhile may find half of it."""
    written = json.dumps(to_plain(data), allow_nan=False, ensure_ascii=False).encode() + b"\n"
    with path.open("r+b", buffering=0) as stream:
        stream.write(written)
        stream.truncate()


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all."""
    with replace_when_complete(path) as beside:
        beside.write_text(text, encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises
    ------
    DataError
        The file is missing or is not JSON.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise DataError(f"{path} is missing") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is not valid JSON: {error}") from None
    if not isinstance(data, dict):
        raise DataError(f"{path} holds a JSON {type(data).__name__}, wanted an object")
    return data


def to_plain(value: Any) -> Any:
    """Turn arrays, numpy numbers, paths and tuples into what JSON knows."""
    if isinstance(value, dict):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return _plain_array(value)
    if isinstance(value, (list, tuple)):
        return [to_plain(item) for item in value]
    if isinstance(value, np.generic):
        return to_plain(value.item())
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if isinstance(value, Path):
        return str(value)
    return value


def _plain_array(array: np.ndarray) -> Any:
    """Turn an array into lists; float32 is rounded to the 7 digits it holds, which float64 would write with 17."""
    if array.dtype.kind != "f":
        return to_plain(array.tolist())
    finite = np.isfinite(array)
    plain = np.where(finite, array, 0).astype(np.float64)
    if array.dtype.itemsize <= 4:
        plain = np.reshape([float(f"{number:.7g}") for number in plain.ravel().tolist()], array.shape)
    if finite.all():
        return plain.tolist()
    holed = plain.astype(object)
    holed[~finite] = None
    return holed.tolist()
