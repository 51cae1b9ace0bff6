"""Tar files, packed as the end of their name says: by Python, or by the program zstd where Python does not know that yet."""

import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from triskelion.errors import InputError

_MODES = {".tar": "w", ".tar.gz": "w:gz", ".tgz": "w:gz", ".tar.bz2": "w:bz2", ".tar.xz": "w:xz", ".tar.zst": "w:zst"}
_ZSTD = ".tar.zst"
_KNOWS_ZSTD = sys.version_info >= (3, 14)


def find_packing(path: Path) -> str:
    """Return how an archive is to be packed, as ``.tar.gz``.

    Raises
    ------
    InputError
        The name says no known packing, or this machine has nothing that knows it.
    """
    suffix = next((suffix for suffix in sorted(_MODES, key=len, reverse=True) if path.name.endswith(suffix)), None)
    if suffix is None:
        raise InputError(f"got the archive name {path.name}: end it in {', '.join(_MODES)}")
    if suffix == _ZSTD:
        _find_zstd()
    return suffix


def _find_zstd() -> str:
    """Return the program that packs ``.tar.zst``, empty where Python does it."""
    program = "" if _KNOWS_ZSTD else shutil.which("zstd")
    if program is None:
        version = f"Python {sys.version_info[0]}.{sys.version_info[1]}"
        raise InputError(f"{version} knows no .tar.zst (3.14 does), and there is no program zstd: install that, or use .tar.gz or .tar.xz")
    return program


@contextmanager
def pack(path: Path, packing: str) -> Iterator[tarfile.TarFile]:
    """Open a tar file to be written."""
    program = _find_zstd() if packing == _ZSTD else ""
    if not program:
        with tarfile.open(path, _MODES[packing]) as archive:  # type: ignore[call-overload]
            yield archive
        return
    with path.open("wb") as packed, subprocess.Popen([program, "-q", "-c"], stdin=subprocess.PIPE, stdout=packed) as process:
        with tarfile.open(fileobj=process.stdin, mode="w|") as archive:
            yield archive
        process.communicate()
    if process.returncode:
        raise OSError(f"zstd could not write {path}")


@contextmanager
def unpack(path: Path) -> Iterator[tarfile.TarFile]:
    """Open a tar file to be read from its beginning to its end.

    Raises
    ------
    FileNotFoundError, tarfile.TarError, OSError, EOFError
        It is not there, or not whole.
    """
    program = _find_zstd() if path.name.endswith(_ZSTD) else ""
    if not program:
        with tarfile.open(path) as archive:
            yield archive
        return
    with (
        path.open("rb") as packed,
        subprocess.Popen([program, "-q", "-d", "-c"], stdin=packed, stdout=subprocess.PIPE) as process,
        tarfile.open(fileobj=process.stdout, mode="r|") as archive,
    ):
        yield archive
