import numpy as np
import pytest
from matplotlib.colors import LogNorm

from triskelion.errors import InputError
from triskelion.geometry.rotations import random_rotations
from triskelion.plots import posterior_precision, viewing_directions
from triskelion.plots.sphere import auxiliary_angle_rad, cell_of_angles, cell_solid_angles_sr, cells_of_map, ring_sizes
from triskelion.resolution.orientation import half_sphere_directions


@pytest.mark.parametrize("n_rings", [9, 12, 18, 36])
def test_cells_cover_the_sphere_and_are_alike(n_rings):
    areas = cell_solid_angles_sr(n_rings)
    assert areas.sum() == pytest.approx(4 * np.pi)
    assert areas.max() / areas.min() < 1.6


def test_every_cell_is_hit_in_proportion_to_its_area():
    generator = np.random.default_rng(3)
    n = 200_000
    z = generator.uniform(-1, 1, n)
    cells = cell_of_angles(generator.uniform(-180, 180, n), np.rad2deg(np.arcsin(z)), 12)
    expected = n * cell_solid_angles_sr(12) / (4 * np.pi)
    counts = np.bincount(cells, minlength=len(expected))
    assert (np.abs(counts - expected) < 5 * np.sqrt(expected)).all()


def test_the_borders_belong_to_a_cell():
    last = ring_sizes(18).sum() - 1
    cells = cell_of_angles(np.array([-180.0, 180, -180, 180]), np.array([-90.0, -90, 90, 90]), 18)
    np.testing.assert_array_equal(cells[[0, 3]], [0, last])


def test_the_map_shows_areas_as_they_are():
    """Mollweide's projection keeps areas: a cell's share of the pixels is its share of the sphere."""
    cells = cells_of_map(9)
    pixels = np.bincount(cells[cells >= 0])
    np.testing.assert_allclose(pixels / pixels.sum(), cell_solid_angles_sr(9) / (4 * np.pi), rtol=0.05)
    assert (cells >= 0).mean() == pytest.approx(np.pi / 4, abs=2e-3)  # an ellipse in its rectangle


def test_parallels_of_mollweide():
    """Snyder, Map Projections: A Working Manual (1987), table 43: y / (R sqrt 2) at 30° and 60°."""
    assert np.sin(auxiliary_angle_rad(0)) == 0
    assert np.sin(auxiliary_angle_rad(30)) == pytest.approx(0.40397, abs=1e-5)
    assert np.sin(auxiliary_angle_rad(-60)) == pytest.approx(-0.76239, abs=1e-5)


def test_views_are_counted_once_and_in_their_place():
    rotations = random_rotations(3000, np.random.default_rng(0))
    rotations[:1000] = np.eye(3)  # a third looks along z, elevation 90°
    data = viewing_directions.collect_viewing_directions(rotations)
    assert sum(data["counts"]) == data["n"] == 3000
    top_ring = data["counts"][-int(ring_sizes(data["n_rings"])[-1]) :]
    assert sum(top_ring) >= 1000
    assert sum(data["counts"]) - sum(top_ring) > 1900


@pytest.mark.parametrize(("n", "rings"), [(10, 9), (1500, 12), (5000, 18), (100_000, 36)])
def test_more_particles_get_finer_cells(n, rings):
    assert viewing_directions.choose_n_rings(n) == rings


def test_density_is_relative_to_uniform():
    counts = np.rint(1000 * cell_solid_angles_sr(9)).astype(int)
    figure = viewing_directions.draw({"n": int(counts.sum()), "n_rings": 9, "counts": counts.tolist()})
    values = figure.axes[0].images[0].get_array().compressed()
    np.testing.assert_allclose(values, 1, atol=0.02)


def test_precision_is_the_same_in_opposite_directions_and_relative_to_the_mean():
    directions = half_sphere_directions(2000)
    precision = 1 + directions[:, 2] ** 2
    data = posterior_precision.collect_posterior_precision(directions, 7 * precision)
    relative = np.array(data["relative"], dtype=float)
    assert not np.isnan(relative).any()
    rings = np.split(relative, np.cumsum(ring_sizes(18))[:-1])
    means = np.array([ring.mean() for ring in rings])
    np.testing.assert_allclose(means, means[::-1], rtol=1e-3)
    assert data["max_over_min"] == pytest.approx(precision.max() / precision.min(), rel=1e-5)
    assert means[-1] / means[9] == pytest.approx(2 / 1, rel=0.03)
    assert np.average(relative, weights=cell_solid_angles_sr(18)) == pytest.approx(1, abs=0.01)


def test_a_spread_over_ten_is_called_uneven():
    directions = half_sphere_directions(1000)
    for factor, word in ((5.0, "fine"), (50.0, "uneven")):
        data = posterior_precision.collect_posterior_precision(directions, np.where(directions[:, 2] > 0.9, factor, 1.0))
        axes = posterior_precision.draw(data).axes[0]
        assert word in axes.get_title()
        assert f"{factor:.1f}" in axes.get_title()
        assert isinstance(axes.images[0].norm, LogNorm)


def test_directions_without_any_precision():
    directions = half_sphere_directions(1000)
    data = posterior_precision.collect_posterior_precision(directions, (directions[:, 2] > 0.5).astype(float))
    assert data["max_over_min"] is None
    assert "undetermined" in posterior_precision.draw(data).axes[0].get_title()
    with pytest.raises(InputError, match="0 everywhere"):
        posterior_precision.collect_posterior_precision(directions, np.zeros(1000))
