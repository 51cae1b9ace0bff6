"""Motions from turns with known covariances, and movies that turn what they should."""

import numpy as np
import pytest
from scipy import ndimage

from triskelion.data.volume import Mask, Volume
from triskelion.errors import InputError
from triskelion.geometry.rotations import random_rotations, rotvec_to_matrix
from triskelion.refine.motion import DomainTurns, FreePoses, estimate_motion, is_correlated, measure_turns, motion_frames

N = 6000
AXES = random_rotations(1, np.random.default_rng(3))[0]
WIDTHS_DEG = np.array([8.0, 3.0, 0.0])


def draw(widths_deg, generator, n=N):
    """Motions (n, 3) in rad about AXES."""
    return np.deg2rad(generator.standard_normal((n, 3)) * widths_deg) @ AXES


def turns(motion, error_deg, generator, reference_error=None, uid=None):
    """Turns with errors, a different one in each particle, whose covariances are known."""
    n = len(motion)
    sd = np.deg2rad(error_deg) * generator.uniform(0.8, 1.2, n)
    common = np.zeros((n, 3)) if reference_error is None else reference_error
    by_reference = np.zeros((n, 3, 3)) + np.var(common) * np.eye(3)
    noisy = motion + sd[:, None] * generator.standard_normal((n, 3)) - common
    return DomainTurns(np.arange(n) if uid is None else uid, noisy, sd[:, None, None] ** 2 * np.eye(3), by_reference)


def test_axes_and_amplitudes_without_the_noise():
    generator = np.random.default_rng(1)
    (found,) = estimate_motion([turns(draw(WIDTHS_DEG, generator), 2.0, generator)]).domains
    np.testing.assert_allclose(np.abs(np.diag(found.axes @ AXES.T)), 1, atol=5e-3)
    np.testing.assert_allclose(found.amplitude_deg[:2], WIDTHS_DEG[:2], rtol=0.05)
    assert (np.abs(found.amplitude_deg - WIDTHS_DEG)[:2] < 4 * found.amplitude_sd_deg[:2]).all()
    assert found.amplitude_deg[2] < 0.6  # a motion that is not there, under noise of 2°
    np.testing.assert_allclose(found.noise_deg, 2.0, rtol=0.1)


def test_the_uncertainty_is_that_of_repeated_draws():
    generator = np.random.default_rng(2)
    found = [estimate_motion([turns(draw((5, 5, 5), generator, 500), 2.0, generator)]).domains[0] for _ in range(60)]
    # about fixed axes: principal ones of a round distribution follow the noise
    spread = np.std([np.sqrt(np.mean(each.amplitude_deg**2)) for each in found])
    assert spread == pytest.approx(np.mean([each.amplitude_sd_deg.mean() for each in found]) / np.sqrt(3), rel=0.3)


@pytest.mark.parametrize("coupling", [0.0, 0.6])
def test_correlations_are_those_of_the_motions(coupling):
    generator = np.random.default_rng(4)
    first = draw((6, 3, 1.5), generator)
    second = coupling * first + np.sqrt(1 - coupling**2) * draw((6, 3, 1.5), generator)
    error = np.deg2rad(generator.normal(0, 1.5, (N, 3)))  # of the body's poses: in both turns alike
    motion = estimate_motion([turns(each, 2.0, generator, error) for each in (first, second)])
    value, sd = motion.strongest(0, 1)
    assert is_correlated(value, sd) == bool(coupling)
    if coupling:
        # the largest motions of both are about one axis, whose direction has no sign
        assert abs(motion.correlation[0, 3]) == pytest.approx(coupling, abs=0.05)
    else:
        assert np.abs(motion.correlation[:2, 3:5]).max() < 0.06


def test_an_unknown_error_of_the_reference_looks_like_a_common_motion():
    generator = np.random.default_rng(5)
    error = np.deg2rad(generator.normal(0, 3, (N, 3)))
    motion = [draw((3, 3, 3), generator) for _ in range(2)]
    blind = [DomainTurns(each.uid, each.turns_rad, each.by_domain_rad2, 0 * each.by_reference_rad2)
             for each in (turns(one, 1.0, generator, error) for one in motion)]  # fmt: skip
    assert is_correlated(*estimate_motion(blind).strongest(0, 1))


def test_domains_are_joined_by_uid():
    generator = np.random.default_rng(6)
    first = draw((6, 6, 6), generator, 400)
    order = generator.permutation(400)[:300]
    other = turns(first[order], 0.1, generator, uid=order)
    motion = estimate_motion([turns(first, 0.1, generator), other])
    assert len(motion.uid) == 300
    assert np.abs(motion.correlation[:3, 3:]).max(axis=0).min() > 0.95


def test_too_few_common_particles_are_refused():
    generator = np.random.default_rng(7)
    one, other = (turns(draw((6, 6, 6), generator, 60), 1.0, generator, uid=start + np.arange(60)) for start in (0, 30))
    with pytest.raises(InputError, match="30 particles have a pose in all domains"):
        estimate_motion([one, other])


def test_turns_do_not_count_how_the_map_of_a_half_is_turned():
    generator = np.random.default_rng(8)
    reference, hinge = random_rotations(500, generator), rotvec_to_matrix(draw((4, 4, 4), generator, 500))
    half_set = np.arange(500) % 2
    drift = rotvec_to_matrix(np.deg2rad(np.array([[1.0, -2.0, 0.5], [-1.5, 0.0, 2.0]])))[half_set]
    none = np.zeros((500, 3, 3))
    found = measure_turns(FreePoses(np.arange(500), reference @ hinge @ drift, none), FreePoses(np.arange(500), reference, none), half_set)
    for half in (0, 1):
        np.testing.assert_allclose(np.median(found.turns_rad[half_set == half], axis=0), 0, atol=1e-12)


def test_a_movie_turns_the_domain_about_its_fulcrum():
    z, y, x = np.mgrid[:32, :32, :32].astype(np.float32)
    blob = lambda cx, cy, cz: np.exp(-((x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2) / 8)
    volume = Volume(blob(16, 16, 16) + blob(26, 16, 16), 2.0)
    mask = Mask(np.clip((x - 19) / 4, 0, 1), 2.0)
    fulcrum = np.array([2.0, 0.0, 0.0])  # from the box centre
    frames = list(motion_frames(volume, mask, fulcrum, np.array([0.0, 0.0, 1.0]), (-20.0, 0.0, 20.0)))
    np.testing.assert_allclose(frames[1].array, volume.array, atol=1e-6)
    for frame, angle_deg in ((frames[0], -20.0), (frames[2], 20.0)):
        far = np.where(x > 20, frame.array, 0)
        center = ndimage.center_of_mass(far)[::-1]
        expected = 18 + 8 * np.cos(np.deg2rad(angle_deg)), 16 + 8 * np.sin(np.deg2rad(angle_deg)), 16
        np.testing.assert_allclose(center, expected, atol=0.3)
        assert frame.array[16, 16, 16] == pytest.approx(volume.array[16, 16, 16], rel=0.02)  # the body stays
