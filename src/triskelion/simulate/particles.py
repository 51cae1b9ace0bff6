"""Particle images of an assembly whose domains have their own poses: explicit Fourier sums over its points, no interpolation.

Images are in units of the noise: its standard deviation is 1 in the first optics group, and a Fourier coefficient of signal or noise is the
same in every group at the same frequency, as in images of one exposure.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from triskelion.data.particles import OpticsGroup, Particles
from triskelion.fourier.transforms import fourier_to_image, image_to_fourier
from triskelion.geometry.rotations import rotvec_to_matrix
from triskelion.imaging.ctf import compute_ctf
from triskelion.simulate.assembly import Assembly
from triskelion.simulate.density import amplitude_envelope, require_inside_box
from triskelion.simulate.experiment import Experiment, Purpose, random_stream

CHUNK = 1024  # points summed at once: fixed, so that the order of summation does not follow the number of threads


@dataclass(frozen=True)
class SimulatedImages:
    """Images of a simulated data set.

    Attributes
    ----------
    stacks : list of ndarray, float32, shape (n_g, box_g, box_g)
        One for each optics group, in the order of the table.
    signal_scale : float
        What a map of ``simulate.density`` must be multiplied by to have the scale of the images.
    """

    stacks: list[np.ndarray]
    signal_scale: float


def simulate_images(
    assembly: Assembly, poses: Mapping[str, Particles], experiment: Experiment, on_image: Callable[[], object] = lambda: None
) -> SimulatedImages:
    """Render all particles with CTF, contrast and noise.

    Parameters
    ----------
    assembly : Assembly
    poses : mapping of str to Particles
        The particles with the true poses of each domain; CTF and contrast are taken from the first.
    experiment : Experiment
    on_image : callable, optional
        Called once per image.

    Raises
    ------
    InputError
        When the assembly is larger than the box.
    """
    require_inside_box(assembly, experiment.extent_A)
    particles = poses[assembly.domains[0]]
    rows_of_group = [np.flatnonzero(particles["optics_group"] == index) for index in range(len(particles.optics))]
    stacks = [np.empty((len(rows), group.box_px, group.box_px), dtype=np.float32) for rows, group in zip(rows_of_group, particles.optics)]
    for rows, group, stack in zip(rows_of_group, particles.optics, stacks):
        for place, row in enumerate(rows.tolist()):
            coefficients = render_particle(assembly, [poses[name] for name in assembly.domains], row, experiment)
            stack[place] = fourier_to_image(coefficients, group.box_px).numpy()
            on_image()
    signal_variance = float(np.mean([image.var(dtype=np.float64) for image in stacks[0]]))
    scale = float(np.sqrt(experiment.snr / signal_variance))
    for rows, group, stack in zip(rows_of_group, particles.optics, stacks):
        for image, row in zip(stack, rows.tolist()):
            image *= scale
            image += draw_noise(group, experiment, row)
            image *= experiment.image_sign
    return SimulatedImages(stacks, scale)


def render_particle(assembly: Assembly, poses: Sequence[Particles], row: int, experiment: Experiment) -> Tensor:
    """Return the Fourier coefficients complex64 (n, n // 2 + 1) of one image without noise.

    Parameters
    ----------
    assembly : Assembly
    poses : sequence of Particles
        The particles with the poses of each domain.
    row : int
    experiment : Experiment
    """
    group = poses[0].optics[int(poses[0]["optics_group"][row])]
    xy_A = place_points(assembly, poses, row)
    kx, ky, envelope = _half_plane(group.box_px, group.pixel_size_A, assembly.b_factor_A2)
    transfer = compute_ctf(poses[0], np.array([row]), group.box_px, group.pixel_size_A, kx.ravel(), ky.ravel()).reshape(kx.shape)
    factor = transfer * envelope * float(poses[0]["contrast"][row] / experiment.box_px)
    return sum_points(xy_A, assembly.weights, group.box_px, group.box_px * group.pixel_size_A) * factor


def place_points(assembly: Assembly, poses: Sequence[Particles], row: int) -> np.ndarray:
    """Return where all points lie in one image: (x, y) in Å from its centre, float64 (n, 2)."""
    rotations = rotvec_to_matrix(np.array([pose["rotvec_rad"][row] for pose in poses]))
    shifts_A = np.array([pose["shift_A"][row] for pose in poses])
    xy_A = np.empty((len(assembly.weights), 2))
    for index, (rotation, shift_A) in enumerate(zip(rotations, shifts_A)):
        members = assembly.domain_index == index
        xy_A[members] = assembly.coordinates_A[members] @ rotation[:2].T + shift_A
    return xy_A


def sum_points(xy_A: np.ndarray, weights: np.ndarray, box_px: int, extent_A: float) -> Tensor:
    """Return F(k) = sum of w exp(-2 pi i k . x / extent) on the half plane (n, n // 2 + 1), complex64; 0 on the Nyquist lines.

    With c and s for cosines and sines, F(kx, ±ky) = (cy cx -+ sy sx) - i (cy sx ± sy cx): one real matrix product for all four terms.
    """
    last = (box_px - 1) // 2
    turns = torch.from_numpy((xy_A / extent_A).T.astype(np.float32))
    turns = pad(turns, (0, -len(xy_A) % CHUNK)).reshape(2, -1, 1, CHUNK)
    phases = 2 * torch.pi * turns * torch.arange(last + 1, dtype=torch.float32)[:, None]
    waves = torch.cat([torch.cos(phases), torch.sin(phases)], dim=2)  # (x and y, chunks, cosines then sines, points)
    weight = pad(torch.from_numpy(weights.astype(np.float32)), (0, -len(weights) % CHUNK)).reshape(-1, 1, CHUNK)
    products = torch.bmm(waves[1] * weight, waves[0].transpose(1, 2)).sum(dim=0)
    cosine_y, sine_y = products[: last + 1], products[last + 1 :]
    cc, cs, sc, ss = cosine_y[:, : last + 1], cosine_y[:, last + 1 :], sine_y[:, : last + 1], sine_y[:, last + 1 :]
    plane = torch.zeros((box_px, box_px // 2 + 1), dtype=torch.complex64)
    plane[: last + 1, : last + 1] = torch.complex(cc - ss, -(cs + sc))
    plane[box_px - last :, : last + 1] = torch.complex(cc + ss, sc - cs)[1:].flip(0)
    return plane


def noise_amplitude(frequency_per_A: np.ndarray, experiment: Experiment) -> np.ndarray:
    """Return the standard deviation of the noise at a frequency: more at low and a little more at high frequencies; mean square 1 over the box."""

    def shape(f):
        return np.sqrt(1 + 3 * np.exp(-((f / 0.015) ** 2)) + 0.3 * (f * 2 * experiment.pixel_size_A) ** 2)

    k = np.fft.fftfreq(experiment.box_px, experiment.pixel_size_A)
    return shape(frequency_per_A) / np.sqrt(np.mean(shape(np.hypot(k[:, None], k)) ** 2))


def draw_noise(group: OpticsGroup, experiment: Experiment, row: int) -> np.ndarray:
    """Draw the noise of one particle, float32 (n, n)."""
    n = group.box_px
    white = random_stream(experiment.seed, Purpose.NOISE, row).standard_normal((n, n), dtype=np.float32)
    coefficients = image_to_fourier(torch.from_numpy(white)) * _noise_plane(experiment, n)
    return fourier_to_image(coefficients, n).numpy()


@cache
def _half_plane(box_px: int, pixel_size_A: float, b_factor_A2: float) -> tuple[np.ndarray, np.ndarray, Tensor]:
    """Return kx, ky and the amplitude envelope, each (n, n // 2 + 1)."""
    kx, ky = _half_plane_indices(box_px)
    envelope = amplitude_envelope(np.hypot(kx, ky) / (box_px * pixel_size_A), pixel_size_A, b_factor_A2)
    return kx, ky, torch.from_numpy(envelope.astype(np.float32))


@cache
def _noise_plane(experiment: Experiment, box_px: int) -> Tensor:
    radius = np.hypot(*_half_plane_indices(box_px))
    return torch.from_numpy(noise_amplitude(radius / experiment.extent_A, experiment).astype(np.float32))


def _half_plane_indices(box_px: int) -> tuple[np.ndarray, np.ndarray]:
    ky, kx = np.meshgrid(np.fft.fftfreq(box_px, 1 / box_px), np.arange(box_px // 2 + 1.0), indexing="ij")
    return kx, ky
