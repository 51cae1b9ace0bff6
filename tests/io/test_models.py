"""Atoms out of model files."""

import numpy as np
import pytest

from triskelion.errors import DataError
from triskelion.io.models import read_atoms

PDB = """\
ATOM      1  N   GLY A   1      11.000  12.000  13.000  1.00 10.00           N
ATOM      2  CA  GLY A   1       1.500  -2.500   3.000  0.50 10.00           C
ATOM      3  P    DA B   1       0.000   0.000   0.000  1.00 10.00           P
HETATM    4  O   HOH B   2       9.000   9.000   9.000  1.00 10.00           O
END
"""


def test_atoms_of_a_pdb_file(tmp_path):
    (tmp_path / "model.pdb").write_text(PDB)
    atoms = read_atoms(tmp_path / "model.pdb")
    np.testing.assert_allclose(atoms.coordinates_A, [[11, 12, 13], [1.5, -2.5, 3], [0, 0, 0]])
    np.testing.assert_allclose(atoms.electrons, [7, 3, 15])
    assert atoms.chains.tolist() == ["A", "A", "B"]


def test_files_without_atoms_are_named(tmp_path):
    (tmp_path / "empty.pdb").write_text("END\n")
    with pytest.raises(DataError, match=r"empty\.pdb holds no atoms"):
        read_atoms(tmp_path / "empty.pdb")
    with pytest.raises(DataError, match=r"nowhere\.cif"):
        read_atoms(tmp_path / "nowhere.cif")
