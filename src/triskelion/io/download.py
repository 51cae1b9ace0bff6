"""Files over HTTPS: several at a time, gone on with where they broke off, checked for their size, under their own name only when complete.

While a file is on its way its bytes are beside it under a hidden name that holds its size, so that the part of another version is never continued.
"""

import fcntl
import http.client
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from queue import SimpleQueue
from threading import Event
from typing import BinaryIO, TypeVar
from urllib import request
from urllib.error import HTTPError, URLError

from triskelion.errors import DataError, InputError

CHUNK_BYTES = 2**20
TIMEOUT_S = 60.0
LONGEST_WAIT_S = 60.0
TRY_AGAIN = (408, 425, 429, 500, 502, 503, 504)  # answers of a server that may be different next time
LOOK_S = 0.2  # how often progress is told
SHOWN_FAILURES = 3
T = TypeVar("T")


@dataclass(frozen=True)
class RemoteFile:
    """A file on a server: where it goes below a folder (a/b.mrcs), its address, and its size."""

    path: str
    address: str
    size_bytes: int


@dataclass(frozen=True)
class Patience:
    """How often something is tried without any progress, and the first wait (s), which doubles each time."""

    attempts: int = 6
    first_wait_s: float = 1.0


class _Interrupted(Exception):
    """The connection broke, or the server asked for patience."""


class _Stopped(Exception):
    """Somebody else's error, or a person, ended the download."""


def measure_file(path: str, address: str, patience: Patience) -> RemoteFile:
    """Ask the server for the size of a file."""

    def ask() -> RemoteFile:
        with _open(address, method="HEAD") as response:
            size = response.headers.get("Content-Length", "")
        if not size.isdigit():
            raise DataError(f"{address}: the server does not tell its size, without which it cannot be checked; fetch it in another way")
        return RemoteFile(path, address, int(size))

    return _try_often(ask, address, patience, Event())


def read_page(address: str, patience: Patience) -> str:
    """Return the text at an address."""

    def read() -> str:
        with _open(address) as response:
            try:
                return response.read().decode("utf-8", errors="replace")
            except (http.client.HTTPException, OSError) as error:
                raise _Interrupted(str(error)) from None

    return _try_often(read, address, patience, Event())


def place_below(folder: Path, path: str) -> Path:
    """Return where a file of a server goes.

    Raises
    ------
    DataError
        That would be outside ``folder``, by its name or through a link.
    """
    parts = PurePosixPath(path).parts
    target = folder.joinpath(*parts)
    strange = not parts or path.startswith("/") or ".." in parts or "\\" in path or "\0" in path
    if strange or not target.resolve().is_relative_to(folder.resolve()):
        raise DataError(f"the server has a file {path!r}, which would be saved outside {folder}: it is refused; leave it out")
    return target


def download_files(
    files: Sequence[RemoteFile], folder: Path, parallel: int = 4, patience: Patience | None = None, advance: Callable[[int], None] = lambda n: None
) -> None:
    """Download files below a folder, several at a time; those that are there with the right size are left alone.

    Parameters
    ----------
    files : sequence of RemoteFile
    folder : Path
    parallel : int
        Files on their way at a time.
    patience : Patience, optional
    advance : callable
        Told how many bytes are there more, in the caller's own thread; may raise, which ends the download.

    Raises
    ------
    InputError
        There is not enough room on the disk.
    DataError
        Some files could not be fetched; the others are there, and what there is of these stays for the next time.
    """
    targets = [place_below(folder, file.path) for file in files]
    _require_space(files, targets, folder)
    arrived: SimpleQueue[int] = SimpleQueue()
    stop = Event()
    failures = []
    with ThreadPoolExecutor(parallel) as pool:
        pending = {
            pool.submit(_download, file, target, patience or Patience(), stop, arrived.put) for file, target in zip(files, targets, strict=True)
        }
        try:
            while pending:
                done, pending = wait(pending, timeout=LOOK_S, return_when=FIRST_EXCEPTION)
                advance(sum(arrived.get() for _ in range(arrived.qsize())))
                failures += [future.exception() for future in done if future.exception() is not None]
                unforeseen = next((each for each in failures if not isinstance(each, DataError)), None)
                if unforeseen is not None:
                    raise unforeseen
        finally:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
    if failures:
        told = "\n  ".join([str(each) for each in failures[:SHOWN_FAILURES]] + ["..."] * (len(failures) > SHOWN_FAILURES))
        raise DataError(
            f"{len(failures)} of {len(files)} files could not be fetched:\n  {told}\nWhat has arrived stays: resume, and only the rest is fetched"
        )


def _require_space(files: Sequence[RemoteFile], targets: Sequence[Path], folder: Path) -> None:
    missing = sum(file.size_bytes - _size_of(_part_of(target, file)) for file, target in zip(files, targets) if _size_of(target) != file.size_bytes)
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if missing > free:
        raise InputError(
            f"{missing / 1e9:.1f} GB are to be fetched, but {folder} has room for {free / 1e9:.1f} GB: choose fewer files or another folder"
        )


def _size_of(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _part_of(target: Path, file: RemoteFile) -> Path:
    return target.with_name(f".{target.name}.{file.size_bytes}.part")


def _download(file: RemoteFile, target: Path, patience: Patience, stop: Event, arrived: Callable[[int], None]) -> None:
    """Fetch one file, or what is missing of it."""
    if target.is_file() and target.stat().st_size == file.size_bytes:
        arrived(file.size_bytes)
        return
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = _part_of(target, file)
        with part.open("ab") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)  # given back with the file
            except BlockingIOError:
                raise DataError(f"{target} is being fetched by somebody else: wait, or choose another folder") from None
            if stream.tell() > file.size_bytes:
                stream.truncate(0)
            arrived(stream.tell())
            while stream.tell() < file.size_bytes:
                _try_often(lambda: _append(file, stream, stop, arrived), file.address, patience, stop, stream.tell)
            os.fsync(stream.fileno())
        os.replace(part, target)
    except OSError as error:
        raise DataError(f"{target} cannot be written: {error.strerror or error}") from None


def _append(file: RemoteFile, stream: BinaryIO, stop: Event, arrived: Callable[[int], None]) -> None:
    """Append what the server sends from where the stream ends, until it ends."""
    offset = stream.tell()
    for chunk in _read_from(file, offset):
        if stop.is_set():
            raise _Stopped
        if stream.tell() + len(chunk) > file.size_bytes:
            raise DataError(f"{file.address} is longer than the {file.size_bytes:,} bytes that the server told: try again later")
        stream.write(chunk)
        arrived(len(chunk))
    if stream.tell() < file.size_bytes:
        raise _Interrupted(f"the connection ended after {stream.tell():,} of {file.size_bytes:,} bytes")


def _read_from(file: RemoteFile, offset: int) -> Iterator[bytes]:
    """Yield the bytes of a file from ``offset`` on; where the server sends all of it, those before are read past."""
    with _open(file.address, offset=offset) as response:
        skip = offset
        if response.status == 206:
            sent = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", "").strip())
            if sent is None or int(sent[1]) != offset or sent[2] not in ("*", str(file.size_bytes)):
                raise DataError(f"{file.address}: asked for bytes from {offset:,} of {file.size_bytes:,} on, the server sends others")
            skip = 0
        elif response.headers.get("Content-Length", str(file.size_bytes)) != str(file.size_bytes):
            raise DataError(f"{file.address} has {response.headers['Content-Length']} bytes, but the server told {file.size_bytes}: try again later")
        while True:
            try:
                chunk = response.read(CHUNK_BYTES)
            except (http.client.HTTPException, OSError) as error:
                raise _Interrupted(str(error) or type(error).__name__) from None
            if not chunk:
                return
            passed = min(skip, len(chunk))
            skip -= passed
            if passed < len(chunk):
                yield chunk[passed:]


def _try_often(call: Callable[[], T], address: str, patience: Patience, stop: Event, progress: Callable[[], int] = lambda: 0) -> T:
    """Return what ``call`` returns; wait and call again where it was interrupted, anew patient whenever there was progress."""
    failures, at = 0, progress()
    while True:
        try:
            return call()
        except _Interrupted as error:
            failures, at = (1, progress()) if progress() > at else (failures + 1, at)
            if failures >= patience.attempts:
                raise DataError(f"{address} could not be fetched in {failures} attempts: {error}") from None
            if stop.wait(min(patience.first_wait_s * 2 ** (failures - 1), LONGEST_WAIT_S)):
                raise _Stopped from None


@contextmanager
def _open(address: str, *, method: str = "GET", offset: int = 0) -> Iterator[http.client.HTTPResponse]:
    """Open an address, from a byte on; only HTTP and HTTPS are spoken, also after a redirection."""
    opener = request.OpenerDirector()
    for handler in (request.ProxyHandler, request.HTTPHandler, request.HTTPSHandler, request.HTTPRedirectHandler, request.HTTPDefaultErrorHandler):
        opener.add_handler(handler())
    opener.add_handler(request.HTTPErrorProcessor())
    headers = {"User-Agent": "triskelion", "Accept-Encoding": "identity"} | ({"Range": f"bytes={offset}-"} if offset else {})
    try:
        response = opener.open(request.Request(address, headers=headers, method=method), timeout=TIMEOUT_S)
    except HTTPError as error:
        error.close()
        if error.code in TRY_AGAIN:
            raise _Interrupted(f"the server answers {error.code} {error.reason}") from None
        advice = "check entry and address" if error.code == 404 else "the server does not give it"
        raise DataError(f"{address}: the server answers {error.code} {error.reason}; {advice}") from None
    except (URLError, http.client.HTTPException, OSError) as error:
        raise _Interrupted(str(getattr(error, "reason", error)) or type(error).__name__) from None
    if response is None:
        raise DataError(f"{address}: only http and https addresses can be fetched")
    with response:
        yield response
