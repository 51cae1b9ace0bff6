"""Packed images: b and W for any noise, whatever the group, precision and multiplication by a CTF; and the noise found from them."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.refine.scene import BOX_PX, PIXEL_A, Poses, atoms, ctf_of, draw_poses, exact_slices, make_particles

from triskelion.data.images import MemoryStore
from triskelion.fourier.shells import FourierDisc, fourier_disc
from triskelion.imaging.forward import Grid, ImageSet, phase_of_shift
from triskelion.imaging.packed import PackedImages, PackedNoise

N, WINDOW_PX = 600, 21
DISC, WINDOW = fourier_disc(BOX_PX), fourier_disc(WINDOW_PX)
SHELLS, WINDOW_SHELLS = int(DISC.shell[-1]) + 1, int(WINDOW.shell[-1]) + 1
PARTICLES = make_particles(draw_poses(N, 1), 1, contrast=np.linspace(0.7, 1.3, N))
CENTERS_PX = np.random.default_rng(2).uniform(-5, 5, (N, 2))
COLOURED = 0.5 + 2 * np.exp(-((np.arange(SHELLS) - 5.0) ** 2) / 12)[None]


def coloured_noise(sigma2: np.ndarray, premultiplied: bool = False, n: int = N, seed: int = 3) -> ImageSet:
    """Images of nothing but noise of the variance ``sigma2`` (1, shells) per real component, multiplied by C where wanted."""
    rng, ctf = np.random.default_rng(seed), torch.from_numpy(ctf_of(PARTICLES, DISC)[:n])
    noise = (rng.standard_normal((n, len(DISC))) + 1j * rng.standard_normal((n, len(DISC)))) * np.sqrt(sigma2[0][DISC.shell])
    coefficients = torch.from_numpy(noise.astype(np.complex64)) * (ctf if premultiplied else 1)
    flags = np.full(n, premultiplied)
    return ImageSet(coefficients, ctf, PARTICLES["contrast"][:n], np.ones(n), flags, np.zeros(n, int), DISC, Grid(BOX_PX, PIXEL_A))


def to_window(sigma2: np.ndarray, disc: FourierDisc) -> np.ndarray:
    """The noise (groups, shells of the box) on the shells of a window."""
    at = np.arange(int(disc.shell[-1]) + 1) * BOX_PX / disc.box_px
    return np.stack([np.interp(at, np.arange(SHELLS), of_group) for of_group in sigma2])


def pack(images: ImageSet, sigma2: np.ndarray, disc: FourierDisc = WINDOW, dtype: type[np.floating] = np.float32) -> PackedImages:
    """All images, whitened with ``sigma2`` (groups, shells of the box), in windows about ``CENTERS_PX``."""
    packed = PackedImages.empty(MemoryStore(dtype), "domain", images.group, to_window(sigma2, disc), disc)
    for rows in (np.arange(len(images))[1::2], np.arange(len(images))[::2]):
        part = replace(
            images, coefficients=images.coefficients[rows], ctf=images.ctf[rows], contrast=images.contrast[rows], scale=images.scale[rows],
            premultiplied=images.premultiplied[rows], group=images.group[rows],
        )  # fmt: skip
        packed.put(rows, part, part.coefficients, sigma2, CENTERS_PX[rows])
    return packed


@pytest.mark.parametrize("premultiplied", [False, True])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float16, 2e-3)])
def test_in_the_whole_box_b_and_w_are_those_of_the_images(premultiplied, dtype, tolerance):
    """Whitened with one noise, weighted with another that has changed since."""
    images, rows, now = coloured_noise(COLOURED, premultiplied, 40), np.arange(5, 40, 3), COLOURED * np.linspace(0.8, 1.3, SHELLS)
    packed = pack(images, COLOURED, DISC, dtype)
    got, expected = packed.weighted(rows, now), images.weighted(images.coefficients, now)
    b = got.b * phase_of_shift(DISC, packed.offsets_px[rows], packed.scale[rows])
    assert float((b - expected.b[rows]).abs().max()) < tolerance * float(expected.b.abs().max())
    assert float((got.weight - expected.weight[rows]).abs().max()) < tolerance * float(expected.weight.max())
    assert got.b.dtype == torch.complex64 and got.weight.dtype == torch.float32


def test_windows_lie_about_the_centres():
    packed = pack(coloured_noise(COLOURED, n=40), COLOURED)
    assert np.abs(packed.offsets_px - CENTERS_PX[:40]).max() <= 0.5
    np.testing.assert_array_equal(packed.offsets_px, np.rint(packed.offsets_px))


def test_in_another_scale_windows_lie_on_whole_pixels_of_the_image():
    """An image whose pixels are 5 % wider: its window starts at a pixel of its own, and the domain is found where the offset says."""
    n, scale = 40, 0.95
    poses = Poses(draw_poses(n, 4).rotations, CENTERS_PX[:n])
    points = atoms("head") - atoms("head").mean(0)
    show = torch.from_numpy(exact_slices(points, poses, DISC, 1.3, scale).astype(np.complex64))
    images = replace(coloured_noise(np.ones((1, SHELLS)), n=n), scale=np.full(n, scale), coefficients=show, ctf=torch.ones_like(show.real))
    packed = pack(replace(images, contrast=np.ones(n)), np.ones((1, SHELLS)))
    np.testing.assert_allclose(packed.offsets_px * scale, np.rint(packed.offsets_px * scale), atol=1e-9)
    assert np.abs(packed.offsets_px - CENTERS_PX[:n]).max() <= 0.5 / scale + 1e-9
    np.testing.assert_array_equal(packed.scale, scale)
    expected = exact_slices(points, Poses(poses.rotations, poses.shifts_px - packed.offsets_px), WINDOW, 1.3, scale)
    got = packed.weighted(np.arange(n), np.ones((1, WINDOW_SHELLS))).b.numpy()
    beyond = WINDOW.shell > 1  # the mean that the whole image lacks is spread over the first shell of a window
    assert np.linalg.norm((got - expected)[:, beyond]) < 0.01 * np.linalg.norm(expected[:, beyond])


def find_noise(images: ImageSet, guess: np.ndarray, disc: FourierDisc) -> np.ndarray:
    """Noise (shells of ``disc``) of images without signal that were whitened with ``guess``."""
    packed = pack(images, guess, disc)
    noise = PackedNoise(packed, packed.sigma2)
    for rows in (np.arange(0, N, 2), np.arange(1, N, 2)):
        noise.add(rows, packed.weighted(rows, packed.sigma2), torch.zeros((len(rows), len(disc)), dtype=torch.complex64))
    return noise.variance()[0]


in_white_and_coloured_noise = pytest.mark.parametrize("sigma2", [np.full((1, SHELLS), 1.7), COLOURED], ids=["white", "coloured"])


@pytest.mark.parametrize("premultiplied", [False, True])
@in_white_and_coloured_noise
def test_the_noise_is_found_from_packed_images(sigma2, premultiplied):
    """Whitened with a quarter too much, it is found to 3 % where a shell has enough coefficients."""
    found = find_noise(coloured_noise(sigma2, premultiplied), 1.25 * sigma2, DISC)
    np.testing.assert_allclose(found[1:], sigma2[0, 1:], rtol=0.1)
    np.testing.assert_allclose(found[5:], sigma2[0, 5:], rtol=0.03)


@in_white_and_coloured_noise
def test_the_noise_is_found_in_windows(sigma2):
    """Of images without CTF: it makes the noise of neighbouring coefficients differ, and a window mixes neighbours."""
    images = coloured_noise(sigma2)
    flat = replace(images, ctf=torch.ones_like(images.ctf), contrast=np.ones(N))
    found, expected = find_noise(flat, 1.25 * sigma2, WINDOW), to_window(sigma2, WINDOW)[0]
    # the first shells of a window also hold some of what the whole image lacks, its mean; the last ones lack neighbours
    np.testing.assert_allclose(found[2:-2], expected[2:-2], rtol=0.05)
    assert np.mean(found[2:-2] / expected[2:-2]) == pytest.approx(1, abs=0.03)


@in_white_and_coloured_noise
def test_the_noise_found_in_windows_of_images_with_a_ctf_is_right_on_average(sigma2):
    found, expected = find_noise(coloured_noise(sigma2), 1.25 * sigma2, WINDOW), to_window(sigma2, WINDOW)[0]
    assert np.average(found[3:] / expected[3:], weights=np.arange(3, WINDOW_SHELLS)) == pytest.approx(1, abs=0.05)


def test_what_the_model_explains_is_no_noise():
    poses, points = Poses(draw_poses(N, 6).rotations, np.zeros((N, 2))), atoms("head") - atoms("head").mean(0)
    images = coloured_noise(COLOURED)
    shown = torch.from_numpy(exact_slices(points, poses, DISC, 1.3).astype(np.complex64)) * phase_of_shift(DISC, CENTERS_PX, np.ones(N))
    packed = pack(replace(images, coefficients=images.coefficients + images.transfer() * shown), COLOURED, DISC)
    found = []
    for share in (1, 0):
        noise, rows = PackedNoise(packed, packed.sigma2), np.arange(N)
        back = phase_of_shift(DISC, CENTERS_PX - packed.offsets_px, np.ones(N))
        model = torch.from_numpy(exact_slices(points, poses, DISC, 1.3).astype(np.complex64)) * back * share
        noise.add(rows, packed.weighted(rows, packed.sigma2), model)
        found.append(noise.variance()[0])
    np.testing.assert_allclose(found[0][1:], COLOURED[0, 1:], rtol=0.05)
    assert found[1][2] > 1.2 * found[0][2]


def test_every_group_has_its_own_noise():
    groups = np.arange(N) % 2
    sigma2 = np.concatenate([COLOURED, 3 * COLOURED])
    images = coloured_noise(COLOURED)
    louder = torch.from_numpy(np.where(groups == 0, 1.0, np.sqrt(3.0)).astype(np.float32))[:, None]
    packed = pack(replace(images, coefficients=images.coefficients * louder, group=groups), sigma2, DISC)
    noise, rows = PackedNoise(packed, packed.sigma2), np.arange(N)
    noise.add(rows, packed.weighted(rows, packed.sigma2), torch.zeros((N, len(DISC)), dtype=torch.complex64))
    np.testing.assert_allclose(noise.variance()[:, 1:], sigma2[:, 1:], rtol=0.1)
    np.testing.assert_allclose(noise.variance()[:, 5:], sigma2[:, 5:], rtol=0.04)


def test_noise_of_windows_is_brought_to_the_shells_of_the_whole_image():
    packed = pack(coloured_noise(COLOURED, n=4), COLOURED)
    np.testing.assert_allclose(packed.to_whole_shells(packed.sigma2, COLOURED, BOX_PX), COLOURED)
    np.testing.assert_allclose(packed.to_whole_shells(1.5 * packed.sigma2, COLOURED, BOX_PX), 1.5 * COLOURED)
    rising = packed.sigma2 * (1 + 0.01 * np.arange(WINDOW_SHELLS))
    at_window = np.minimum(np.arange(SHELLS) * WINDOW_PX / BOX_PX, WINDOW_SHELLS - 1)  # constant beyond the window's last shell
    np.testing.assert_allclose(packed.to_whole_shells(rising, COLOURED, BOX_PX), COLOURED * (1 + 0.01 * at_window))
