"""Point groups: the axioms, their parts, and one pose out of its mates."""

import numpy as np
import pytest

from triskelion.errors import InputError
from triskelion.geometry.rotations import random_rotations, rotation_difference_deg, rotvec_to_matrix
from triskelion.geometry.symmetry import (
    CENTRAL_VIEW,
    expand_poses,
    is_in_asymmetric_unit,
    nearest_symmetry_mate,
    parse_symmetry,
    reduce_to_asymmetric_unit,
)

ORDERS = {"C1": 1, "C2": 2, "C3": 3, "C4": 4, "C7": 7, "C99": 99, "D1": 2, "D2": 4, "D7": 14, "T": 12, "O": 24, "I": 60, "I1": 60, "I3": 60, "I4": 60}
GRID_ORDERS = {"C1": 1, "C3": 1, "C4": 4, "C6": 2, "D2": 4, "D4": 8, "D7": 2, "T": 1, "O": 24, "I": 12, "I3": 2}


def place_in(rotations: np.ndarray, group: np.ndarray) -> np.ndarray:
    """Return which element of ``group`` each rotation is; fail unless one is equal to 1e-12."""
    distance = np.abs(rotations[:, None] - group[None]).max(axis=(2, 3))
    assert distance.min(axis=1).max() < 1e-12
    return distance.argmin(axis=1)


@pytest.mark.parametrize("name", ORDERS)
def test_they_are_groups_of_rotations(name):
    g = parse_symmetry(name).rotations
    assert g.shape == (ORDERS[name], 3, 3)
    np.testing.assert_array_equal(g[0], np.eye(3))
    np.testing.assert_allclose(g @ np.swapaxes(g, 1, 2), np.broadcast_to(np.eye(3), g.shape), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(g), 1, atol=1e-12)
    assert len(set(place_in(g, g))) == len(g)  # none stands twice
    assert len(set(place_in(np.swapaxes(g, 1, 2), g))) == len(g)  # inverses
    for element in g:  # closure: every row of the table of products is a permutation
        assert len(set(place_in(element @ g, g))) == len(g)


@pytest.mark.parametrize("name", GRID_ORDERS)
def test_elements_are_products_of_a_coset_and_a_grid_rotation(name):
    group = parse_symmetry(name)
    on_grid = group.grid_rotations
    assert len(on_grid) == GRID_ORDERS[name]
    assert set(np.unique(on_grid)) <= {-1.0, 0.0, 1.0}  # exactly
    products = (group.coset_rotations[:, None] @ on_grid).reshape(-1, 3, 3)
    assert len(products) == len(group) == len(set(place_in(products, group.rotations)))


@pytest.mark.parametrize(("text", "name"), [(" d7 ", "D7"), ("c1", "C1"), ("i", "I"), ("I2", "I"), ("i1", "I1"), ("o", "O"), ("i3", "I3")])
def test_names_are_read_as_people_write_them(text, name):
    assert parse_symmetry(text).name == name


@pytest.mark.parametrize("text", ["", "C", "C0", "D", "C100", "C-2", "D04", "S4", "I5", "Oh", "C2v", "4"])
def test_other_names_are_refused(text):
    with pytest.raises(InputError, match="wanted C1 to C99"):
        parse_symmetry(text)


# an element of each that relion_refine --print_symmetry_ops of RELION 3.1.3 gives; both have a five-fold axis along z
OF_RELION = {
    "I3": [[0.67082, -0.16246, 0.72361], [0.68819, 0.5, -0.52573], [-0.27639, 0.85065, 0.44721]],
    "I4": [[0.6382, -0.26287, 0.72361], [0.26287, -0.80902, -0.52573], [0.72361, 0.52573, -0.44721]],
}


@pytest.mark.parametrize("name", OF_RELION)
def test_other_icosahedral_settings_are_those_of_relion(name):
    group = parse_symmetry(name).rotations
    for element in (np.array(OF_RELION[name]), rotvec_to_matrix([0, 0, np.deg2rad(72)])):
        assert np.abs(group - element).max(axis=(1, 2)).min() < 1e-5


@pytest.mark.parametrize("name", ["C1", "C4", "C7", "D2", "D3", "T", "O", "I", "I4"])
def test_all_mates_of_a_pose_have_one_representative(name):
    group, poses = parse_symmetry(name), random_rotations(200, np.random.default_rng(1))
    chosen = reduce_to_asymmetric_unit(poses, group)
    place_in(np.swapaxes(poses, 1, 2)[:5] @ chosen[:5], group.rotations)  # it is a mate
    mates = expand_poses(poses, group.rotations)
    np.testing.assert_allclose(reduce_to_asymmetric_unit(mates, group), np.tile(chosen, (len(group), 1, 1)), atol=1e-12)
    np.testing.assert_array_equal(reduce_to_asymmetric_unit(chosen, group), chosen)
    assert is_in_asymmetric_unit(chosen[:, 2], group).all()


@pytest.mark.parametrize("name", ["C4", "D3", "O", "I"])
def test_views_along_an_axis_have_one_representative_too(name):
    """There all mates look along the same axis, and only their turn about it tells them apart."""
    group = parse_symmetry(name)
    about_z = rotvec_to_matrix(np.outer(np.linspace(-3, 3, 40), [0, 0, 1.0]))
    chosen = reduce_to_asymmetric_unit(about_z, group)
    mates = reduce_to_asymmetric_unit(expand_poses(about_z, group.rotations), group)
    np.testing.assert_allclose(mates, np.tile(chosen, (len(group), 1, 1)), atol=1e-12)


@pytest.mark.parametrize("name", ["C1", "C5", "D2", "T", "O", "I", "I1"])
def test_the_asymmetric_unit_is_that_share_of_all_views(name):
    group = parse_symmetry(name)
    views = random_rotations(20000, np.random.default_rng(2))[:, 2]
    assert is_in_asymmetric_unit(views, group).mean() == pytest.approx(1 / len(group), rel=0.2)
    assert is_in_asymmetric_unit(CENTRAL_VIEW[None], group).all()
    nearness = views @ (group.rotations[1:] @ CENTRAL_VIEW).T
    assert nearness.size == 0 or np.rad2deg(np.arccos((group.rotations[1:] @ CENTRAL_VIEW @ CENTRAL_VIEW).max())) > 10  # on no axis


def test_a_wedge_about_x_for_cyclic_groups_and_its_upper_half_for_dihedral_ones():
    views = random_rotations(2000, np.random.default_rng(3))[:, 2]
    in_wedge = np.abs(np.arctan2(views[:, 1], views[:, 0])) < np.pi / 7
    np.testing.assert_array_equal(is_in_asymmetric_unit(views, parse_symmetry("C7")), in_wedge)
    np.testing.assert_array_equal(is_in_asymmetric_unit(views, parse_symmetry("D7")), in_wedge & (views[:, 2] > 0))


@pytest.mark.parametrize("name", ["C1", "C4", "D7", "T", "I"])
def test_the_nearest_mate_undoes_a_symmetry_operation(name):
    group, rng = parse_symmetry(name), np.random.default_rng(4)
    references = random_rotations(100, rng)
    moved = references @ rotvec_to_matrix(np.deg2rad(2) * rng.standard_normal((100, 3)))
    mates = moved @ group.rotations[rng.integers(len(group), size=100)]
    found = nearest_symmetry_mate(mates, references, group)
    np.testing.assert_allclose(found, moved, atol=1e-12)
    assert rotation_difference_deg(found, references).max() < 12


def test_no_mate_is_nearer_than_the_nearest():
    group, rng = parse_symmetry("O"), np.random.default_rng(5)
    poses, references = random_rotations(50, rng), random_rotations(50, rng)
    angles = [rotation_difference_deg(poses @ g, references) for g in group.rotations]
    np.testing.assert_allclose(rotation_difference_deg(nearest_symmetry_mate(poses, references, group), references), np.min(angles, axis=0))
