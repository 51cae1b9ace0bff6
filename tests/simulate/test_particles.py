"""Images against explicit sums, the noise, and what must not change them."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from triskelion.errors import InputError
from triskelion.fourier.shells import shell_sum
from triskelion.fourier.transforms import fourier_to_image, image_to_fourier
from triskelion.geometry.rotations import rotvec_to_matrix
from triskelion.imaging.ctf import compute_ctf
from triskelion.simulate.density import amplitude_envelope, compute_density
from triskelion.simulate.experiment import Experiment, draw_particles
from triskelion.simulate.hinges import draw_hinges, hinge_poses
from triskelion.simulate.particles import CHUNK, draw_noise, noise_amplitude, render_particle, simulate_images, sum_points
from triskelion.simulate.phantom import build_phantom

EXPERIMENT = Experiment(n_particles=6, box_px=40, pixel_size_A=9.5, snr=0.2, contrast_spread=0.2, seed=5)


@pytest.fixture(scope="module")
def phantom():
    return build_phantom(0, 1500)


def draw_poses(assembly, experiment):
    body = draw_particles(experiment, ("one.mrcs", "two.mrcs")[: experiment.n_optics_groups])
    hinges = draw_hinges([0.0, 3.0, 7.0, 10.0], len(body), experiment.seed)
    return {name: hinge_poses(body, hinges[:, i], assembly.fulcra_A[i]) for i, name in enumerate(assembly.domains)}


def simulate(assembly, experiment):
    return simulate_images(assembly, draw_poses(assembly, experiment), experiment)


@pytest.mark.parametrize("box_px", [24, 25])
@pytest.mark.parametrize("n_points", [3, CHUNK, CHUNK + 1])
def test_point_sums_are_explicit_fourier_sums(box_px, n_points):
    generator = np.random.default_rng(0)
    xy_A, weights, extent_A = generator.normal(0, 30, (n_points, 2)), generator.uniform(0.5, 2, n_points), 200.0
    last = (box_px - 1) // 2
    k = np.fft.fftfreq(box_px, 1 / box_px)
    wave = lambda k, x: np.exp(-2j * np.pi * np.outer(k, x) / extent_A) * (np.abs(k) <= last)[:, None]
    expected = (wave(k, xy_A[:, 1]) * weights) @ wave(np.arange(box_px // 2 + 1.0), xy_A[:, 0]).T
    got = sum_points(xy_A, weights, box_px, extent_A).numpy()
    assert np.abs(got - expected).max() < 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize("box_px", [40, 41])
def test_an_image_is_the_ctf_times_the_sum_over_all_points(phantom, box_px):
    experiment = replace(EXPERIMENT, box_px=box_px)
    poses = draw_poses(phantom, experiment)
    body = poses["body"]
    row, n, pixel_A = 4, experiment.box_px, experiment.pixel_size_A
    ky, kx = np.meshgrid(np.fft.fftfreq(n, 1 / n), np.arange(n // 2 + 1.0), indexing="ij")
    fx, fy = kx / experiment.extent_A, ky / experiment.extent_A
    expected = np.zeros(kx.shape, dtype=np.complex128)
    for name in phantom.domains:
        members = phantom.rows_of_domain(name)
        xy = phantom.coordinates_A[members] @ rotvec_to_matrix(poses[name]["rotvec_rad"][row])[:2].T + poses[name]["shift_A"][row]
        expected += np.exp(-2j * np.pi * (fx[..., None] * xy[:, 0] + fy[..., None] * xy[:, 1])) @ phantom.weights[members]
    expected *= compute_ctf(body, np.array([row]), n, pixel_A, kx.ravel(), ky.ravel()).numpy().reshape(kx.shape)
    expected *= amplitude_envelope(np.hypot(fx, fy), pixel_A, phantom.b_factor_A2) * body["contrast"][row] / n
    got = render_particle(phantom, list(poses.values()), row, experiment).numpy()
    assert np.abs(got - expected).max() < 1e-4 * np.abs(expected).max()
    assert np.linalg.norm(got - expected) < 1e-4 * np.linalg.norm(expected)


def test_the_map_projects_to_the_image(phantom):
    """Sum of the map along z = image of the particle in its rest position, CTF and noise left out."""
    experiment = replace(EXPERIMENT, contrast_spread=0.0)
    body = draw_poses(phantom, experiment)["body"].with_columns(rotvec_rad=np.zeros((6, 3)), shift_A=np.zeros((6, 2)))
    n, pixel_A = experiment.box_px, experiment.pixel_size_A
    density = sum(compute_density(phantom, name, n, pixel_A).array for name in phantom.domains)
    ky, kx = np.meshgrid(np.fft.fftfreq(n, 1 / n), np.arange(n // 2 + 1.0), indexing="ij")
    transfer = compute_ctf(body, np.array([0]), n, pixel_A, kx.ravel(), ky.ravel()).reshape(kx.shape)
    expected = image_to_fourier(torch.from_numpy(np.asarray(density).sum(axis=0))) * transfer
    got = render_particle(phantom, [body] * 4, 0, experiment)
    assert float((got - expected).abs().max()) < 1e-4 * float(expected.abs().max())


def test_signal_to_noise_is_what_was_asked(phantom):
    result = simulate(phantom, EXPERIMENT)
    poses = draw_poses(phantom, EXPERIMENT)
    clean = [fourier_to_image(render_particle(phantom, list(poses.values()), row, EXPERIMENT), 40).numpy() for row in range(6)]
    signal = result.signal_scale * np.array(clean)
    noise = result.stacks[0] - signal
    assert signal.var(axis=(1, 2)).mean() == pytest.approx(0.2, rel=1e-4)
    assert signal.var(axis=(1, 2)).mean() / noise.var(axis=(1, 2)).mean() == pytest.approx(0.2, rel=0.05)


def test_noise_has_the_spectrum_asked_for():
    group = EXPERIMENT.optics[0]
    n_images, n = 300, group.box_px
    power = sum(image_to_fourier(torch.from_numpy(draw_noise(group, EXPERIMENT, row))).abs() ** 2 for row in range(n_images))
    ones = shell_sum(torch.ones(n, n // 2 + 1), n, 2).numpy()
    measured = shell_sum(torch.as_tensor(power), n, 2).numpy()[1 : n // 2] / ones[1 : n // 2] / n_images
    frequency = np.arange(1, n // 2) / EXPERIMENT.extent_A
    expected = noise_amplitude(frequency, EXPERIMENT) ** 2
    assert expected.max() > 2 * expected.min()  # coloured
    assert np.abs(measured / expected - 1).max() < 0.12
    k = np.fft.fftfreq(n, EXPERIMENT.pixel_size_A)
    assert (noise_amplitude(np.hypot(k[:, None], k), EXPERIMENT) ** 2).mean() == pytest.approx(1)


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(phantom):
    first, again, other = (simulate(phantom, replace(EXPERIMENT, seed=seed)).stacks[0] for seed in (5, 5, 6))
    assert first.tobytes() == again.tobytes()
    assert np.abs(first - other).mean() > 0.5


def test_an_image_depends_neither_on_the_threads_nor_on_the_other_particles(phantom):
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = simulate(phantom, EXPERIMENT)
        torch.set_num_threads(3)
        together = simulate(phantom, EXPERIMENT)
    finally:
        torch.set_num_threads(threads)
    assert alone.stacks[0].tobytes() == together.stacks[0].tobytes()
    more = replace(EXPERIMENT, n_particles=10)
    few, many = (list(draw_poses(phantom, experiment).values()) for experiment in (EXPERIMENT, more))
    for row in (0, 5):
        assert torch.equal(render_particle(phantom, few, row, EXPERIMENT), render_particle(phantom, many, row, more))
        assert (draw_noise(EXPERIMENT.optics[0], EXPERIMENT, row) == draw_noise(more.optics[0], more, row)).all()


def test_dark_protein_is_the_negative(phantom):
    bright, dark = simulate(phantom, EXPERIMENT), simulate(phantom, replace(EXPERIMENT, image_sign=-1))
    assert (bright.stacks[0] == -dark.stacks[0]).all()
    assert draw_particles(replace(EXPERIMENT, image_sign=-1), ("a",)).optics[0].image_sign == -1


def test_optics_groups_agree_at_the_same_frequency(phantom):
    """The same particle seen with either pixel: same coefficients up to the Nyquist frequency of the larger one."""
    experiment = replace(EXPERIMENT, n_optics_groups=2)
    coarse, fine = experiment.optics
    assert fine.box_px > coarse.box_px
    assert fine.box_px * fine.pixel_size_A == pytest.approx(coarse.box_px * coarse.pixel_size_A)
    poses = list(draw_poses(phantom, experiment).values())
    swapped = [pose.with_columns(optics_group=1 - pose["optics_group"]) for pose in poses]
    one, other = render_particle(phantom, poses, 0, experiment), render_particle(phantom, swapped, 0, experiment)
    last = 18
    inside = np.hypot(*np.meshgrid(np.arange(-last, last + 1), np.arange(last + 1), indexing="ij")) < 19
    cut = lambda plane: torch.cat([plane[-last:, : last + 1], plane[: last + 1, : last + 1]]).numpy()[inside]
    assert np.abs(cut(one) - cut(other)).max() < 1e-4 * np.abs(cut(one)).max()
    stacks = simulate(phantom, experiment).stacks
    assert [stack.shape for stack in stacks] == [(3, 40, 40), (3, fine.box_px, fine.box_px)]
    assert stacks[1].std() == pytest.approx(stacks[0].std(), rel=0.1)


def test_contrast_spreads_about_one():
    contrast = draw_particles(replace(EXPERIMENT, n_particles=2000), ("a",))["contrast"]
    assert contrast.mean() == pytest.approx(1, abs=0.02) and contrast.std() == pytest.approx(0.2, rel=0.06)
    assert (draw_particles(replace(EXPERIMENT, contrast_spread=0.0), ("a",))["contrast"] == 1).all()


def test_a_box_that_is_too_small_is_refused(phantom):
    with pytest.raises(InputError, match="box_px"):
        simulate(phantom, replace(EXPERIMENT, box_px=24))


@pytest.mark.parametrize("wrong", [{"n_particles": 1}, {"snr": 0.0}, {"pixel_size_A": -1.0}, {"n_optics_groups": 3}])
def test_impossible_experiments_are_refused(wrong):
    with pytest.raises(InputError):
        replace(EXPERIMENT, **wrong)
