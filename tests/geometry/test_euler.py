"""RELION's and CryoSPARC's angles against what another program read from the same files."""

import csv
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triskelion.geometry.euler import cryosparc_pose_to_matrix, matrix_to_cryosparc_pose, matrix_to_relion, relion_to_matrix
from triskelion.geometry.rotations import random_rotations


def test_axis_turns_have_relions_sense():
    # rot = 90: the image x axis shows the volume's +y; tilt = 90: the image x axis shows -z, and +x points at the viewer.
    np.testing.assert_allclose(relion_to_matrix([90.0, 0, 0]), [[0, 1, 0], [-1, 0, 0], [0, 0, 1]], atol=1e-15)
    np.testing.assert_allclose(relion_to_matrix([0.0, 90, 0]), [[0, 0, -1], [0, 1, 0], [1, 0, 0]], atol=1e-15)


def test_matrices_return():
    rotations = random_rotations(500, np.random.default_rng(1))
    np.testing.assert_allclose(relion_to_matrix(matrix_to_relion(rotations)), rotations, atol=1e-14)
    np.testing.assert_allclose(cryosparc_pose_to_matrix(matrix_to_cryosparc_pose(rotations)), rotations, atol=1e-14)


@given(st.floats(-180, 180), st.floats(-180, 180), st.sampled_from([0.0, 1e-12, 1e-9, 1e-6, 1e-3, 90.0]), st.booleans())
def test_matrices_return_near_the_poles(rot, psi, tilt, far_pole):
    matrix = relion_to_matrix([rot, 180 - tilt if far_pole else tilt, psi])
    np.testing.assert_allclose(relion_to_matrix(matrix_to_relion(matrix)), matrix, atol=2e-15)


@pytest.mark.parametrize("tilt", [0.0, 180.0])
def test_rot_is_zero_at_the_poles(tilt):
    rot_found, tilt_found, psi_found = matrix_to_relion(relion_to_matrix([20.0, tilt, 50.0]))
    assert (rot_found, tilt_found) == (0.0, tilt)
    assert psi_found == pytest.approx(70.0 if tilt == 0 else 30.0)


def test_angles_return():
    generator = np.random.default_rng(2)
    angles = generator.uniform([-180, 0, -180], [180, 180, 180], (300, 3))
    np.testing.assert_allclose(matrix_to_relion(relion_to_matrix(angles)), angles, atol=1e-10)


def test_relion_angles_as_another_program_read_them(shared_dir):
    formats = shared_dir / "data" / "formats"
    with open(formats / "pose.star.pkl", "rb") as file:
        expected, _ = pickle.load(file)
    lines = (formats / "FinalRefinement-OriginalParticles-PfCRT.star").read_text().splitlines()
    rows = [row for row in csv.reader(lines, delimiter=" ", skipinitialspace=True) if len(row) > 20]
    angles = np.array([[row[1], row[2], row[0]] for row in rows], dtype=float)
    np.testing.assert_allclose(relion_to_matrix(angles), expected, atol=1e-12)


def test_cryosparc_poses_as_another_program_read_them(shared_dir):
    formats = shared_dir / "data" / "formats"
    with open(formats / "pose.cs.pkl", "rb") as file:
        expected, _ = pickle.load(file)
    poses = np.load(formats / "cryosparc_P12_J24_001_particles.cs")["alignments3D/pose"]
    np.testing.assert_allclose(cryosparc_pose_to_matrix(poses), expected, atol=1e-6)
