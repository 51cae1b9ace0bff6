"""Atomic models: PDB and mmCIF."""

import os
from dataclasses import dataclass

import gemmi
import numpy as np

from triskelion.errors import DataError


@dataclass(frozen=True)
class Atoms:
    """Atoms of a model.

    Attributes
    ----------
    coordinates_A : ndarray, float64, shape (n, 3)
        (x, y, z).
    electrons : ndarray, float64, shape (n,)
        Atomic number times occupancy: what an atom weighs in a density.
    chains : ndarray of str, shape (n,)
    """

    coordinates_A: np.ndarray
    electrons: np.ndarray
    chains: np.ndarray


def read_atoms(path: str | os.PathLike) -> Atoms:
    """Read the first model of a PDB or mmCIF file (also packed with gzip), without waters.

    Raises
    ------
    DataError
        The file cannot be read or holds no atoms.
    """
    try:
        structure = gemmi.read_structure(str(path))
    except (OSError, RuntimeError, ValueError) as error:
        raise DataError(f"cannot read the atomic model {path}: {error}") from error
    structure.remove_waters()
    found = [(chain.name, atom) for chain in (structure[0] if len(structure) else ()) for residue in chain for atom in residue]
    if not found:
        raise DataError(f"{path} holds no atoms: give a PDB or mmCIF file of a model")
    return Atoms(
        coordinates_A=np.array([atom.pos.tolist() for _, atom in found]),
        electrons=np.array([atom.element.atomic_number * atom.occ for _, atom in found]),
        chains=np.array([chain for chain, _ in found]),
    )
