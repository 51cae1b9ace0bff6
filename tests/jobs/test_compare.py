"""compare, in a project of a small symmetric particle: what it says of maps, poses, half-sets and parameters."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from triskelion.api import Job, Project
from triskelion.data.particles import Particles, draw_half_sets
from triskelion.data.volume import Mask
from triskelion.errors import InputError
from triskelion.geometry.fulcrum import image_of_point
from triskelion.geometry.rotations import matrix_to_rotvec, rotation_difference_deg, rotvec_to_matrix
from triskelion.geometry.symmetry import parse_symmetry
from triskelion.io.mrc import read_mask, read_volume, write_volume
from triskelion.io.particle_star import read_particles, write_particles
from triskelion.maps.edit import crop_map, rescale_map
from triskelion.runners.base import JobFailed
from triskelion.runners.inline import InlineRunner

SIMULATION = {"n_particles": 80, "box_px": 40, "pixel_size_A": 10.0, "snr": 1.0, "symmetry": "D2", "seed": 4}


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    """J1: particles; J2: their map; J3: their map with symmetry."""
    project = Project.new(tmp_path_factory.mktemp("compare") / "project", runner=InlineRunner(), threads=1)
    particles = project.run("simulate", **SIMULATION)
    project.run("reconstruct", particles=particles)
    project.run("reconstruct", particles=particles, symmetry="D2", seed=3)
    return project


@pytest.fixture(scope="module")
def changed(project) -> Callable[..., Path]:
    """Write the particles of J2 with some columns changed, and return the file."""

    def write(name: str, particles: Particles) -> Path:
        path = project.folder / f"{name}.star"
        write_particles(path, particles)
        return path

    return write


def particles_of(project: Project, job: str = "J2") -> Particles:
    return read_particles(project.job(job).path("particles"))


def log_of(job: Job) -> str:
    return job.log_path.read_text(encoding="utf-8")


def test_two_reconstructions_of_the_same_particles(project):
    job = project.run("compare", first="J2", second="J3")
    summary = job.summary
    assert summary["second_resolution_A"] <= summary["first_resolution_A"] == pytest.approx(project.job("J2").summary["resolution_A"])
    assert 20 <= summary["maps_agree_to_A"] < 40
    assert summary["n_first"] == summary["n_second"] == summary["n_shared"] == 80
    assert summary["angle_median_deg"] < 1e-4 and summary["shift_p90_A"] < 1e-4
    assert summary["n_in_other_half"] == 0 and "all 80 shared particles are in the same ones" in log_of(job)
    assert summary["different_parameters"] == "seed, symmetry" or summary["different_parameters"] == "symmetry, seed"
    assert "symmetry: C1 | D2" in log_of(job)
    different = json.loads((job.folder / "parameters.json").read_text())["different"]
    assert {"name": "symmetry", "first": "C1", "second": "D2"} in different
    assert {path.stem for path in (job.folder / "plots").glob("*.png")} == {"compare_maps", "compare_fsc", "compare_poses"}
    fsc = json.loads((job.folder / "plots" / "compare_fsc.json").read_text())
    assert set(fsc["halves"]) == {"J2", "J3"} and len(fsc["between"]["fsc"]) == 21
    assert summary["second_multiplied_by"] == pytest.approx(1, abs=0.3)


def test_poses_that_were_moved_are_found_as_far_apart(project, changed):
    given, rng = particles_of(project), np.random.default_rng(1)
    turned = rotvec_to_matrix(given["rotvec_rad"]) @ rotvec_to_matrix(np.deg2rad(rng.normal(0, 3, (80, 3))))
    moved = given.with_columns(rotvec_rad=matrix_to_rotvec(turned), shift_A=given["shift_A"] + [3.0, 4.0])
    job = project.run("compare", first="J2", second="J3", second_particles=changed("moved", moved.select(np.arange(79, 9, -1))))
    with np.load(job.folder / "pose_differences.npz") as arrays:
        order = np.searchsorted(given["uid"], arrays["uid"], sorter=(by_uid := np.argsort(given["uid"])))
        wanted = rotation_difference_deg(turned, rotvec_to_matrix(given["rotvec_rad"]))[by_uid[order]]
        np.testing.assert_allclose(arrays["angle_deg"], wanted, atol=1e-4)
        np.testing.assert_allclose(arrays["shift_A"], 5, atol=1e-4)
    assert (job.summary["n_first"], job.summary["n_second"], job.summary["n_shared"]) == (80, 70, 70)
    assert job.summary["angle_median_deg"] == pytest.approx(np.median(wanted), rel=1e-3)


def test_symmetric_mates_are_the_same_pose_and_shifts_are_those_of_the_mask(project, changed):
    given, rng, mask = particles_of(project), np.random.default_rng(2), read_mask(project.job("J1").path("mask_body"))
    mates = parse_symmetry("D2").rotations[rng.integers(4, size=80)]
    rotations = rotvec_to_matrix(given["rotvec_rad"])
    second = changed("mates", given.with_columns(rotvec_rad=matrix_to_rotvec(rotations @ mates)))
    apart = project.run("compare", first="J2", second="J2", second_particles=second)
    assert apart.summary["angle_p90_deg"] > 170
    same = project.run("compare", first="J2", second="J2", second_particles=second, symmetry="D2", mask="J1.mask_body")
    assert same.summary["angle_p90_deg"] < 1e-3 and same.summary["shift_p90_A"] < 1e-3
    turned = rotations @ rotvec_to_matrix([0, 0, 0.1])
    third = changed("turned", given.with_columns(rotvec_rad=matrix_to_rotvec(turned)))
    shifted = project.run("compare", first="J2", second="J2", second_particles=third, mask="J1.mask_body")
    point_A = (mask.center_xyz_px - 20) * 10.0
    there = [image_of_point(poses, given["shift_A"], point_A) for poses in (rotations, turned)]
    assert shifted.summary["shift_median_A"] == pytest.approx(np.median(np.linalg.norm(there[1] - there[0], axis=1)), rel=1e-3, abs=1e-3)
    assert "mask centre" in log_of(shifted)


def test_half_sets_that_differ_are_warned_of(project, changed):
    given = particles_of(project)
    swapped = project.run("compare", first="J2", second="J3", second_particles=changed("swapped", given.with_columns(half_set=1 - given["half_set"])))
    assert any("swapped" in warning for warning in swapped.summary["warnings"])
    redrawn = project.run("compare", first="J2", second="J3", second_particles=changed("redrawn", draw_half_sets(given, 9)))
    assert 20 < redrawn.summary["n_in_other_half"] < 60
    assert any("holds noise of both halves" in warning for warning in redrawn.summary["warnings"])


def test_maps_alone_can_be_compared(project, tmp_path):
    path = tmp_path / "map.mrc"
    volume = read_volume(project.job("J2").path("map"))
    write_volume(path, volume)
    job = project.run("compare", first="J2", second=path)
    assert "no half maps" in log_of(job) and "only jobs have them" in log_of(job)
    assert job.summary["maps_agree_to_A"] == 20 and "n_shared" not in job.summary  # Nyquist
    assert {path.stem for path in (job.folder / "plots").glob("*.png")} == {"compare_maps", "compare_fsc"}


@pytest.mark.parametrize("other", [lambda volume: crop_map(volume, 36), lambda volume: rescale_map(volume, 44)], ids=["cropped", "finer"])
def test_a_map_on_another_grid_is_resampled(project, tmp_path, other):
    path = tmp_path / "other.mrc"
    write_volume(path, other(read_volume(project.job("J2").path("map"))))
    forward, backward = (project.run("compare", first=pair[0], second=pair[1], mask="J1.mask_body") for pair in (("J2", path), (path, "J2")))
    for job in (forward, backward):
        assert job.summary["maps_agree_to_A"] == pytest.approx(20, rel=0.05)
        assert job.summary["second_multiplied_by"] == pytest.approx(1, rel=0.02)
        assert "nothing finer than 20.00 Å is compared" in log_of(job)


def test_a_mask_of_neither_grid_is_refused(project, tmp_path):
    path = tmp_path / "mask.mrc"
    write_volume(path, Mask(np.ones((30, 30, 30)), 10.0))
    with pytest.raises(JobFailed, match="the mask has box 30 px at 10 Å/px"):
        project.run("compare", first="J2", second="J3", mask=path)


def test_a_job_without_particles_and_particles_of_others(project, changed):
    made = project.run("volume_tools", volume="J2", output="map", lowpass_A=40.0)
    job = project.run("compare", first="J2", second=made)
    assert "no particles, so no poses to compare" in log_of(job)
    assert "job_type: reconstruct | volume_tools" in log_of(job)
    given = particles_of(project)
    strangers = project.run("compare", first="J2", second="J3", second_particles=changed("strangers", given.with_columns(uid=np.arange(80))))
    assert strangers.summary["n_shared"] == 0
    assert any("no particle in common" in warning for warning in strangers.summary["warnings"])


def test_an_unknown_symmetry_is_refused(project):
    with pytest.raises((JobFailed, InputError), match="wanted C1 to C99"):
        project.run("compare", first="J2", second="J3", symmetry="X")
