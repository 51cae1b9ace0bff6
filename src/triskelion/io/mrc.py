"""MRC maps and image stacks, MRC2014: float32, float16, int8, int16, uint16; maps also packed with gzip or bzip2.

The box itself is the frame of reference, as in RELION and CryoSPARC: where its corner lies in the world (nxstart, origin)
is read into the header but moves nothing.
"""

import bz2
import gzip
import math
import mmap
import os
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import mrcfile
import numpy as np
from mrcfile.dtypes import HEADER_DTYPE
from mrcfile.utils import dtype_from_mode, mode_from_dtype

from triskelion.data.volume import Mask, Volume
from triskelion.errors import DataError, InputError, JobError
from triskelion.io.atomic_write import replace_when_complete

HEADER_BYTES = 1024
MAP_WORD, MACHINE_STAMP = slice(208, 212), slice(212, 214)
BIG_ENDIAN_STAMP = b"\x11\x11"
PIECE_BYTES = 2**24
LARGEST_EXTENT = 1_000_000  # a number of columns, rows or sections beyond this is no MRC header
PIXEL_SIZE_TOLERANCE = 1e-3


@dataclass(frozen=True)
class MrcHeader:
    """What a header says.

    Attributes
    ----------
    shape : tuple of int
        Sections, rows, columns, as they lie in the file.
    dtype : numpy dtype
        With the byte order of the file.
    data_offset : int
        Bytes before the first voxel.
    axis_order : tuple of int
        Axis (1 x, 2 y, 3 z) along columns, rows, sections.
    voxel_size_A : tuple of float
        Along x, y, z; 0 where the header does not say.
    corner_xyz_A : tuple of float
        Where the header places the corner voxel.
    """

    shape: tuple[int, int, int]
    dtype: np.dtype
    data_offset: int
    axis_order: tuple[int, int, int]
    voxel_size_A: tuple[float, float, float]
    corner_xyz_A: tuple[float, float, float]


def read_header(path: str | os.PathLike) -> MrcHeader:
    """Read the header of a map or stack.

    Raises
    ------
    DataError
        The file is missing, no MRC file, or of a mode this program does not read.
    """
    header = _read_record(path)
    try:
        dtype = dtype_from_mode(header["mode"]).newbyteorder(header["mode"].dtype.byteorder)
    except ValueError as error:
        raise DataError(f"{path} is not an MRC file that can be read: {error}") from error
    if dtype.kind not in "fiu":
        raise DataError(f"{path} holds no real numbers (MRC mode {int(header['mode'])}): convert it to float32")
    shape = tuple(int(header[name]) for name in ("nz", "ny", "nx"))
    if not all(0 < extent <= LARGEST_EXTENT for extent in shape):
        raise DataError(f"{path} is not an MRC file: its header says {shape[2]} x {shape[1]} x {shape[0]} voxels")
    axes = tuple(int(header[name]) for name in ("mapc", "mapr", "maps"))
    voxel_A = [float(header["cella"][axis]) / max(int(header[f"m{axis}"]), 1) for axis in "xyz"]
    start = np.zeros(3)
    if sorted(axes) == [1, 2, 3]:
        start[np.subtract(axes, 1)] = [int(header[name]) for name in ("nxstart", "nystart", "nzstart")]
    corner = [float(header["origin"][axis]) + first * size for axis, first, size in zip("xyz", start, voxel_A)]
    offset = HEADER_BYTES + max(int(header["nsymbt"]), 0)
    return MrcHeader(shape, dtype, offset, axes if any(axes) else (1, 2, 3), tuple(voxel_A), tuple(corner))  # pyright: ignore[reportArgumentType]


def read_volume(path: str | os.PathLike, pixel_size_A: float | None = None) -> Volume:
    """Read a map.

    Parameters
    ----------
    path : path
    pixel_size_A : float, optional
        Replaces that of the header.

    Raises
    ------
    DataError
        The file cannot be read, is cut short, or its voxels are no cubes of known size.
    InputError
        The map is no cube or holds NaN.
    """
    array, header = _read_map(path)
    return _name_file(path, lambda: Volume(array, pixel_size_A or _cubic_voxel_A(header, path)))


def read_mask(path: str | os.PathLike, pixel_size_A: float | None = None) -> Mask:
    """Read a mask; parameters and errors are those of ``read_volume``, and values must lie in [0, 1]."""
    array, header = _read_map(path)
    return _name_file(path, lambda: Mask(array, pixel_size_A or _cubic_voxel_A(header, path)))


def write_volume(path: str | os.PathLike, volume: Volume | Mask) -> None:
    """Write a map or mask as float32; an older file is replaced only once the new one is complete."""
    with replace_when_complete(path) as beside, mrcfile.new(beside, overwrite=True) as mrc:
        mrc.set_data(volume.array)
        mrc.voxel_size = volume.pixel_size_A


def open_stack(path: str | os.PathLike) -> np.ndarray:
    """Map a stack into memory: (n, ny, nx) in the numbers of the file, read from disk where they are touched.

    A file that is cut short gives the whole images it holds; ``read_header`` tells how many there should be.
    """
    header = read_header(path)
    image_bytes = header.shape[1] * header.shape[2] * header.dtype.itemsize
    n_whole = min(header.shape[0], max(Path(path).stat().st_size - header.data_offset, 0) // image_bytes)
    if n_whole == 0:
        return np.empty((0, *header.shape[1:]), dtype=header.dtype)
    return np.memmap(path, dtype=header.dtype, mode="r", offset=header.data_offset, shape=(n_whole, *header.shape[1:]))


def release_pages(stack: np.ndarray) -> None:
    """Give back the memory through which a mapped stack was read: the system would count the whole file as the program's."""
    if isinstance(stack.base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        stack.base.madvise(mmap.MADV_DONTNEED)


def write_stack(
    path: str | os.PathLike, images: Iterable[np.ndarray], n_images: int, pixel_size_A: float, dtype: type[np.floating] = np.float32
) -> None:
    """Write an image stack block by block.

    Parameters
    ----------
    path : path
    images : iterable of ndarray, shape (m, n, n)
        Blocks of images, ``n_images`` in all.
    n_images : int
    pixel_size_A : float
    dtype : float32 or float16
        float16 halves the file and keeps 3 digits, which is plenty for noisy images.

    Raises
    ------
    InputError
        The blocks do not hold ``n_images`` images, or a value is not finite in ``dtype``.
    JobError
        The disk is too full; known before anything is written.
    """
    done, stack, sums = 0, None, np.zeros(2)
    low, high = np.inf, -np.inf
    with replace_when_complete(path) as beside:
        for block in images:
            with np.errstate(over="ignore"):  # the next line says it better
                values = np.asarray(block).astype(dtype)
            if not np.isfinite(values).all():
                raise InputError(f"cannot write {path}: among images {done + 1} to {done + len(values)} a value is not finite as {np.dtype(dtype)}")
            if stack is None:
                stack = mrcfile.new_mmap(beside, (n_images, *values.shape[1:]), mode_from_dtype(np.dtype(dtype)), overwrite=True)
                _take_room(beside)
            if done + len(values) <= n_images:
                np.asarray(stack.data)[done : done + len(values)] = values
                sums += values.sum(dtype=np.float64), np.square(values, dtype=np.float64).sum()
                low, high = min(low, float(values.min())), max(high, float(values.max()))
            done += len(values)
        if stack is None or done != n_images:
            raise InputError(f"cannot write {path}: got {done} images, wanted {n_images}")
        stack.set_image_stack()
        stack.voxel_size = pixel_size_A
        # summed block by block: mrcfile would hold arrays as large as the stack
        mean, square = sums / max(np.asarray(stack.data).size, 1)
        statistics = {"dmin": low, "dmax": high, "dmean": mean, "rms": np.sqrt(max(square - mean**2, 0.0))}
        for name, value in statistics.items():
            setattr(stack.header, name, np.float32(value))
        stack.close()


def _take_room(path: Path) -> None:
    """Make the file system keep its word: a mapped file on a full disk would end the process."""
    with path.open("r+b") as file:
        try:
            os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
        except OSError as error:
            raise JobError(f"no room for a stack of {path.stat().st_size / 1e9:.1f} GB in {path.parent}: {error.strerror}") from error


def _read_map(path: str | os.PathLike) -> tuple[np.ndarray, MrcHeader]:
    header = read_header(path)
    if sorted(header.axis_order) != [1, 2, 3]:
        raise DataError(f"{path}: the header names the axes {header.axis_order}, wanted 1, 2, 3 in some order")
    n_bytes = math.prod(header.shape) * header.dtype.itemsize
    content = _read_data(path, header.data_offset, n_bytes)
    if len(content) < n_bytes:
        raise DataError(f"{path} is cut short: the header promises {' x '.join(map(str, header.shape[::-1]))} voxels; copy it again")
    data = np.frombuffer(content, dtype=header.dtype)
    # data[section, row, column]; axis_order[0] says what runs along columns
    column, row, section = header.axis_order
    sources = {section: 0, row: 1, column: 2}
    return np.ascontiguousarray(data.reshape(header.shape).transpose([sources[3], sources[2], sources[1]]), dtype=np.float32), header


def _read_record(path: str | os.PathLike) -> np.ndarray:
    """Read the 1024 bytes of a header in the byte order in which its mode makes sense; nothing the header announces is read or given room."""
    try:
        with _open_unpacked(path) as file:
            head = file.read(HEADER_BYTES)
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or 'it is not a whole MRC file'}") from error
    except (EOFError, zlib.error) as error:
        raise DataError(f"cannot read {path}: it is not a whole MRC file ({error})") from error
    if len(head) < HEADER_BYTES:
        raise DataError(f"{path} is not an MRC file that can be read: it has {len(head)} of the {HEADER_BYTES} bytes of a header")
    stamp = head[MACHINE_STAMP]
    orders = (">", "<") if stamp == BIG_ENDIAN_STAMP else ("<", ">")
    records = [np.frombuffer(head, dtype=HEADER_DTYPE.newbyteorder(order)).reshape(()) for order in orders]
    return next((record for record in records if _is_mode(record["mode"])), records[0])


def _is_mode(mode: np.ndarray) -> bool:
    try:
        dtype_from_mode(mode)
    except ValueError:
        return False
    return True


def _open_unpacked(path: str | os.PathLike) -> BinaryIO:
    """Open a file that may be packed; the word MAP in the first bytes means that it is not, whatever the number of columns looks like."""
    with open(path, "rb") as file:
        head = file.read(MAP_WORD.stop)
    if head[MAP_WORD] != b"MAP ":
        if head.startswith(b"\x1f\x8b"):
            return cast("BinaryIO", gzip.open(path, "rb"))
        if head.startswith(b"BZh"):
            return cast("BinaryIO", bz2.open(path, "rb"))
    return open(path, "rb")


def _read_data(path: str | os.PathLike, offset: int, n_bytes: int) -> bytearray:
    """Read ``n_bytes`` or as many as there are, piece by piece: a header may announce more than any memory holds."""
    content = bytearray()
    try:
        with _open_unpacked(path) as file:
            file.seek(offset)
            while len(content) < n_bytes and (piece := file.read(min(n_bytes - len(content), PIECE_BYTES))):
                content += piece
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"cannot read {path}: {error}") from error
    return content


def _cubic_voxel_A(header: MrcHeader, path) -> float:
    size = np.array(header.voxel_size_A)
    if not (np.isfinite(size).all() and (size > 0).all()):
        raise DataError(f"{path}: the header gives no pixel size; give it with pixel_size_A")
    if np.ptp(size) > PIXEL_SIZE_TOLERANCE * size.max():
        raise DataError(f"{path}: voxels of {size[0]:g} x {size[1]:g} x {size[2]:g} Å are no cubes; resample the map, or give pixel_size_A")
    return float(size[0])


def _name_file(path, build):
    try:
        return build()
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
