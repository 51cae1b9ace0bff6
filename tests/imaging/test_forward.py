"""Images brought onto the disc of the reference, whatever their pixels and boxes, against explicit sums; what becomes of CTF and contrast."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.refine.scene import ATOM_SIGMA_PX, BOX_PX, OPTICS, PIXEL_A, Poses, atoms, ctf_of, draw_poses, exact_slices, make_particles, render

from triskelion.data.images import ArrayImages
from triskelion.data.particles import OpticsGroup, Particles
from triskelion.fourier.shells import fourier_disc
from triskelion.fourier.slices import prepare_slices
from triskelion.imaging.ctf import compute_ctf
from triskelion.imaging.forward import Grid, ImageSet, load_images, phase_of_shift, reference_grid
from triskelion.kernels import cpu

GRID = Grid(BOX_PX, PIXEL_A)
DISC = fourier_disc(BOX_PX)
N = 4


def simulate_group(group: OpticsGroup, poses: Poses, particles: Particles) -> np.ndarray:
    """Images (n, box, box) of a group in its own pixels; their values are those of the projected map of the reference."""
    disc, ratio = fourier_disc(group.box_px), PIXEL_A / group.pixel_size_A
    in_pixels = Poses(poses.rotations, poses.shifts_px * ratio)
    # the projection is along the pixels of the reference, so one length of three is not rescaled
    slices = exact_slices(atoms("body") * ratio, in_pixels, disc, ATOM_SIGMA_PX * ratio) / ratio
    ctf = compute_ctf(particles, np.arange(len(particles)), group.box_px, group.pixel_size_A, disc.kx, disc.ky).numpy()
    return render(ctf * slices, disc)


def load_group(group: OpticsGroup) -> tuple[ImageSet, np.ndarray]:
    """Images of a group on the reference grid, and the slices they show at the frequencies the set says they have."""
    poses = draw_poses(N, 5)
    particles = make_particles(poses, 5, optics=(group,))
    images = load_images(particles, ArrayImages(simulate_group(group, poses, particles)), GRID, DISC)
    return images, exact_slices(atoms("body"), poses, DISC, scale=float(images.scale[0]))


@pytest.mark.parametrize(
    ("pixel_size_A", "box_px", "scale", "largest_error"),
    [
        (6.0, 32, 1.0, 1e-5),  # the reference itself
        (4.8, 40, 1.0, 1e-5),  # finer pixels, same extent
        (5.0, 48, 1.0, 0.005),  # 240 Å: rescaled to 40 px, cropped
        (5.0, 44, 6 * 36 / 220, 0.005),  # 36.7 px: rescaled to 36 px, which are 6.11 Å wide
        (5.9, 40, 6 * 39 / 236, 0.005),  # 39.3 px
        (8.0, 26, 6 * 34 / 208, 0.03),  # coarser pixels
        (5.0, 36, 1.0, 0.05),  # 180 Å: rescaled to 30 px, padded; part of what the CTF spreads lies outside
    ],
)
def test_groups_with_other_pixels_and_boxes_show_the_same_particle(pixel_size_A, box_px, scale, largest_error):
    images, slices = load_group(replace(OPTICS, pixel_size_A=pixel_size_A, box_px=box_px))
    np.testing.assert_allclose(images.scale, scale, rtol=1e-12)
    known = images.ctf.numpy() != 0
    expected, got = (images.ctf.numpy() * slices)[known], images.coefficients.numpy()[known]
    assert np.linalg.norm(got - expected) < largest_error * np.linalg.norm(expected)
    assert np.vdot(expected, got).real / np.vdot(expected, expected).real == pytest.approx(1, abs=0.003)


@pytest.mark.parametrize(("pixel_size_A", "box_px"), [(6.1, 32), (5.9, 32), (6.3, 30), (6.00001, 32), (5.99999, 32), (3.01, 64)])
def test_no_frequency_lies_beyond_the_maps(pixel_size_A, box_px):
    group = replace(OPTICS, pixel_size_A=pixel_size_A, box_px=box_px)
    poses = draw_poses(N, 5)
    particles = make_particles(poses, 5, optics=(group,))
    images = load_images(particles, ArrayImages(np.zeros((N, box_px, box_px), np.float32)), GRID, DISC)
    volume = prepare_slices(np.zeros((BOX_PX,) * 3, np.float32), int(DISC.shell[-1]))
    assert cpu.slice(volume, poses.rotations, images.scale, DISC).shape == (N, len(DISC))  # refuses what it cannot read


def test_the_ctf_is_that_of_the_true_frequencies():
    group = replace(OPTICS, pixel_size_A=5.0, box_px=44)
    images, _ = load_group(group)
    particles = make_particles(draw_poses(N, 5), 5, optics=(group,))
    true_scale = 6 * 36 / 220
    expected = compute_ctf(particles, np.arange(N), BOX_PX, PIXEL_A, DISC.kx * true_scale, DISC.ky * true_scale).numpy()
    known = images.ctf.numpy() != 0
    assert known.mean() > 0.95
    np.testing.assert_allclose(images.ctf.numpy()[known], expected[known], atol=1e-5)


def test_nothing_is_known_beyond_the_nyquist_frequency_of_the_file():
    images, _ = load_group(replace(OPTICS, pixel_size_A=8.0, box_px=24))
    beyond = np.hypot(DISC.kx, DISC.ky) >= 12
    assert (images.coefficients[:, beyond] == 0).all() and (images.ctf[:, beyond] == 0).all()
    assert (images.ctf[:, ~beyond] != 0).float().mean() > 0.99
    weighted = images.weighted(images.coefficients, np.ones((1, BOX_PX // 2)))
    assert (weighted.b[:, beyond] == 0).all() and (weighted.weight[:, beyond] == 0).all()


def test_every_group_is_brought_over_by_itself():
    optics = (OPTICS, replace(OPTICS, pixel_size_A=4.8, box_px=40))
    poses, groups = draw_poses(N, 6), np.array([0, 1, 1, 0])
    together = make_particles(poses, 6, optics, optics_group=groups)
    source = {index: simulate_group(group, poses, together) for index, group in enumerate(optics)}

    class Mixed:
        def __len__(self):
            return N

        def read(self, rows):
            (group,) = np.unique(groups[rows])
            return source[int(group)][rows].astype(np.float32)

    images = load_images(together, Mixed(), GRID, DISC)
    expected = images.ctf.numpy() * exact_slices(atoms("body"), poses, DISC)
    assert np.linalg.norm(images.coefficients.numpy() - expected) < 0.01 * np.linalg.norm(expected)


def test_a_positive_shift_moves_images_along_the_axes():
    shifted = DISC.scatter(phase_of_shift(DISC, np.array([[3.0, -2.0]]), np.ones(1)) / BOX_PX)
    images = torch.fft.fftshift(torch.fft.irfft2(shifted, s=(BOX_PX, BOX_PX), norm="ortho"), dim=(-2, -1))[0]
    assert np.unravel_index(int(images.argmax()), images.shape) == (BOX_PX // 2 - 2, BOX_PX // 2 + 3)
    halved = phase_of_shift(DISC, np.array([[3.0, -2.0]]), np.array([0.5]))
    np.testing.assert_allclose(halved, phase_of_shift(DISC, np.array([[1.5, -1.0]]), np.ones(1)), atol=1e-5)


PARTICLES = make_particles(draw_poses(N, 5), 5, contrast=np.linspace(0.5, 1.5, N))
SIGMA2 = np.linspace(1, 3, BOX_PX // 2)[None]


def load_noise() -> ImageSet:
    return load_images(PARTICLES, ArrayImages(np.random.default_rng(1).standard_normal((N, BOX_PX, BOX_PX))), GRID, DISC)


def test_weighting_is_that_of_the_likelihood():
    images = load_noise()
    weighted = images.weighted(images.coefficients, SIGMA2)
    c, x, s, noise = ctf_of(PARTICLES, DISC), images.coefficients.numpy(), PARTICLES["contrast"][:, None], SIGMA2[0][DISC.shell]
    np.testing.assert_allclose(weighted.b.numpy(), s * c * x / noise, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(weighted.weight.numpy(), s**2 * c**2 / noise, rtol=1e-5, atol=1e-7)


def test_images_multiplied_by_their_ctf_weigh_as_much_as_others():
    plain = load_noise()
    multiplied = replace(plain, coefficients=plain.coefficients * plain.ctf, premultiplied=np.ones(N, dtype=bool))
    one, other = (images.weighted(images.coefficients, SIGMA2) for images in (plain, multiplied))
    torch.testing.assert_close(other.b, one.b)
    torch.testing.assert_close(other.weight, one.weight)
    torch.testing.assert_close(multiplied.transfer(), plain.transfer() * plain.ctf)


def test_premultiplied_stacks_load_as_such():
    multiplied = ctf_of(PARTICLES, DISC) * load_noise().coefficients.numpy()
    pixels = render(multiplied, DISC)
    particles = PARTICLES.with_optics((replace(OPTICS, ctf_premultiplied=True),))
    images = load_images(particles, ArrayImages(pixels), GRID, DISC)
    assert images.premultiplied.all()
    np.testing.assert_allclose(images.coefficients.numpy(), multiplied, atol=1e-5)


def test_the_reference_grid_is_that_of_the_first_group():
    particles = make_particles(draw_poses(N, 5), 5, (replace(OPTICS, pixel_size_A=1.5, box_px=40), OPTICS))
    assert reference_grid(particles) == Grid(40, 1.5)
    assert reference_grid(particles, 64) == Grid(64, 1.5 * 40 / 64)  # the same field of view
