"""Map in, map out: what volume_tools does to a density before, or without, making a mask of it."""

from dataclasses import replace

import numpy as np
import torch
from scipy import ndimage

from triskelion.conventions import box_center_px, centered_A_to_corner_px, corner_px_to_centered_A
from triskelion.data.volume import Mask, OnGrid, Volume, require_same_grid
from triskelion.errors import InputError
from triskelion.fourier.filters import gaussian_blur, lowpass
from triskelion.fourier.resample import crop_or_pad, resample_volume, rescale_volumes
from triskelion.masks.automatic import SMOOTHING_A, SMOOTHING_PX
from triskelion.masks.binarize import keep_sphere

SAMPLED_PX, WIDEST_PX = 1.5, 6.0  # narrower Gaussians are no Gaussians when sampled, for wider ones transforms are faster
TRUNCATE_SD = 5.0


def apply_mask(volume: Volume, mask: Mask) -> Volume:
    """Return map times mask."""
    require_same_grid(volume, mask, "the map", "the mask")
    return replace(volume, array=volume.array * mask.array)


def invert(volume: Volume) -> Volume:
    """Return the map with the other sign."""
    return replace(volume, array=-volume.array)


def flip_hand(volume: Volume) -> Volume:
    """Return the mirror image: x becomes -x about the box centre, which stays in place (in an even box plane 0 has no partner and stays).

    Poses go along by ``geometry.hand``.
    """
    n = volume.box_px
    mirrored = (2 * box_center_px(n) - np.arange(n)) % n
    return replace(volume, array=volume.array[:, :, mirrored])


def blur_map(volume: Volume, sigma_A: float) -> Volume:
    """Return the map convolved with a Gaussian of standard deviation ``sigma_A``, periodic at the edge of the box.

    A Gaussian wide enough to be sampled is applied axis by axis in real space, which takes a third of the time of transforms.
    """
    sigma_px = sigma_A / volume.pixel_size_A
    if SAMPLED_PX <= sigma_px <= WIDEST_PX:
        return replace(volume, array=ndimage.gaussian_filter(volume.array, sigma_px, mode="wrap", truncate=TRUNCATE_SD))
    return replace(volume, array=gaussian_blur(torch.from_numpy(volume.array), volume.pixel_size_A, sigma_A).numpy())


def lowpass_map(volume: Volume, resolution_A: float, order: int = 8) -> Volume:
    """Return the map after a Butterworth low-pass."""
    return replace(volume, array=lowpass(torch.from_numpy(volume.array), volume.pixel_size_A, resolution_A, order).numpy())


def relative_scale(volume: Volume, target: Volume) -> float:
    """Return by what a map is to be multiplied to be most like another, both low-passed to where neither is short of detail: 20 Å, or 4 px."""
    resolution_A = max(SMOOTHING_A, SMOOTHING_PX * volume.pixel_size_A)
    smooth, aim = (lowpass_map(each, resolution_A).array for each in (volume, target))
    power = float(np.vdot(smooth, smooth))
    return float(np.vdot(smooth, aim)) / power if power > 0 else 1.0


def rescale_map(volume: Volume, box_px: int) -> Volume:
    """Return the map on another number of voxels in the same field of view."""
    array = rescale_volumes(torch.from_numpy(volume.array), box_px).numpy()
    return Volume(array, volume.pixel_size_A * volume.box_px / box_px)


def crop_map(volume: Volume, box_px: int) -> Volume:
    """Return the map cropped or padded with 0 about its centre, at the same pixel size."""
    return replace(volume, array=crop_or_pad(torch.from_numpy(volume.array), box_px).numpy())


def resample_map(volume: Volume, grid: OnGrid) -> Volume:
    """Return the map on the grid of another, whose box has the same centre; 0 outside the old box."""
    array = resample_volume(torch.from_numpy(volume.array), grid.box_px, grid.pixel_size_A / volume.pixel_size_A).numpy()
    return Volume(array, grid.pixel_size_A)


def keep_sphere_of_map(volume: Volume, center_xyz_px, radius_A: float) -> Volume:
    """Return the map with everything further than ``radius_A`` from a point (px from the corner voxel) set to 0."""
    return replace(volume, array=keep_sphere(volume.array, center_xyz_px, radius_A / volume.pixel_size_A))


def move_point_to_grid(xyz_px, source: OnGrid, target: OnGrid) -> np.ndarray:
    """Return where a point of one grid lies on another with the same centre, both in px from the corner voxel."""
    return centered_A_to_corner_px(corner_px_to_centered_A(xyz_px, source.box_px, source.pixel_size_A), target.box_px, target.pixel_size_A)


def require_inside(xyz_px, volume: OnGrid, what: str) -> None:
    """Raise InputError unless a point (px from the corner voxel) lies in the box."""
    point = np.asarray(xyz_px, dtype=np.float64)
    if (point < 0).any() or (point > volume.box_px - 1).any():
        place = ",".join(f"{value:g}" for value in point)
        raise InputError(
            f"{what} is {place} px, outside the box of {volume.box_px} px: count from the corner voxel, or write Å as 249.5,250.1,253.3A"
        )
