"""The window: images cut down to the surroundings of a domain, which fills a small part of them.

A domain's projection m is zero outside its window, so Re sum conj(m) b over all of an image is the same sum over the cropped one: nothing
is lost, and there are fewer coefficients. sum W |m|² becomes a sum over the transform of the cropped point spread function of W, which is
W averaged over neighbouring frequencies: exact but for what W spreads farther than half a window.
"""

import math

import numpy as np
import torch
from torch import Tensor

from triskelion.fourier.complex_product import multiply
from triskelion.fourier.resample import crop_or_pad
from triskelion.fourier.shells import FourierDisc
from triskelion.fourier.transforms import fourier_to_image, image_to_fourier
from triskelion.imaging.forward import phase_of_shift

MARGIN_PX = 4
LARGEST_FRACTION = 0.8  # of the box: beyond, a window saves too little


def choose_window_px(box_px: int, radius_px: float, lever_px: float, rotation_extent_deg: float, shift_extent_px: float) -> int:
    """Return the edge of the window that holds a domain wherever the search may move it; ``box_px`` where that saves too little.

    Parameters
    ----------
    box_px : int
    radius_px : float
        From the domain's centre to the outermost voxel of its soft mask.
    lever_px : float
        From the domain's centre to its fulcrum.
    rotation_extent_deg, shift_extent_px : float

    Notes
    -----
    2 radius + 2 shift + 4 sin(rotation / 2) lever + 4, the next even number. The last shell below Nyquist of an even window ends where that of the
    image does, but for a tenth to a third of a shell; an odd one would lose half a shell more, and the outermost shells hold most coefficients.
    Images are transformed once, so that it does not matter how fast a window transforms.
    """
    swing_px = 2 * math.sin(math.radians(min(rotation_extent_deg, 180.0)) / 2) * lever_px
    window_px = 2 * math.ceil(radius_px + shift_extent_px + swing_px + MARGIN_PX / 2)
    return window_px if window_px <= LARGEST_FRACTION * box_px else box_px


def window_disc_shell(disc: FourierDisc, window_px: int, last_shell: int) -> int:
    """Return the last shell of a window that ends no further out than shell ``last_shell`` of the whole image."""
    return ((2 * last_shell + 1) * window_px // disc.box_px - 1) // 2


def window_matched(values: Tensor, disc: FourierDisc, centers_px: np.ndarray, window: FourierDisc) -> Tensor:
    """Bring ``centers_px`` to the centre of images and crop them.

    Parameters
    ----------
    values : Tensor, complex64 (n, m)
        Images on ``disc``.
    centers_px : ndarray (n, 2)
        Whole px of these images from the box centre.
    window : FourierDisc
        Of the cropped images.

    Returns
    -------
    Tensor, complex64 (n, len(window))
    """
    moved = multiply(values, phase_of_shift(disc, -np.asarray(centers_px), np.ones(len(values))))
    if window.box_px == disc.box_px:
        return moved[:, : len(window)]
    images = fourier_to_image(disc.scatter(moved), disc.box_px)
    return window.gather(image_to_fourier(crop_or_pad(images, window.box_px, dimensions=2)))


def window_power(power: Tensor, disc: FourierDisc, window: FourierDisc) -> Tensor:
    """Average W, float32 (n, m) on ``disc``, over neighbouring frequencies as cropping the images does: float32 (n, len(window)), 0 or more."""
    if window.box_px == disc.box_px:
        return power[:, : len(window)]
    spread = torch.fft.fftshift(torch.fft.irfft2(disc.scatter(power), s=(disc.box_px,) * 2), dim=(-2, -1))
    cropped = torch.fft.ifftshift(crop_or_pad(spread, window.box_px, dimensions=2), dim=(-2, -1))
    return window.gather(torch.fft.rfft2(cropped).real.contiguous()).clamp(min=0)
