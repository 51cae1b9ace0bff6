"""Whole particles refined from nothing but a blurred map, and a domain refined from what comes out."""

import numpy as np
import pytest
from tests.end_to_end.chain import PIXEL_SIZE_A, Chain

from triskelion.api import Job
from triskelion.conventions import corner_px_to_centered_A
from triskelion.io.mrc import read_mask
from triskelion.io.particle_star import read_particles
from triskelion.simulate.scoring import score_poses


@pytest.fixture(scope="module")
def whole(plain: Chain) -> Job:
    quick = {"max_iterations": 1, "restart_audit": False}  # the global search; one iteration more takes as long again
    return plain.project.run("nonuniform_refinement", particles=plain.imported, volume=plain.consensus, **quick)


def body_error(chain: Chain, job: Job) -> dict[str, float]:
    center_A = corner_px_to_centered_A(read_mask(chain.simulated.path("mask_body")).center_xyz_px, job.summary["box_px"], PIXEL_SIZE_A)
    truth = read_particles(chain.simulated.path("truth_body"))
    return score_poses(read_particles(job.path("particles")), truth, center_A).figures


def test_the_body_is_found_without_poses(plain, whole):
    found, given = body_error(plain, whole), body_error(plain, plain.imported)
    assert found["over_8deg_percent"] < 3
    assert found["angle_median_deg"] < 2 * given["angle_median_deg"]


def test_a_domain_is_refined_from_what_comes_out(plain, whole):
    """Its half maps are those of the half-sets, its mask is a mask, and the head hinges on the new poses."""
    head = plain.refine(particles=whole, volume=whole)
    assert not any("half maps do not seem" in warning for warning in head.summary["warnings"])
    error = plain.pose_error(head.path("particles"))
    assert error["angle_median_deg"] < 1.25 * plain.pose_error(plain.refined.path("particles"))["angle_median_deg"]
    table, consensus = read_particles(head.path("particles")), read_particles(whole.path("particles"))
    np.testing.assert_array_equal(table["uid"], consensus["uid"])
