"""Control experiments: the same images without what a refinement claims to have found in them."""

from dataclasses import replace

import numpy as np
import torch

from triskelion.data.particles import HALF_A, HALF_B
from triskelion.imaging.forward import ImageSet
from triskelion.imaging.stream import ImageStream
from triskelion.imaging.subtraction import subtract_projections
from triskelion.kernels.interface import FourierVolume, Kernels


def pure_noise(stream: ImageStream, sigma2: np.ndarray, seed: int) -> ImageStream:
    """Put noise of variance ``sigma2`` (groups, shells) in the place of all images; drawn by uid, so the order does not matter."""
    uid = stream.particles["uid"]

    def draw(rows: np.ndarray, images: ImageSet) -> ImageSet:
        normal = np.empty((*images.coefficients.shape, 2), np.float32)
        for place, row in enumerate(rows):
            generator = np.random.Generator(np.random.Philox(key=[int(uid[row]), seed]))
            normal[place] = generator.standard_normal(normal.shape[1:], dtype=np.float32)
        noise = torch.view_as_complex(torch.from_numpy(normal)) * images.per_shell(np.sqrt(sigma2))
        known = images.ctf != 0
        multiplied = torch.from_numpy(images.premultiplied)[:, None]
        return replace(images, coefficients=noise * torch.where(multiplied, images.ctf, known.to(images.ctf.dtype)))

    return replace(stream, change=draw)


def without_domain(
    stream: ImageStream,
    volumes: tuple[FourierVolume, FourierVolume],
    poses: tuple[np.ndarray, np.ndarray],
    kernels: Kernels,
) -> ImageStream:
    """Take a refined domain out of the images.

    Parameters
    ----------
    volumes : tuple of FourierVolume
        The domain by half a and by half b, cut out and transformed.
    poses : tuple of ndarray (n, 3, 3), (n, 2)
        At which it was found, about the box centre, px.
    """
    half_set = stream.particles["half_set"]

    def subtract(rows: np.ndarray, images: ImageSet) -> ImageSet:
        left = images.coefficients.clone()
        for half, volume in zip((HALF_A, HALF_B), volumes, strict=True):
            members = np.flatnonzero(half_set[rows] == half)
            if len(members):
                part = images.take(members)
                rotations, shifts_px = (pose[rows[members]] for pose in poses)
                left[members] = subtract_projections(part, volume, rotations, shifts_px, kernels.slice)
        return replace(images, coefficients=left)

    return replace(stream, change=subtract)
