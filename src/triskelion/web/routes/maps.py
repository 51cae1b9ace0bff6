"""Maps for the viewer: densities, distances from a mask base, labels of regions."""

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import AfterValidator

from triskelion.data.volume import Volume
from triskelion.errors import InputError
from triskelion.io.mrc import read_volume
from triskelion.io.segmentation_npz import read_segmentation
from triskelion.project.connect import MASK_BASES, Output
from triskelion.web.asking import JobOf, OutputOf
from triskelion.web.volumes import pack_array, send_bytes

router = APIRouter(tags=["maps"], prefix="/p/{p}/j/{j}")
BINS = (1, 2, 4)


def _require_finite(value: float) -> float:
    if not np.isfinite(value):
        raise ValueError("wanted a number")
    return value


def _require_bin(value: int) -> int:
    if value not in BINS:
        raise ValueError("wanted 1, 2 or 4")
    return value


Bin = Annotated[int, Query(), AfterValidator(_require_bin)]
Finite = Annotated[float, AfterValidator(_require_finite)]


@router.get("/volume/{output}")
def send_volume(request: Request, output: OutputOf, bin: Bin = 1) -> Response:
    """Send a map, binned if wanted."""
    return send_bytes(request, output.path, f"volume {bin}", lambda: _pack_volume(_read_map(output), output, bin))


@router.get("/smooth/{output}")
def send_smooth(request: Request, output: OutputOf, sdev_A: Annotated[Finite, Query(gt=0, le=200)], bin: Bin = 1) -> Response:
    """Send a map after a Gaussian blur, as mask_base, segment_map and volume_tools would see it."""
    from triskelion.maps.edit import blur_map

    def make() -> bytes:
        return _pack_volume(blur_map(_read_map(output), sdev_A), output, bin)

    return send_bytes(request, output.path, f"smooth {sdev_A} {bin}", make)


@router.get("/distance/{output}")
def send_distance(
    request: Request,
    output: OutputOf,
    threshold: Finite,
    reach_px: Annotated[Finite, Query(gt=0, le=400)],
    sdev_A: Annotated[Finite, Query(ge=0, le=200)] = 0,
) -> Response:
    """Send the distance from the voxels at or above a threshold, as far as dilation and padding may reach."""
    from triskelion.maps.edit import blur_map
    from triskelion.masks.binarize import binarize
    from triskelion.masks.distance_map import map_distance

    def make() -> bytes:
        volume = _read_map(output)
        distance = map_distance(binarize((blur_map(volume, sdev_A) if sdev_A else volume).array, threshold), reach_px)
        header = {"origin_zyx": distance.origin_zyx, "shape": distance.steps.shape, "full_shape": volume.array.shape}
        return pack_array({**header, "pixel_size_A": volume.pixel_size_A, "step_px": distance.step_px}, distance.steps)

    return send_bytes(request, output.path, f"distance {threshold} {reach_px} {sdev_A}", make)


@router.get("/labels")
def send_labels(request: Request, job: JobOf) -> Response:
    """Send the smallest region that each voxel of a segmentation belongs to."""
    path = job.path("segmentation")

    def make() -> bytes:
        segmentation = read_segmentation(path)
        dtype = np.uint16 if segmentation.n_leaves <= np.iinfo(np.uint16).max else np.uint32
        header: dict[str, Any] = {"shape": segmentation.labels.shape, "pixel_size_A": segmentation.pixel_size_A, "level": segmentation.level}
        return pack_array({**header, "n_regions": segmentation.n_leaves, "dtype": np.dtype(dtype).name}, segmentation.labels.astype(dtype))

    return send_bytes(request, path, "labels", make)


def _read_map(output: Output) -> Volume:
    if output.kind not in ("volume", "mask"):
        raise InputError(f"{output.name} is a {output.kind}, wanted a map or a mask")
    return read_volume(output.path)


def _pack_volume(volume: Volume, output: Output, factor: int) -> bytes:
    from triskelion.maps.viewing import bin_density, quantize_map, suggest_level

    viewed = quantize_map(bin_density(volume.array, factor))
    header = {
        "shape": viewed.voxels.shape,
        "pixel_size_A": volume.pixel_size_A,
        "bin": factor,
        "low": viewed.low,
        "high": viewed.high,
        "histogram": viewed.histogram,
        "mean": viewed.mean,
        "sd": viewed.sd,
        "suggested_level": suggest_level(volume.array, is_mask=output.kind == "mask", is_base=output.name in MASK_BASES),
        "full_shape": volume.array.shape,
    }
    return pack_array(header, viewed.voxels)
