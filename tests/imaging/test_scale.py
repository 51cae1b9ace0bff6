"""Contrast of simulated images, against the contrast they were made with."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from tests.refine.scene import BOX_PX, OPTICS, PIXEL_A, atoms, ctf_of, draw_poses, exact_slices, make_particles, render, true_map

from triskelion.data.images import ArrayImages
from triskelion.fourier.shells import fourier_disc
from triskelion.fourier.slices import prepare_slices
from triskelion.imaging.forward import Grid
from triskelion.imaging.scale import HIGHEST, LOWEST, Contrast, contrast_disc, contrast_prior, estimate_contrast, measure_contrast, shrink_contrast
from triskelion.imaging.stream import ImageStream
from triskelion.kernels import cpu

N, DISC, POSES = 800, fourier_disc(BOX_PX), draw_poses(800, 5)
NOISE_SD = 4.0  # of a pixel; the signal has variance 1: SNR 0.06
SIGMA2 = np.full((2, BOX_PX // 2 + 1), NOISE_SD**2 / 2)


@cache
def make_signal() -> tuple[np.ndarray, float]:
    """Coefficients of all images without CTF, and what makes their pixels' variance 1 with it."""
    slices = exact_slices(np.concatenate([atoms("head"), atoms("body")]), POSES, DISC)
    gain = 1 / render(ctf_of(make_particles(POSES, 5), DISC) * slices, DISC).std()
    return slices * gain, float(gain)


def make_stream(contrast: np.ndarray, premultiplied: bool = False, groups: int = 1, noise_seed: int = 0) -> ImageStream:
    """Images of head and body in rest, of this contrast."""
    optics = (replace(OPTICS, ctf_premultiplied=premultiplied),) * groups
    particles = make_particles(POSES, 5, optics, optics_group=np.arange(N) % groups)
    ctf = ctf_of(particles, DISC)
    noise = np.random.default_rng(noise_seed).standard_normal((2, N, len(DISC))) * NOISE_SD / np.sqrt(2)
    coefficients = ctf * contrast[:, None] * make_signal()[0] + noise[0] + 1j * noise[1]
    pixels = render(coefficients * (ctf if premultiplied else 1), DISC)
    return ImageStream(particles, ArrayImages(pixels), Grid(BOX_PX, PIXEL_A), DISC)


def estimate(stream: ImageStream) -> Contrast:
    volume = prepare_slices((true_map("head") + true_map("body")) * np.float32(make_signal()[1]), int(DISC.shell[-1]))
    half_set = stream.particles["half_set"]
    return estimate_contrast(stream, (volume, volume), half_set, POSES.rotations, POSES.shifts_px, SIGMA2, cpu)


def draw_contrast(spread: float) -> np.ndarray:
    return 1 + spread * np.random.default_rng(7).standard_normal(N)


@pytest.mark.parametrize("premultiplied", [False, True])
def test_contrast_is_recovered(premultiplied):
    truth = draw_contrast(0.2)
    found = estimate(make_stream(truth, premultiplied))
    assert np.corrcoef(found.values, truth)[0, 1] > 0.6
    assert found.spread == pytest.approx(truth.std(), rel=0.15)
    assert found.values.mean() == pytest.approx(1, abs=0.01)
    away = found.values - truth / truth.mean()
    # the error that the posterior promises, and that of images taken as alike
    expected = np.sqrt(np.mean(1 / (1 / found.spread**2 + 1 / found.error**2)))
    assert np.sqrt(np.mean(away**2)) == pytest.approx(expected, rel=0.1)
    assert expected < 0.8 * truth.std()


def test_images_that_are_alike_have_contrast_1():
    found = estimate(make_stream(np.ones(N)))
    assert found.spread < 0.02
    np.testing.assert_allclose(found.values, 1, atol=0.01)
    assert found.n_limited == 0


def test_the_contrast_that_images_carry_does_not_count():
    stream = make_stream(draw_contrast(0.2))
    carrying = stream.with_contrast(np.linspace(0.5, 2, N))
    np.testing.assert_allclose(estimate(carrying).values, estimate(stream).values, rtol=1e-6)


def test_optics_groups_keep_their_own_mean():
    truth = np.where(np.arange(N) % 2, 1.2, 0.8)
    found = estimate(make_stream(truth, groups=2))
    assert found.spread < 0.05
    np.testing.assert_allclose(found.values, truth, atol=0.05)


def test_sums_of_half_a_do_not_know_half_b():
    first, second = make_stream(draw_contrast(0.2)), make_stream(draw_contrast(0.2), noise_seed=1)
    half_b = first.particles["half_set"] == 1
    mixed = replace(first, source=ArrayImages(np.where(half_b[:, None, None], second.source.read(np.arange(N)), first.source.read(np.arange(N)))))
    volume = prepare_slices(true_map("body"), int(DISC.shell[-1]))
    sums = [
        measure_contrast(stream, (volume, volume), stream.particles["half_set"], POSES.rotations, POSES.shifts_px, SIGMA2, cpu)
        for stream in (first, mixed)
    ]
    for of_first, of_mixed in zip(*sums, strict=True):
        np.testing.assert_array_equal(of_first[~half_b], of_mixed[~half_b])
    assert not np.array_equal(sums[0][0][half_b], sums[1][0][half_b])


def test_a_recorded_prior_makes_contrast_a_matter_of_each_image():
    rng, group = np.random.default_rng(3), np.zeros(200, np.int64)
    power = rng.uniform(50, 150, 200)
    cross = power * (1 + 0.3 * rng.standard_normal(200))
    prior = contrast_prior(cross, power, group)
    whole = shrink_contrast(cross, power, group, prior)
    np.testing.assert_array_equal(shrink_contrast(cross[:50], power[:50], group[:50], prior).values, whole.values[:50])


def test_outliers_are_limited_and_what_shows_nothing_is_average():
    power = np.full(500, 1000.0)
    estimates = 1 + 0.2 * np.random.default_rng(1).standard_normal(500)
    estimates[:3] = -4, 9, 12
    power[3] = 0
    group = np.zeros(500, np.int64)
    found = shrink_contrast(estimates * power, power, group, contrast_prior(estimates * power, power, group))
    assert found.n_limited == 3
    assert found.values[0] == LOWEST and found.values[1] == found.values[2] == HIGHEST
    assert np.isinf(found.error[3])
    assert found.values[3] == pytest.approx(1, abs=0.1)


def test_images_without_signal_have_no_scale():
    rng, group = np.random.default_rng(2), np.zeros(300, np.int64)
    power = np.full(300, 4.0)
    cross = rng.standard_normal(300) * 2 - 3
    found = shrink_contrast(cross, power, group, contrast_prior(cross, power, group))
    np.testing.assert_array_equal(found.values, 1)


def test_the_disc_ends_where_the_half_maps_disagree():
    disc = fourier_disc(100)
    agree_to = lambda shell: np.where(np.arange(51) <= shell, 0.99, 0.5)
    assert contrast_disc(disc, agree_to(12), 4.0).shell[-1] == 12
    assert contrast_disc(disc, agree_to(40), 4.0).shell[-1] == 20  # 400 Å / 20 Å
    assert contrast_disc(disc, agree_to(1), 4.0).shell[-1] == 4
    assert contrast_disc(disc, np.ones(51), 30.0).shell[-1] == 49
