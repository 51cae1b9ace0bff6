"""Is protein bright or dark in the files? Seen from the density that piles up at the centre of the images."""

from dataclasses import dataclass

import numpy as np
import torch

from triskelion.data.images import ImageSource
from triskelion.data.particles import Particles
from triskelion.errors import InputError
from triskelion.fourier.shells import fourier_disc
from triskelion.fourier.transforms import image_to_fourier
from triskelion.imaging.ctf import compute_ctf

BLOB_SIGMA = 1 / 8  # of the box; 0.08 to 0.2 give nearly the same significance
LAST_SHELL = 5  # of the blob only 1 part in 1e5 lies beyond
SIGNIFICANT_Z = 4.0
BATCH = 64


@dataclass(frozen=True)
class SignEvidence:
    """What the images of one optics group say.

    Attributes
    ----------
    z : float
        Mean projection of the images on a bright central blob, in standard errors: positive when protein is bright.
    n_images : int
    """

    z: float
    n_images: int

    @property
    def sign(self) -> int:
        """1 where protein is bright in what was read, -1 where dark, 0 where the images do not tell."""
        return int(np.sign(self.z)) if abs(self.z) >= SIGNIFICANT_Z else 0


def detect_contrast_sign(particles: Particles, images: ImageSource, rows: np.ndarray) -> SignEvidence:
    """Tell whether protein is bright or dark.

    Every image is centred by its shift, multiplied by its CTF (unless it was already) and projected on a Gaussian blob at the
    centre without its mean. Where the protein is bright, the expectation is sum(CTF² blob density) > 0, however small the CTF
    is at these low frequencies; gradients of ice or beam are odd about the centre and cancel.

    Parameters
    ----------
    particles : Particles
    images : ImageSource
        Of the same table.
    rows : ndarray, int (n,)
        Rows to look at, all of one optics group; some hundred are plenty.
    """
    if len(rows) < 2:
        return SignEvidence(0.0, len(rows))
    optics = particles.optics[particles["optics_group"][rows[0]]]
    box, pixel_A = optics.box_px, optics.pixel_size_A
    disc = fourier_disc(box, LAST_SHELL)
    if len(disc) == 0:
        raise InputError(f"images of {box} px are too small to tell their contrast: give contrast='bright' or 'dark'")
    blob = np.exp(-2 * (np.pi * BLOB_SIGMA) ** 2 * (disc.kx.astype(float) ** 2 + disc.ky.astype(float) ** 2))
    projections = []
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        coefficients = disc.gather(image_to_fourier(torch.from_numpy(images.read(batch)))).numpy()
        ctf = 1.0 if optics.ctf_premultiplied else compute_ctf(particles, batch, box, pixel_A, disc.kx, disc.ky).numpy()
        shift_px = particles["shift_A"][batch] / pixel_A
        phase = np.exp(2j * np.pi / box * (shift_px[:, :1] * disc.kx + shift_px[:, 1:] * disc.ky))
        projections.append((np.real(coefficients * phase) * ctf) @ blob)
    values = np.concatenate(projections).astype(np.float64)
    spread = values.std(ddof=1)
    return SignEvidence(float(values.mean() / spread * np.sqrt(len(values))) if spread > 0 else 0.0, len(values))
