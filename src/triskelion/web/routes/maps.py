"""Maps for the viewer: densities, distances from a mask base, labels of regions."""

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import AfterValidator

from triskelion.api import Job
from triskelion.data.volume import Volume
from triskelion.io.segmentation_npz import read_segmentation
from triskelion.project.viewable import Viewable, find_threshold, list_viewable, read_viewable
from triskelion.web.asking import JobOf, MapOf, RegionsOf
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
Reach = Annotated[Finite, Query(gt=0, le=400)]


@router.get("/volumes")
def list_volumes(job: JobOf) -> list[dict[str, Any]]:
    """Return the maps and masks of a job, the one to look at first in front."""
    return [{"name": each.name, "kind": each.kind, "title": each.title} for each in list_viewable(job.paths)]


@router.get("/volume/{output}")
def send_volume(request: Request, job: JobOf, output: MapOf, bin: Bin = 1) -> Response:
    """Send a map, binned if wanted."""
    return send_bytes(request, output.path, f"volume {output.name} {bin}", lambda: _pack_volume(job, output, bin))


@router.get("/smooth/{output}")
def send_smooth(request: Request, job: JobOf, output: MapOf, sdev_A: Annotated[Finite, Query(gt=0, le=200)], bin: Bin = 1) -> Response:
    """Send a map after a Gaussian blur, as mask_base, segment_map and volume_tools would see it."""
    return send_bytes(request, output.path, f"smooth {output.name} {sdev_A} {bin}", lambda: _pack_volume(job, output, bin, sdev_A))


@router.get("/distance/regions")
def send_distance_of_regions(
    request: Request, job: JobOf, regions: RegionsOf, which: Annotated[str, Query(max_length=100_000)], reach_px: Reach
) -> Response:
    """Send the distance from the voxels of regions: the mask that they would make, before there is a mask base."""
    state, segmentation = regions.state, regions.segmentation
    numbers = regions.find(which)
    leaves = np.isin(state.region_of_leaf(segmentation.n_leaves), numbers)
    what = f"distance {np.flatnonzero(leaves).tobytes().hex()} {reach_px}"
    return send_bytes(
        request, job.path("segmentation"), what, lambda: _pack_distance(leaves[segmentation.labels], reach_px, segmentation.pixel_size_A)
    )


@router.get("/distance/{output}")
def send_distance(
    request: Request,
    job: JobOf,
    output: MapOf,
    reach_px: Reach,
    threshold: Finite | None = None,
    sdev_A: Annotated[Finite, Query(ge=0, le=200)] = 0,
) -> Response:
    """Send the distance from the voxels at or above a threshold, as far as dilation and padding may reach."""
    from triskelion.masks.binarize import binarize

    def make() -> bytes:
        volume = _read_blurred(job, output, sdev_A)
        base = binarize(volume.array, find_threshold(volume, output) if threshold is None else threshold)
        return _pack_distance(base, reach_px, volume.pixel_size_A)

    return send_bytes(request, output.path, f"distance {output.name} {threshold} {reach_px} {sdev_A}", make)


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


def _read_blurred(job: Job, output: Viewable, sdev_A: float) -> Volume:
    volume = read_viewable(job.paths, output)
    if not sdev_A:
        return volume
    from triskelion.maps.edit import blur_map  # which takes seconds to load

    return blur_map(volume, sdev_A)


def _pack_volume(job: Job, output: Viewable, factor: int, sdev_A: float = 0.0) -> bytes:
    from triskelion.maps.viewing import bin_density, quantize_map, suggest_level

    volume = _read_blurred(job, output, sdev_A)
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
        "suggested_level": suggest_level(volume.array, is_mask=output.kind == "mask", is_base=output.is_base),
        "full_shape": volume.array.shape,
    }
    return pack_array(header, viewed.voxels)


def _pack_distance(base: np.ndarray, reach_px: float, pixel_size_A: float) -> bytes:
    from triskelion.masks.distance_map import map_distance

    distance = map_distance(base, reach_px)
    header = {
        "origin_zyx": distance.origin_zyx,
        "shape": distance.steps.shape,
        "full_shape": base.shape,
        "pixel_size_A": pixel_size_A,
        "step_px": distance.step_px,
        "n_base": int(base.sum()),
        "touches_edge": bool(any(np.take(base, (0, -1), axis=axis).any() for axis in range(3))),
    }
    return pack_array(header, distance.steps)
