"""Images re-centred on a point of the particle and cropped: moved by whole pixels, so that no value changes.

The point c becomes the origin: x_image = P(R x) + t is P(R (x - c)) + u, u = P(R c) + t, and an image moved by the whole pixels v next to u
has the pose (R, u - v). Any other pose of the same image follows in the same way.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from triskelion.conventions import box_center_px
from triskelion.data.particles import OpticsGroup, Particles
from triskelion.errors import DataError
from triskelion.geometry.fulcrum import image_of_point
from triskelion.geometry.rotations import rotvec_to_matrix

WHOLE_PX = 1e-3  # so much less than a whole pixel is rounding of the pixel sizes


@dataclass(frozen=True)
class CroppedFrame:
    """Images re-centred on a point and cropped.

    Attributes
    ----------
    point_xyz_A : ndarray (3,)
        The new origin, from the centre of the map.
    offsets_px : ndarray, int64 (p, 2)
        Where it lies in each image at the current pose: x, y in whole px from the image's centre.
    extent_A : float
        Edge of the new box.
    """

    point_xyz_A: np.ndarray
    offsets_px: np.ndarray
    extent_A: float

    @classmethod
    def about_point(cls, particles: Particles, point_xyz_A: np.ndarray, extent_A: float) -> "CroppedFrame":
        """Find the point in all images.

        Raises
        ------
        DataError
            It lies outside an image.
        """
        pixel_size_A, half_box_px = (
            _of_images(particles, lambda group: group.pixel_size_A),
            _of_images(particles, lambda group: box_center_px(group.box_px)),
        )
        images_A = image_of_point(rotvec_to_matrix(particles["rotvec_rad"]), particles["shift_A"], point_xyz_A)
        offsets_px = np.rint(images_A / pixel_size_A).astype(np.int64)
        outside = np.flatnonzero((np.abs(offsets_px) >= half_box_px).any(axis=1))
        if len(outside):
            raise DataError(
                f"the domain's centre lies outside {len(outside)} of {len(particles)} images, the first in row {outside[0] + 1}: "
                "check their poses, or leave these particles out"
            )
        return cls(np.asarray(point_xyz_A, np.float64), offsets_px, extent_A)

    def box_px(self, group: OpticsGroup) -> int:
        """Edge of the box in pixels of an optics group: the number that spans it, or the next even one where none does."""
        exact = self.extent_A / group.pixel_size_A
        return round(exact) if abs(exact - round(exact)) < WHOLE_PX else 2 * int(np.ceil(exact / 2))

    def count_beyond(self, particles: Particles) -> int:
        """Count the images that their boxes reach beyond."""
        edges_px, boxes_px = _of_images(particles, lambda group: group.box_px), _of_images(particles, self.box_px)
        first = self.offsets_px + _of_images(particles, lambda group: box_center_px(group.box_px) - box_center_px(self.box_px(group)))
        return int(((first < 0) | (first + boxes_px > edges_px)).any(axis=1).sum())

    def move_particles(self, particles: Particles) -> Particles:
        """Return the particles in this frame: poses, current and consensus, and boxes."""
        moved_A = self.offsets_px * _of_images(particles, lambda group: group.pixel_size_A)
        shift_A, consensus_shift_A = (
            image_of_point(rotvec_to_matrix(particles[f"{prefix}rotvec_rad"]), particles[f"{prefix}shift_A"], self.point_xyz_A) - moved_A
            for prefix in ("", "consensus_")
        )
        optics = tuple(replace(group, box_px=self.box_px(group)) for group in particles.optics)
        return particles.with_columns(shift_A=shift_A, consensus_shift_A=consensus_shift_A).with_optics(optics)


def crop_about(images: np.ndarray, offsets_px: np.ndarray, box_px: int) -> np.ndarray:
    """Cut boxes about ``offsets_px`` (n, 2; x, y from the centre) out of images (n, b, b); an image's mean where a box reaches beyond it."""
    edge = images.shape[-1]
    line = box_center_px(edge) - box_center_px(box_px) + np.arange(box_px)
    columns, rows = (offsets_px[:, axis, None] + line for axis in (0, 1))
    inside = ((rows >= 0) & (rows < edge))[:, :, None] & ((columns >= 0) & (columns < edge))[:, None, :]
    picked = images[np.arange(len(images))[:, None, None], rows.clip(0, edge - 1)[:, :, None], columns.clip(0, edge - 1)[:, None, :]]
    return np.where(inside, picked, images.mean(axis=(1, 2), keepdims=True))


def _of_images(particles: Particles, value: Callable[[OpticsGroup], float]) -> np.ndarray:
    """What a group's images have in common, for each particle: array (p, 1)."""
    return np.array([value(group) for group in particles.optics])[particles["optics_group"]][:, None]
