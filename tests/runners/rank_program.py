"""A whole local refinement of a small scene; as a program, that of a rank which the environment names.

Given a path, the first rank leaves there what it has found.
"""

import sys
from dataclasses import replace

import numpy as np
from tests.refine.scene import SETTINGS, make_means, make_scene

from triskelion.ranks import Ranks
from triskelion.refine.audit import audit_restarts
from triskelion.refine.calibration import calibrate_posterior
from triskelion.refine.local import LocalRefinement
from triskelion.refine.rest import refine_rest
from triskelion.refine.shared import SharedRecord
from triskelion.refine.spread import measure_spread
from triskelion.runners.distributed import join_ranks

N, NOISE_SD = 80, 0.4


def refine(ranks: Ranks) -> dict[str, np.ndarray]:
    """The rest first, contrast, the head, its posteriors, half maps and audit, as the job does it."""
    scene, means = make_scene(N, NOISE_SD), make_means(SharedRecord(ranks=ranks))
    inputs = scene.inputs(replace(SETTINGS, particle_scale=True))
    inputs = replace(inputs, start=refine_rest(inputs, means))
    still = LocalRefinement(replace(inputs, settings=replace(inputs.settings, rotation_extent_deg=0.0, shift_extent_A=0.0)), means, "still")
    refinement = LocalRefinement(inputs, means)
    *_, result = refinement.iterate()
    result = measure_spread(refinement, result)
    found = calibrate_posterior(refinement, result.covariance)
    result = refinement.join_halves(found.widen_result(result))
    half_a, half_b = refinement.final_half_maps(result)
    audit = audit_restarts(refinement, n_starts=2)
    return {
        "rest_rotations": inputs.start.consensus_rotations,
        "rest_half_a": inputs.start.half_maps[0],
        "still_half_b": still.run_iteration().half_maps[1],
        "rotations": result.rotations,
        "shifts_px": result.shifts_px,
        "covariance": result.covariance,
        "sigma2": result.sigma2,
        "log_posterior": result.log_posterior,
        "factors": np.array([found.rotation, found.position]),
        "half_a": half_a,
        "half_b": half_b,
        "audited": np.array([audit.n_particles, audit.better_share]),
        "cloud": refinement.state()["cloud_rotations"],
    }


if __name__ == "__main__":
    with join_ranks() as ranks:
        arrays = refine(ranks)
        if ranks.rank == 0 and len(sys.argv) > 1:
            np.savez(sys.argv[1], **arrays)
