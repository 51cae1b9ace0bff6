"""The bounds of the benchmark: the truth explains the images, the Fisher matrix predicts the errors of alignment."""

from types import SimpleNamespace

import numpy as np
import pytest

from triskelion.geometry.rotations import rotation_difference_deg

NONE = (np.inf, np.inf)


@pytest.fixture(scope="module")
def hinge_set(hinge_folder):
    from hinge_truth import HingeSet

    return HingeSet.read(hinge_folder)


def spectrum_of_the_simulator(box_px: int, pixel_size_A: float) -> np.ndarray:
    """Noise power per shell as hinge_set.py draws it: white noise of variance 1 through a filter whose mean power is 1."""
    index = np.fft.fftfreq(box_px) * box_px
    power = lambda f: 1 + 3 * np.exp(-((f / 0.015) ** 2)) + 0.3 * (f * 2 * pixel_size_A) ** 2
    plane = np.hypot(index[:, None], index) / (box_px * pixel_size_A)
    return power(np.arange(box_px // 2) / (box_px * pixel_size_A)) / power(plane).mean()


def test_true_maps_and_poses_leave_the_noise_that_was_drawn(hinge_set):
    grid = hinge_set.images.grid
    ratio = 2 * hinge_set.noise / spectrum_of_the_simulator(grid.box_px, grid.pixel_size_A)
    np.testing.assert_allclose(ratio[4:], 1, atol=0.1)  # 150 images of some tens of coefficients a shell
    assert abs(ratio[8:].mean() - 1) < 0.02


def test_alignment_to_the_true_map_comes_to_the_cramer_rao_bound(hinge_set):
    from hinge_truth import align_from_truth, cramer_rao_deg, pose_prior

    others = tuple(domain for domain in hinge_set.domains if domain != "head")
    residual = hinge_set.images.coefficients - hinge_set.grey_scale * hinge_set.project_domains(others)
    prior = pose_prior(hinge_set, "head", hinge_set.true_poses("head"), *NONE)
    reference = hinge_set.true_slices("head")
    found, shifts_px = align_from_truth(hinge_set, "head", residual, (reference, reference), prior)
    true, true_px = hinge_set.true_poses("head")
    error_deg = rotation_difference_deg(found, true)
    assert np.sqrt((error_deg**2).mean()) == pytest.approx(cramer_rao_deg(hinge_set, "head", prior), rel=0.15)
    assert np.sqrt(((shifts_px - true_px) ** 2).mean()) < 1


def test_a_prior_lowers_the_bound_and_one_without_width_leaves_nothing(hinge_set):
    from hinge_truth import cramer_rao_deg, pose_prior

    priors = [pose_prior(hinge_set, "arm", hinge_set.true_poses("body"), *widths) for widths in (NONE, (3, 1), (1e-3, 1e-3))]
    none, some, all_ = (cramer_rao_deg(hinge_set, "arm", prior) for prior in priors)
    assert none > some > all_
    assert all_ == pytest.approx(1e-3 * np.sqrt(3), rel=0.1)


def test_the_angle_of_known_matrices():
    from hinge_truth import rms_angle_deg

    free = np.diag([1.0, 4.0, 4.0, 1.0, 1.0])
    # a shift that goes with a rotation about x: 1 / (1 - 0.5²) of the variance
    coupled = free.copy()
    coupled[0, 3] = coupled[3, 0] = 0.5
    variances = [1 + 0.25 + 0.25, 1 / 0.75 + 0.5]
    assert rms_angle_deg(np.stack([free, coupled])) == pytest.approx(np.rad2deg(np.sqrt(np.mean(variances))))


def test_subtracted_images_lose_the_background_and_nothing_else(hinge_set, tmp_path):
    import mrcfile
    from local_refinement import Bench, write_relion_input

    background = hinge_set.grey_scale * hinge_set.project_domains(("body", "foot", "arm"))
    consensus = SimpleNamespace(path=lambda name: hinge_set.folder / f"{name}_all.mrc")
    bench = Bench(hinge_set, SimpleNamespace(), SimpleNamespace(), consensus, tmp_path, tmp_path)
    write_relion_input(bench, "head", tmp_path / "subtracted", background)
    write_relion_input(bench, "head", tmp_path / "whole", None)
    references = [mrcfile.read(tmp_path / name / "reference.mrc") for name in ("subtracted", "whole")]
    np.testing.assert_array_equal(references[0], references[1] * hinge_set.mask("head"))
    subtracted, whole = (mrcfile.read(tmp_path / name / "particles.mrcs").astype(float) for name in ("subtracted", "whole"))
    assert (tmp_path / "subtracted" / "particles.star").read_text() == (hinge_set.folder / "particles.star").read_text()
    taken = whole - subtracted
    # each independent coefficient of a real image stands for two of its transform
    np.testing.assert_allclose((taken**2).sum((1, 2)), 2 * (background.abs() ** 2).sum(1).numpy(), rtol=1e-3)
    assert subtracted.var() < whole.var() - 0.9 * taken.var()


def test_a_table_in_another_order_is_refused(hinge_set, tmp_path):
    from triskelion.io.particle_star import write_particles

    write_particles(tmp_path / "other.star", hinge_set.particles.select(np.arange(len(hinge_set.particles))[::-1]))
    with pytest.raises(SystemExit, match="order"):
        hinge_set.poses(tmp_path / "other.star")
