"""Auto-tightening: it leaves out solvent, keeps signal, and shows no resolution that is not there."""

import numpy as np
import pytest
import torch

from triskelion.conventions import resolution_to_shell
from triskelion.data.volume import Volume
from triskelion.fourier.filters import gaussian_blur, lowpass
from triskelion.masks.automatic import spherical_mask
from triskelion.resolution.auto_tighten import FRACTIONS, tighten_mask
from triskelion.resolution.fsc import BASE_FRACTION, compute_fsc_curves, fsc, tight_mask

BOX_PX, PIXEL_A = 64, 4.0


def make_halves(seed: int, limit_A: float | None = None, noise: float = 1.0) -> tuple[Volume, Volume]:
    """A ball of random density, dense within and thin outside, in two lots of noise; low-passed at ``limit_A`` where one is given."""
    rng = np.random.default_rng(seed)
    inner, outer = (spherical_mask(BOX_PX, PIXEL_A, near, near + 0.08).array for near in (0.3, 0.55))
    texture = gaussian_blur(torch.from_numpy(rng.standard_normal((BOX_PX,) * 3, dtype=np.float32)), PIXEL_A, 4.0).numpy()
    signal = (1 + texture / texture.std()) * (0.35 * outer + 0.65 * inner)
    if limit_A is not None:
        signal = lowpass(torch.from_numpy(signal), PIXEL_A, limit_A, order=20).numpy()
    a, b = (Volume(signal + noise * rng.standard_normal(signal.shape), PIXEL_A) for _ in range(2))
    return a, b


@pytest.mark.parametrize("noise", [2.0, 8.0])
def test_the_tightened_mask_is_as_good_as_the_best_of_them(noise):
    halves = make_halves(1, noise=noise)
    mask = tighten_mask(*halves)
    tightened, automatic = compute_fsc_curves(*halves, tight=mask), compute_fsc_curves(*halves)
    assert tightened.crossing().shell > automatic.crossing().shell - 0.15 or automatic.warnings()  # a mask that is too tight is no example
    assert tightened.warnings() == []
    np.testing.assert_array_equal(tightened.curves["tight"], fsc(*halves, mask))
    np.testing.assert_array_equal(tightened.curves["loose"], automatic.curves["loose"])
    np.testing.assert_array_equal(tighten_mask(*halves).array, mask.array)


@pytest.mark.parametrize("noise", [0.5, 2.0])
@pytest.mark.parametrize("seed", range(3))
def test_no_resolution_is_made_by_choosing_masks(seed, noise):
    """Nothing in common beyond 20 Å: what a mask smears over that edge is all that may be seen, tightened or not."""
    halves = make_halves(10 + seed, limit_A=20.0, noise=noise)
    tightened = compute_fsc_curves(*halves, seed=seed, tight=tighten_mask(*halves, seed)).crossing().shell
    assert tightened < compute_fsc_curves(*halves, seed=seed).crossing().shell + 0.5
    assert noise > 1 or tightened < resolution_to_shell(20.0, BOX_PX, PIXEL_A) + 3.5


def test_half_maps_that_agree_everywhere_leave_nothing_to_choose_by():
    half, _ = make_halves(2)
    np.testing.assert_array_equal(tighten_mask(half, half).array, tight_mask(half, half).array)


def test_masks_are_looked_at_from_wide_to_tight():
    assert list(FRACTIONS) == sorted(FRACTIONS) and BASE_FRACTION in FRACTIONS
