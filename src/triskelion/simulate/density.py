"""The true density of an assembly on a grid, and soft masks of its domains."""

import numpy as np
import torch

from triskelion.conventions import centered_A_to_corner_px, reverse_axes
from triskelion.data.volume import Mask, Volume
from triskelion.errors import InputError
from triskelion.fourier.transforms import fourier_to_volume
from triskelion.masks.dilate import distance_outside
from triskelion.masks.soft_edge import cosine_edge
from triskelion.simulate.assembly import Assembly

SOLVENT_LOSS = 0.75  # share of the amplitude that the solvent takes at zero frequency: protein stands 4 times less out
SOLVENT_B_FACTOR_A2 = 250.0
MASK_GROWTH_A = 8.0
MASK_EDGE_A = 20.0
MASK_EDGE_PX = 5.0


def amplitude_envelope(frequency_per_A: np.ndarray, pixel_size_A: float, b_factor_A2: float) -> np.ndarray:
    """Return the amplitude of a point of weight 1 in bulk solvent: exp(-B f²/4) (1 - 0.75 exp(-250 f²/4)), 0 from Nyquist on."""
    solvent = 1 - SOLVENT_LOSS * np.exp(-SOLVENT_B_FACTOR_A2 * frequency_per_A**2 / 4)
    return np.exp(-b_factor_A2 * frequency_per_A**2 / 4) * solvent * (frequency_per_A < 0.5 / pixel_size_A)


def require_inside_box(assembly: Assembly, extent_A: float) -> None:
    """Raise InputError unless the assembly in any direction fits into a box of edge ``extent_A``."""
    diameter_A = 2 * float(np.linalg.norm(assembly.coordinates_A, axis=1).max())
    if diameter_A > extent_A:
        raise InputError(f"the particle needs {diameter_A:.0f} Å, the box is {extent_A:.0f} Å wide: take more pixels (box_px) or larger ones")


def compute_density(assembly: Assembly, domain: str, box_px: int, pixel_size_A: float) -> Volume:
    """Sum the band-limited density of a domain on a grid, by explicit Fourier sums: no interpolation.

    The projection of the map along z (sum over voxels) is the image that ``simulate.particles`` renders of the domain before CTF and noise.
    """
    members = assembly.rows_of_domain(domain)
    coordinates_A, weights = assembly.coordinates_A[members], assembly.weights[members]
    last = (box_px - 1) // 2
    k = np.arange(-last, last + 1)
    turns = (coordinates_A / (box_px * pixel_size_A)).T[:, None, :] * k[None, :, None]
    phasors = torch.from_numpy(np.exp(-2j * np.pi * turns).astype(np.complex64))
    along_x, along_y, along_z = phasors[0, last:], phasors[1] * torch.from_numpy(weights.astype(np.float32)), phasors[2]
    frequency2 = (k[:, None, None] ** 2 + k[None, :, None] ** 2 + k[None, None, last:] ** 2) / (box_px * pixel_size_A) ** 2
    envelope = torch.from_numpy(amplitude_envelope(np.sqrt(frequency2), pixel_size_A, assembly.b_factor_A2).astype(np.float32))
    coefficients = torch.zeros((box_px, box_px, box_px // 2 + 1), dtype=torch.complex64)
    for kz, phasor, plane_envelope in zip(k, along_z, envelope):
        plane = (along_y * phasor) @ along_x.T * plane_envelope
        coefficients[int(kz), : last + 1, : last + 1] = plane[last:]
        coefficients[int(kz), box_px - last :, : last + 1] = plane[:last]
    return Volume(fourier_to_volume(coefficients / box_px**1.5, box_px).numpy(), pixel_size_A)


def mask_domain(assembly: Assembly, domain: str, box_px: int, pixel_size_A: float) -> Mask:
    """Make a soft mask around a domain: 1 up to 8 Å from the nearest point, then a cosine edge over 20 Å (at least 5 px)."""
    coordinates_A = assembly.coordinates_A[assembly.rows_of_domain(domain)]
    index = np.rint(centered_A_to_corner_px(reverse_axes(coordinates_A), box_px, pixel_size_A)).astype(np.int64)
    solid = np.zeros((box_px,) * 3, dtype=bool)
    solid[tuple(np.clip(index, 0, box_px - 1).T)] = True
    edge_px = max(MASK_EDGE_A / pixel_size_A, MASK_EDGE_PX)
    growth_px = MASK_GROWTH_A / pixel_size_A
    return Mask(cosine_edge(distance_outside(solid, growth_px + edge_px), growth_px, growth_px + edge_px), pixel_size_A)
