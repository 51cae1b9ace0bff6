"""The phantom: protein-like, and of the size and shape of the tri-snRNP."""

import numpy as np
import pytest
from scipy.spatial import KDTree

from triskelion.errors import InputError
from triskelion.simulate.assembly import build_assembly, find_contact
from triskelion.simulate.phantom import DOMAINS, build_phantom, helix_template, loop_between, strand_template

# Centre (Å, from the centre of all atoms) and radius of gyration (Å) of the domains of PDB 5NRL, each by whole chain.
TRISNRNP = {
    "body": ((23.0, 3.5, -9.1), 66.1),
    "foot": ((10.9, -104.2, 9.3), 43.6),
    "head": ((-69.9, 50.4, 17.0), 46.8),
    "arm": ((54.4, 107.5, -21.2), 24.7),
}


@pytest.fixture(scope="module")
def phantom():
    return build_phantom()


def test_domains_lie_where_those_of_the_trisnrnp_lie(phantom):
    assert phantom.domains == DOMAINS
    assert len(phantom.weights) == pytest.approx(10_000, rel=0.02)
    for name, (center_A, gyration_A) in TRISNRNP.items():
        points = phantom.coordinates_A[phantom.rows_of_domain(name)]
        assert np.linalg.norm(points.mean(axis=0) - center_A) < 6
        assert np.sqrt(((points - points.mean(axis=0)) ** 2).sum(axis=1).mean()) == pytest.approx(gyration_A, rel=0.06)
    assert np.abs(phantom.coordinates_A.mean(axis=0)).max() < 1e-9


def test_the_same_seed_gives_the_same_phantom():
    first, again, other = build_phantom(1, 1000), build_phantom(1, 1000), build_phantom(2, 1000)
    assert first.coordinates_A.tobytes() == again.coordinates_A.tobytes()
    assert first.weights.tobytes() == again.weights.tobytes()
    assert first.coordinates_A.shape != other.coordinates_A.shape or not np.allclose(first.coordinates_A, other.coordinates_A)


def test_residues_keep_the_distances_of_a_chain():
    for template in (helix_template(30), strand_template(9)):
        assert np.linalg.norm(np.diff(template, axis=0), axis=1) == pytest.approx(3.8, abs=0.05)
    helix = helix_template(19)
    assert helix[18, 2] - helix[0, 2] == pytest.approx(5 * 5.4)  # 18 residues are 5 turns of 5.4 Å
    assert np.linalg.det(np.stack([helix[1] - helix[0], helix[2] - helix[1], helix[3] - helix[2]])) > 0  # right-handed
    assert np.linalg.norm(np.diff(loop_between(np.zeros(3), np.array([0.0, 0, 12])), axis=0), axis=1) == pytest.approx(4.0)


def test_chains_avoid_themselves(phantom):
    distance_A = KDTree(phantom.coordinates_A).query(phantom.coordinates_A, k=2)[0][:, 1]
    assert np.percentile(distance_A, 2) > 2.0
    assert np.median(distance_A) == pytest.approx(3.8, abs=0.1)


def test_power_falls_like_that_of_protein(phantom):
    """Guinier at low frequency; between 15 and 4 Å a plateau about the power of independent residues, far below the power at 50 Å."""
    generator = np.random.default_rng(0)
    directions = generator.standard_normal((60, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    weights = phantom.weights / phantom.weights.sum()
    along = phantom.coordinates_A @ directions.T
    power = lambda f: float(np.mean(np.abs(np.exp(-2j * np.pi * f * along).T @ weights) ** 2))
    gyration2 = float((weights * (phantom.coordinates_A**2).sum(axis=1)).sum())
    assert power(0.001) == pytest.approx(np.exp(-((2 * np.pi * 0.001) ** 2) * gyration2 / 3), rel=0.02)
    independent = float((weights**2).sum())
    plateau = np.array([power(f) for f in np.linspace(1 / 15, 1 / 4, 12)])
    assert (plateau > 0.2 * independent).all() and (plateau < 4 * independent).all()
    assert power(1 / 50) > 4 * plateau.max()


def test_fulcrum_is_where_a_domain_touches_the_body(phantom):
    body = KDTree(phantom.coordinates_A[phantom.rows_of_domain("body")])
    for index, name in enumerate(phantom.domains[1:], 1):
        domain = KDTree(phantom.coordinates_A[phantom.rows_of_domain(name)])
        assert body.query(phantom.fulcra_A[index])[0] < 10 and domain.query(phantom.fulcra_A[index])[0] < 10
    assert (phantom.fulcra_A[0] == 0).all()


def test_contact_is_the_mean_of_the_nearest_points():
    domain = np.array([[3.0, 0, 0], [1, 0, 0], [2, 1, 0], [9, 9, 9]])
    assert find_contact(domain, np.zeros((1, 3)), 2) == pytest.approx([1.5, 0.5, 0])


def test_fulcra_of_the_trisnrnp_are_those_of_the_independent_simulator(shared_dir):
    atoms = np.load(shared_dir / "data" / "trisnrnp_5nrl" / "trisnrnp_from_5nrl.npz")
    assembly = build_assembly(atoms["coords"], np.ones(len(atoms["domain"])), atoms["domain"])
    expected = {"foot": (-4.7, -66.7, 1.1), "head": (-51.3, 31.4, 12.2), "arm": (51.8, 109.1, -11.3)}
    for name, fulcrum_A in expected.items():
        assert assembly.fulcra_A[assembly.domains.index(name)] == pytest.approx(fulcrum_A, abs=0.06)


def test_an_assembly_needs_a_body():
    with pytest.raises(InputError, match="body"):
        build_assembly(np.zeros((3, 3)), np.ones(3), np.array(["head"] * 3))
