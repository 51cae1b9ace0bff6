"""The likelihood in nats: score, gradient, Fisher matrix and posterior covariance against a Gaussian likelihood summed over the pixels.

The pixels are modelled twice: by explicit sums over atoms, so that nothing under test makes them (interpolation then errs by about 0.6 %
a particle, in random directions), and from the program's own slices, so that every particle must agree. Derivatives are finite
differences. The mean and the corners beyond Nyquist are in neither, for models are limited to the disc.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from tests.refine.scene import (
    BOX_PX,
    HEAD_CENTER_PX,
    PIXEL_A,
    Poses,
    atoms,
    ctf_of,
    density_of,
    disturb,
    draw_poses,
    exact_slices,
    make_particles,
    render,
)

from triskelion.data.images import ArrayImages
from triskelion.data.particles import Particles
from triskelion.fourier.shells import fourier_disc
from triskelion.fourier.slices import prepare_slices
from triskelion.geometry.rotations import rotvec_to_matrix
from triskelion.imaging.forward import Grid, ImageSet, load_images
from triskelion.kernels import cpu, reference
from triskelion.kernels.interface import FourierVolume, NormalEquations

N, NOISE_SD = 12, 0.7
SIGMA_PX = 1.3
POINTS = atoms("head") - HEAD_CENTER_PX
DISC = fourier_disc(BOX_PX)
FINE_PADDING = 8  # where the model is exact: interpolation is looked at in tests/kernels
STEP = 2e-4  # of finite differences, rad and px


@dataclass(frozen=True)
class Experiment:
    """Images of the scene's head, centred, with white noise, and poses near the true ones."""

    volume: FourierVolume
    is_exact: bool
    particles: Particles
    truth: Poses
    near: Poses

    def model(self, poses: Poses) -> np.ndarray:
        """Noise-free images, s C phase(u) slice, float64 (n, box, box)."""
        gain = ctf_of(self.particles, DISC) * self.particles["contrast"][:, None]
        if self.is_exact:
            return render(gain * exact_slices(POINTS, poses, DISC, SIGMA_PX), DISC)
        phase = np.exp(-2j * np.pi / BOX_PX * (poses.shifts_px @ np.stack([DISC.kx, DISC.ky])))
        return render(gain * phase * reference.slice(self.volume, poses.rotations, np.ones(N), DISC).numpy(), DISC)

    def pixels(self) -> np.ndarray:
        """The images that are observed."""
        return self.model(self.truth) + NOISE_SD * np.random.default_rng(12).standard_normal((N, BOX_PX, BOX_PX))

    def log_likelihood(self, poses: Poses) -> np.ndarray:
        """-|X - M|² / (2 s²) over all pixels."""
        return -((self.pixels() - self.model(poses)) ** 2).sum((1, 2)) / (2 * NOISE_SD**2)

    def slopes(self, function) -> np.ndarray:
        """Derivatives of ``function(poses)`` in the five axes of a pose, the axes first."""
        return np.stack([(function(step(self.near, axis, STEP)) - function(step(self.near, axis, -STEP))) / (2 * STEP) for axis in range(5)])

    def fisher(self) -> np.ndarray:
        """J^T J / s² with J the slopes of the pixels, (n, 5, 5): the expected curvature of -log L."""
        slopes = self.slopes(self.model)
        return np.einsum("anyx,bnyx->nab", slopes, slopes) / NOISE_SD**2


def step(poses: Poses, axis: int, length: float) -> Poses:
    d = np.zeros(5)
    d[axis] = length
    return Poses(poses.rotations @ rotvec_to_matrix(d[:3]), poses.shifts_px + d[3:])


@cache
def make_experiment(is_exact: bool) -> tuple[Experiment, ImageSet, np.ndarray]:
    """An experiment, its images as the program holds them, its Fisher matrices."""
    truth = draw_poses(N, 11)
    particles = make_particles(truth, 11, contrast=np.linspace(0.6, 1.4, N))
    volume = prepare_slices(density_of(POINTS, BOX_PX, SIGMA_PX), (BOX_PX - 1) // 2, FINE_PADDING if is_exact else 2)
    experiment = Experiment(volume, is_exact, particles, truth, disturb(truth, 2.0, 0.4, 11))
    images = load_images(particles, ArrayImages(experiment.pixels()), Grid(BOX_PX, PIXEL_A), DISC)
    return experiment, images, experiment.fisher()


def evaluate(kernels, is_exact: bool, poses: Poses) -> NormalEquations:
    """What the program says, the variance of a real component being half that of a pixel."""
    experiment, images, _ = make_experiment(is_exact)
    weighted = images.weighted(images.coefficients, np.full((1, BOX_PX // 2), NOISE_SD**2 / 2))
    return kernels.gauss_newton(experiment.volume, poses.rotations, poses.shifts_px, weighted, np.arange(N), DISC)


def check_agreement(is_exact: bool, got: np.ndarray, expected: np.ndarray, unit: np.ndarray) -> None:
    """Compare vectors (n, 5) or matrices (n, 5, 5) to 1 % of their length, the axes counted in ``unit`` (n, 5)."""
    scale = unit if got.ndim == 2 else unit[:, :, None] * unit[:, None, :]
    error, length = (np.linalg.norm(np.reshape(part / scale, (N, -1)), axis=1) for part in (got - expected, expected))
    ratio = error / length
    assert (np.sqrt((ratio**2).mean()) if is_exact else ratio.max()) < 0.01


@pytest.mark.parametrize("kernels", [cpu, reference], ids=["cpu", "reference"])
@pytest.mark.parametrize("is_exact", [True, False], ids=["explicit sums", "own slices"])
class TestAgainstPixels:
    def test_score(self, kernels, is_exact):
        experiment = make_experiment(is_exact)[0]
        expected = experiment.log_likelihood(experiment.near) - experiment.log_likelihood(experiment.truth)
        got = evaluate(kernels, is_exact, experiment.near).value - evaluate(kernels, is_exact, experiment.truth).value
        assert np.abs(expected).min() > 1
        np.testing.assert_allclose(got, expected, rtol=0.01)

    def test_gradient(self, kernels, is_exact):
        experiment, _, fisher = make_experiment(is_exact)
        expected = experiment.slopes(experiment.log_likelihood).T
        check_agreement(is_exact, evaluate(kernels, is_exact, experiment.near).gradient, expected, np.sqrt(np.einsum("nii->ni", fisher)))

    def test_fisher_matrix(self, kernels, is_exact):
        experiment, _, fisher = make_experiment(is_exact)
        check_agreement(is_exact, evaluate(kernels, is_exact, experiment.near).matrix, fisher, np.sqrt(np.einsum("nii->ni", fisher)))

    def test_posterior_covariance(self, kernels, is_exact):
        experiment, _, fisher = make_experiment(is_exact)
        expected, got = np.linalg.inv(fisher), np.linalg.inv(evaluate(kernels, is_exact, experiment.near).matrix)
        check_agreement(is_exact, got, expected, np.sqrt(np.einsum("nii->ni", expected)))
