"""CTF and aberrations as RELION 3.1.3 applies them: the same interpolation with and without, so that the ratio is the CTF itself."""

import numpy as np
import pytest
import torch

from triskelion.data.particles import OpticsGroup
from triskelion.fourier.shells import fourier_disc
from triskelion.fourier.transforms import image_to_fourier
from triskelion.imaging.aberrations import demodulation_phase
from triskelion.imaging.ctf import compute_ctf

BOX_PX, PIXEL_SIZE_A = 32, 4.0


def make_group(**more) -> OpticsGroup:
    return OpticsGroup("reference", PIXEL_SIZE_A, BOX_PX, voltage_kV=300.0, cs_mm=2.7, amplitude_contrast=0.1, **more)


def on_disc(images: np.ndarray) -> np.ndarray:
    return fourier_disc(BOX_PX).gather(image_to_fourier(torch.from_numpy(images).double())).numpy()


def compare_ctf(reference, relion_particles, group: OpticsGroup, with_ctf: str) -> None:
    numbers, disc = reference("projections"), fourier_disc(BOX_PX)
    n = len(numbers[with_ctf])
    particles = relion_particles(numbers, (group,))
    ctf = compute_ctf(particles, np.arange(n), BOX_PX, PIXEL_SIZE_A, disc.kx, disc.ky).numpy()
    plain, transferred = on_disc(numbers["images"][:n]), on_disc(numbers[with_ctf])
    # both files are float32: 6e-8 of the largest pixel, on coefficients down to 1e-3 of it
    np.testing.assert_allclose(transferred, ctf * plain, atol=2e-6 * np.abs(plain).max())
    strong = np.abs(plain) > 0.01 * np.abs(plain).max()
    np.testing.assert_allclose((transferred / plain)[strong], ctf[strong], atol=1e-4)


def test_ctf_with_astigmatism_phase_shift_b_factor_and_scale(reference, relion_particles):
    compare_ctf(reference, relion_particles, make_group(), "images_ctf")


def test_even_zernike_terms(reference, relion_particles):
    even = tuple(reference("projections")["even_zernike"])
    compare_ctf(reference, relion_particles, make_group(even_zernike=even), "images_even")
    with pytest.raises(AssertionError):
        compare_ctf(reference, relion_particles, make_group(even_zernike=tuple(-c for c in even)), "images_even")


@pytest.mark.parametrize("variant", ["tilt", "odd", "tilt_and_odd"])
def test_odd_aberrations_are_demodulated(reference, variant):
    """RELION's average of points seen without aberration is its demodulation factor, smoothed a little by its interpolation."""
    numbers, disc = reference("odd_aberrations"), fourier_disc(BOX_PX)
    odd = {"tilt": (), "odd": numbers["odd_zernike"], "tilt_and_odd": numbers["odd_zernike_with_tilt"]}[variant]
    tilt = (0.0, 0.0) if variant == "odd" else numbers["beam_tilt_mrad"]
    group = make_group(odd_zernike=tuple(odd), beam_tilt_xy_mrad=tuple(tilt))
    factor = demodulation_phase(group, BOX_PX, PIXEL_SIZE_A, disc.kx, disc.ky)
    assert factor is not None
    relion = on_disc(numbers[variant]) / on_disc(numbers["none"])
    # phases that turn by up to 1 rad from one coefficient to the next, smoothed over their neighbours
    difference = np.abs(np.angle(relion / factor.numpy()))
    assert difference.max() < 0.1
    assert np.median(difference) < 0.02
    assert np.abs(np.angle(relion * factor.numpy())).max() > 1, "the other sign would be noticed"
