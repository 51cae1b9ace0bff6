"""True maps and masks."""

import numpy as np
import pytest

from triskelion.simulate.assembly import build_assembly
from triskelion.simulate.density import amplitude_envelope, compute_density, mask_domain

COORDINATES = np.array([[0.0, 0, 0], [12, -7, 3], [-20, 15, 9], [-18, 12, 11], [26, -20, -23]])
WEIGHTS = np.array([1.0, 2, 3, 4, 5])
LABELS = np.array(["body", "body", "head", "head", "body"])


@pytest.mark.parametrize("box_px", [16, 17])
def test_density_is_the_explicit_sum_in_real_space(box_px):
    """Voxels at random against the sum over all waves below Nyquist, written out."""
    assembly, pixel_A = build_assembly(COORDINATES, WEIGHTS, LABELS), 7.0
    members = assembly.rows_of_domain("body")
    k = np.arange(-box_px, box_px + 1)
    kz, ky, kx = (axis.ravel() for axis in np.meshgrid(k, k, k, indexing="ij"))
    envelope = amplitude_envelope(np.sqrt(kx**2 + ky**2 + kz**2) / (box_px * pixel_A), pixel_A, assembly.b_factor_A2)
    kept = envelope > 0
    waves = np.stack([kx, ky, kz], axis=1)[kept] / (box_px * pixel_A)
    array = compute_density(assembly, "body", box_px, pixel_A).array
    for zyx in np.random.default_rng(0).integers(0, box_px, (20, 3)):
        position = (zyx[::-1] - box_px // 2) * pixel_A
        phases = 2 * np.pi * waves @ (position - assembly.coordinates_A[members]).T
        expected = (envelope[kept] @ np.cos(phases) @ assembly.weights[members]) / box_px**3
        assert array[tuple(zyx)] == pytest.approx(expected, abs=2e-6 * float(np.abs(array).max()))


def test_solvent_takes_three_quarters_of_the_lowest_frequencies():
    envelope = amplitude_envelope(np.array([0.0, 0.0999, 0.1]), 5.0, 0.0)
    assert envelope[0] == pytest.approx(0.25)
    assert envelope[1] == pytest.approx(1 - 0.75 * np.exp(-250 * 0.0999**2 / 4))
    assert envelope[2] == 0  # Nyquist


@pytest.mark.parametrize(("box_px", "pixel_A", "edge_A"), [(64, 2.0, 20.0), (32, 6.0, 30.0)])
def test_mask_is_one_near_the_domain_and_falls_over_twenty_angstrom_or_five_pixels(box_px, pixel_A, edge_A):
    assembly = build_assembly(COORDINATES, WEIGHTS, LABELS)
    mask = mask_domain(assembly, "head", box_px, pixel_A)
    axis = (np.arange(box_px) - box_px // 2) * pixel_A
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    points = np.rint(assembly.coordinates_A[assembly.rows_of_domain("head")] / pixel_A) * pixel_A
    distance = np.min([np.sqrt((x - p[0]) ** 2 + (y - p[1]) ** 2 + (z - p[2]) ** 2) for p in points], axis=0)
    expected = 0.5 + 0.5 * np.cos(np.pi * np.clip((distance - 8) / edge_A, 0, 1))
    assert np.abs(mask.array - expected).max() < 1e-5
