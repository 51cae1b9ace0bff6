"""A particle made of rigid domains: scattering points, the domain each belongs to, and the points about which domains hinge."""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import KDTree

from triskelion.errors import InputError

ATOM_B_FACTOR_A2 = 80.0
CONTACT_SHARE = 200 / 78509  # share of all points that defines a contact: 200 atoms of the tri-snRNP


@dataclass(frozen=True)
class Assembly:
    """Points that scatter, grouped into domains.

    Attributes
    ----------
    coordinates_A : ndarray, float64, shape (n, 3)
        (x, y, z) from the box centre; their mean is 0.
    weights : ndarray, float64, shape (n,)
        Scattering power of each point (electrons).
    domain_index : ndarray, int64, shape (n,)
        Place of the point's domain in ``domains``.
    domains : tuple of str
        Names; the first is the body, to which the others are hinged.
    fulcra_A : ndarray, float64, shape (n_domains, 3)
        Where each domain touches the body; the body's own is the origin.
    b_factor_A2 : float
        Every point is a Gaussian blob whose amplitude falls off as exp(-B f² / 4).
    """

    coordinates_A: np.ndarray
    weights: np.ndarray
    domain_index: np.ndarray
    domains: tuple[str, ...]
    fulcra_A: np.ndarray
    b_factor_A2: float = ATOM_B_FACTOR_A2

    def rows_of_domain(self, domain: str) -> np.ndarray:
        """Return the row numbers of the points of ``domain``."""
        return np.flatnonzero(self.domain_index == self.domains.index(domain))


def build_assembly(
    coordinates_A: np.ndarray, weights: np.ndarray, labels: np.ndarray, *, body: str = "body", b_factor_A2: float = ATOM_B_FACTOR_A2
) -> Assembly:
    """Centre the points on their mean and find where every domain touches the body.

    Parameters
    ----------
    coordinates_A : ndarray, shape (n, 3)
    weights : ndarray, shape (n,)
    labels : ndarray of str, shape (n,)
        Name of each point's domain.
    body : str
        Name of the domain that the others are hinged to.
    b_factor_A2 : float
        Of every point.

    Raises
    ------
    InputError
        When no point belongs to the body.
    """
    labels = np.asarray(labels)
    if not (labels == body).any():
        raise InputError(f"no atom is left for the domain {body!r}: leave it some chains")
    domains = (body, *(str(name) for name in dict.fromkeys(labels.tolist()) if name != body))
    domain_index = np.array([domains.index(label) for label in labels.tolist()], dtype=np.int64)
    coordinates = np.asarray(coordinates_A, dtype=np.float64)
    coordinates = coordinates - coordinates.mean(axis=0)
    n_contact = max(5, round(CONTACT_SHARE * len(coordinates)))
    fulcra = np.zeros((len(domains), 3))
    for index in range(1, len(domains)):
        fulcra[index] = find_contact(coordinates[domain_index == index], coordinates[domain_index == 0], n_contact)
    return Assembly(coordinates, np.asarray(weights, dtype=np.float64), domain_index, domains, fulcra, b_factor_A2)


def find_contact(domain_A: np.ndarray, body_A: np.ndarray, n_contact: int) -> np.ndarray:
    """Return the mean (3,) of the ``n_contact`` points of the domain (n, 3) that lie nearest to the body (m, 3)."""
    distance_A, _ = KDTree(body_A).query(domain_A)
    return domain_A[np.argsort(distance_A, kind="stable")[:n_contact]].mean(axis=0)
