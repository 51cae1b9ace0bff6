"""The non-uniform filter is its formula, finds where maps are good, and comes nearer to the truth than filters that are the same everywhere."""

from functools import cache

import numpy as np
import pytest
import torch

from triskelion.data.volume import Mask, Volume
from triskelion.errors import InputError
from triskelion.fourier.filters import gaussian_blur, lowpass
from triskelion.maps.nonuniform import NonuniformFilter, choose_cuts, cross_validation_errors, fit_nonuniform_filter
from triskelion.refine.reference import filter_map, wiener_gain
from triskelion.resolution.fsc import compute_fsc_curves
from triskelion.simulate.density import compute_density, mask_domain
from triskelion.simulate.phantom import build_phantom

BOX_PX, PIXEL_A, BLUR_A, NOISE = 80, 5.0, 12.0, 0.5
CUTS_A = choose_cuts(2 * PIXEL_A)


def white_noise(seed: int, box_px: int = 48) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((box_px,) * 3).astype(np.float32)


@cache
def make_scene() -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray], dict[str, np.ndarray]]:
    """The phantom's sharp body and blurred head, two noisy half maps of these, and the mask of each without the other."""
    phantom = build_phantom(0, 4000)
    body, head = (compute_density(phantom, domain, BOX_PX, PIXEL_A).array for domain in ("body", "head"))
    truth = body + gaussian_blur(torch.from_numpy(head), PIXEL_A, BLUR_A).numpy()
    noise = NOISE * body[body > 0.2 * body.max()].std()
    half_a, half_b = (truth + noise * white_noise(seed, BOX_PX) for seed in (1, 2))
    of_body, of_head = (mask_domain(phantom, domain, BOX_PX, PIXEL_A).array for domain in ("body", "head"))
    regions = {"body": of_body * (1 - of_head), "head": of_head * (1 - of_body), "solvent": (1 - of_body) * (1 - of_head)}
    return truth, (half_a, half_b), regions


@cache
def fit_scene() -> NonuniformFilter:
    return fit_nonuniform_filter(make_scene()[1], PIXEL_A, CUTS_A)


def direct_errors(half_maps: tuple[np.ndarray, np.ndarray], cuts_px: np.ndarray, window_factor: float) -> list[np.ndarray]:
    """The formula, voxel by voxel and neighbour by neighbour, in float64."""
    half_a, half_b = (half.astype(np.float64) for half in half_maps)
    n = len(half_a)
    frequency = np.sqrt(sum(axis**2 for axis in np.meshgrid(*[np.fft.fftfreq(n)] * 3, indexing="ij")))
    total, errors, before = np.zeros_like(half_a), [], None
    for cut_px in cuts_px:
        gain = 1 / np.sqrt(1 + (frequency * cut_px) ** 16)
        low_a, low_b = (np.fft.ifftn(np.fft.fftn(half) * gain).real for half in (half_a, half_b))
        error = (low_a - half_b) ** 2 + (low_b - half_a) ** 2
        if before is not None:
            summed, weights = np.zeros_like(total), 0.0
            for step in np.ndindex(n, n, n):
                neighbour = [i - n if i > n // 2 else i for i in step]
                weight = max(1 - sum(i**2 for i in neighbour) / (window_factor * cut_px) ** 2, 0) ** 2
                if weight:
                    summed += weight * np.roll(error - before, [-i for i in neighbour], axis=(0, 1, 2))
                    weights += weight
            total = total + summed / weights
        errors.append(total)
        before = error
    return errors


@pytest.mark.parametrize("box_px", [16, 17])
def test_errors_are_those_of_the_direct_sum(box_px: int):
    ramp = np.linspace(0.2, 3, box_px, dtype=np.float32)  # as no two places should be alike
    common = white_noise(1, box_px) * ramp
    half_maps = common + white_noise(2, box_px), common + white_noise(3, box_px) * ramp[:, None]
    cuts_px, pixel_size_A, window_factor = np.array([6.0, 4.5, 3.0, 2.2]), 1.7, 1.5
    found = list(cross_validation_errors(half_maps, pixel_size_A, cuts_px * pixel_size_A, window_factor))
    expected = direct_errors(half_maps, cuts_px, window_factor)
    assert len(found) == len(expected) == 4
    for one, other in zip(found, expected, strict=True):
        assert np.abs(one.numpy() - other).max() <= 2e-6 * max(np.abs(e).max() for e in expected)


def test_the_cut_of_the_least_error_is_taken():
    """Here averaged over less than a voxel, which leaves the choice as it is."""
    half_maps, pixel_size_A = make_scene()[1], 1e3 * PIXEL_A
    cuts_A = np.array([6.0, 4.0, 3.0, 0.9]) * pixel_size_A
    errors = np.stack([error.numpy() for error in cross_validation_errors(half_maps, pixel_size_A, cuts_A)])
    position = fit_nonuniform_filter(half_maps, pixel_size_A, cuts_A).position
    assert np.bincount(errors.argmin(0).ravel(), minlength=4).min() > 100
    assert (np.abs(position - errors.argmin(0)) < 1e-4).mean() > 0.999  # all but those where the gain is that of rounding


def test_cuts_are_fine_where_the_map_is_sharp():
    regions, cut_A = make_scene()[2], fit_scene().cut_A
    mean_A = {name: float((cut_A * region).sum() / region.sum()) for name, region in regions.items()}
    assert mean_A["body"] < 0.7 * mean_A["head"]
    assert mean_A["solvent"] > 0.95 * CUTS_A[0]


def test_filtered_halves_are_nearer_to_the_truth_than_any_filter_that_is_the_same_everywhere():
    truth, half_maps, regions = make_scene()
    mask = Mask(1 - regions["solvent"], PIXEL_A)
    gain = wiener_gain(compute_fsc_curves(Volume(half_maps[0], PIXEL_A), Volume(half_maps[1], PIXEL_A), mask))

    def error(filtered: np.ndarray, where: np.ndarray) -> float:
        return float((where * (filtered - truth) ** 2).sum() / (where * truth**2).sum())

    for half in half_maps:
        found = fit_scene().apply(half)
        uniform = [lowpass(torch.from_numpy(half), PIXEL_A, cut_A).numpy() for cut_A in CUTS_A]
        uniform.append(filter_map(half, gain))
        for where in (mask.array, np.ones_like(truth)):
            assert error(found, where) < 0.9 * min(error(other, where) for other in uniform)
        wiener = uniform[-1]
        assert all(error(found, regions[name]) < error(wiener, regions[name]) for name in ("body", "head"))


def test_white_noise_alone_keeps_the_coarsest_cut():
    position = fit_nonuniform_filter((white_noise(1, 64), white_noise(2, 64)), 1.0, choose_cuts(2.0, 12.0)).position
    assert (position == 0).mean() > 0.98


def test_halves_that_are_the_same_get_the_finest_cut():
    half = white_noise(1)
    cuts_A = choose_cuts(2.0, 12.0)
    assert (fit_nonuniform_filter((half, half), 1.0, cuts_A).position > len(cuts_A) - 1.5).mean() > 0.98


def test_exchanged_halves_give_the_same_filter():
    half_a, half_b = make_scene()[1]
    assert np.array_equal(fit_nonuniform_filter((half_b, half_a), PIXEL_A, CUTS_A).position, fit_scene().position)


def test_neither_grey_scale_nor_unit_of_length_matters():
    half_a, half_b = make_scene()[1]
    assert np.array_equal(fit_nonuniform_filter((1024 * half_a, 1024 * half_b), PIXEL_A, CUTS_A).position, fit_scene().position)
    assert np.array_equal(fit_nonuniform_filter((half_a, half_b), 4 * PIXEL_A, 4 * CUTS_A).position, fit_scene().position)


def test_a_cut_that_is_the_same_everywhere_is_a_lowpass():
    half = make_scene()[1][0]
    low = [lowpass(torch.from_numpy(half), PIXEL_A, cut_A).numpy() for cut_A in (20.0, 14.0, 10.0)]
    for position, expected in ((0, low[0]), (1, low[1]), (1.25, 0.75 * low[1] + 0.25 * low[2])):
        chosen = NonuniformFilter(PIXEL_A, np.array([20.0, 14.0, 10.0]), np.full(half.shape, position, np.float32))
        assert np.abs(chosen.apply(half) - expected).max() < 1e-5 * np.abs(expected).max()


def test_no_seams_beyond_the_cuts():
    """Where cuts change from voxel to voxel they make no density finer than the finest of them."""
    half, finest_A = make_scene()[1][0], 20.0
    fitted = fit_nonuniform_filter(make_scene()[1], PIXEL_A, choose_cuts(finest_A, 60.0))
    frequency = np.sqrt(sum(axis**2 for axis in np.meshgrid(*[np.fft.fftfreq(BOX_PX, PIXEL_A)] * 3, indexing="ij")))

    def power_beyond(filtered: np.ndarray) -> float:
        return (np.abs(np.fft.fftn(filtered)) ** 2)[frequency > 2 / finest_A].sum()

    with_steps = NonuniformFilter(PIXEL_A, fitted.cuts_A, np.round(fitted.position))
    uniform = lowpass(torch.from_numpy(half), PIXEL_A, finest_A).numpy()
    assert power_beyond(fitted.apply(half)) < 1.5 * power_beyond(uniform)
    assert power_beyond(with_steps.apply(half)) > 5 * power_beyond(fitted.apply(half))


def test_outside_the_mask_the_coarsest_cut_is_taken_and_inside_nothing_changes():
    mask = make_scene()[2]["head"]
    position = fit_nonuniform_filter(make_scene()[1], PIXEL_A, CUTS_A, mask).position
    assert (position[mask == 0] == 0).all()
    assert np.array_equal(position[mask > 0], fit_scene().position[mask > 0])


def test_the_number_of_threads_does_not_matter():
    half_maps, before, found = make_scene()[1], torch.get_num_threads(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            fitted = fit_nonuniform_filter(half_maps, PIXEL_A, np.array([20.0, 14.0]))
            found.append((fitted.position, fitted.apply(half_maps[0])))
    finally:
        torch.set_num_threads(before)
    assert all(np.array_equal(one, other) for one, other in zip(*found, strict=True))


def test_cuts_run_from_coarse_to_fine_in_even_ratios():
    cuts_A = choose_cuts(4.0, 30.0)
    assert (cuts_A[0], cuts_A[-1]) == pytest.approx((30.0, 4.0))
    ratios = cuts_A[:-1] / cuts_A[1:]
    assert ratios == pytest.approx(ratios[0]) and 1 < ratios[0] <= 1.15
    assert choose_cuts(40.0, 30.0) == pytest.approx([40.0])
    half = white_noise(1)
    one = fit_nonuniform_filter((half, white_noise(2)), 1.0, np.array([8.0]))
    assert np.allclose(one.apply(half), lowpass(torch.from_numpy(half), 1.0, 8.0), atol=1e-5)


def test_what_does_not_fit_is_refused():
    half, cuts_A = white_noise(1), choose_cuts(4.0)
    with pytest.raises(InputError, match="48 and 20 px"):
        fit_nonuniform_filter((half, white_noise(2, 20)), 1.0, cuts_A)
    with pytest.raises(InputError, match="48 and 20 px"):
        fit_nonuniform_filter((half, half), 1.0, cuts_A, np.ones((20,) * 3))
    with pytest.raises(InputError, match="48 and 20 px"):
        fit_nonuniform_filter((half, half), 1.0, np.array([8.0])).apply(white_noise(2, 20))
    with pytest.raises(InputError, match="from coarse to fine"):
        fit_nonuniform_filter((half, half), 1.0, cuts_A[::-1])
    with pytest.raises(InputError, match="positive"):
        choose_cuts(0.0)
