"""Controls of a local refinement: the same run without the domain or on noise alone, the comparison with it, and the restart audit."""

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from triskelion.conventions import resolution_to_shell
from triskelion.errors import InputError
from triskelion.jobs.context import JobContext

if TYPE_CHECKING:
    from triskelion.imaging.stream import ImageStream
    from triskelion.refine.local import LocalRefinement
    from triskelion.refine.state import Inputs
    from triskelion.resolution.curves import FscCurves

STUCK_SHARE = 0.1  # of particles for which a random start finds a better pose
WHAT = {"empty_domain": "images without the domain", "noise": "noise alone"}


def make_control(kind: str, refined: str | None, context: JobContext, inputs: "Inputs") -> "Inputs":
    """Change the images into those of a control experiment; ``none`` leaves them as they are.

    Raises
    ------
    InputError
        The domain is to be taken out, and no job says where it is.
    """
    from triskelion.imaging.controls import pure_noise
    from triskelion.imaging.noise import SAMPLE, image_noise
    from triskelion.imaging.stream import spread_rows

    if kind == "none":
        return inputs
    if kind == "noise":
        rows = spread_rows(np.arange(len(inputs.images)), inputs.start.uid, SAMPLE)
        return replace(inputs, images=pure_noise(inputs.images, image_noise(inputs.images, rows), inputs.settings.seed))
    if refined is None:
        raise InputError("the control empty_domain takes a refined domain out of the images: give its local refinement with refined=J8")
    context.log(f"control: the domain is taken out of the images where {refined} found it")
    return replace(inputs, images=_without_domain(context, refined, inputs))


def _without_domain(context: JobContext, refined: str, inputs: "Inputs") -> "ImageStream":
    """Subtract the domain as ``refined`` has it: its own half maps, filtered, at its poses."""
    from triskelion.data.volume import Mask
    from triskelion.fourier.slices import prepare_slices
    from triskelion.geometry.rotations import rotvec_to_matrix
    from triskelion.imaging.controls import without_domain
    from triskelion.jobs.read_domain import match_particles
    from triskelion.kernels import cpu
    from triskelion.refine.reference import filter_map, wiener_gain
    from triskelion.resolution.fsc import compute_fsc_curves

    grid, mask = inputs.images.grid, inputs.domain.mask
    half_a, half_b = (context.read_volume(refined, name) for name in ("half_a", "half_b"))
    gain = wiener_gain(compute_fsc_curves(half_a, half_b, Mask(mask, half_a.pixel_size_A), inputs.settings.seed))
    last_shell = int(inputs.images.disc.shell[-1])
    volume_a, volume_b = (prepare_slices(filter_map(half.array, gain) * mask, last_shell) for half in (half_a, half_b))
    found = match_particles(context.read_particles(refined), inputs.images.particles)
    poses = rotvec_to_matrix(found["rotvec_rad"]), found["shift_A"] / grid.pixel_size_A
    return without_domain(inputs.images, (volume_a, volume_b), poses, cpu)


def compare_with_refined(context: JobContext, refined: str, curves: "FscCurves", kind: str) -> None:
    """Say by how many shells a refinement is better than this control: one at least is evidence for its map."""
    from triskelion.resolution.curves import finite_or_none
    from triskelion.resolution.fsc import compute_fsc_curves

    half_a, half_b = (context.read_volume(refined, name) for name in ("half_a", "half_b"))
    theirs = compute_fsc_curves(half_a, half_b, context.read_mask(refined))
    ours_A, theirs_A = curves.resolution_A(), theirs.resolution_A()
    shells = [0.0 if math.isinf(value) else resolution_to_shell(value, curves.box_px, curves.pixel_size_A) for value in (ours_A, theirs_A)]
    better = shells[1] - shells[0]
    of_what = WHAT.get(kind, "this control")
    context.log(f"{refined} reaches {theirs_A:.2f} Å, the same on {of_what} {ours_A:.2f} Å: {better:.1f} shells better")
    context.summarize(control=kind, refined=refined, refined_resolution_A=finite_or_none(theirs_A), evidence_shells=better)
    if better < 1:
        context.warn(f"no evidence: {refined} is not better than the same run on {of_what} by at least one shell ({theirs_A:.2f} and {ours_A:.2f} Å)")


def report_audit(context: JobContext, refinement: "LocalRefinement") -> None:
    """Align a share of the particles again from random poses; warn where that finds better ones."""
    from triskelion.refine.audit import BETTER_NAT, audit_restarts

    audit = audit_restarts(refinement)
    context.log(
        f"restart audit: for {100 * audit.better_share:.1f} % of {audit.n_particles} particles a random start found more than {BETTER_NAT:g} nat more"
    )
    context.summarize(restart_better_share=audit.better_share, restart_particles=audit.n_particles)
    if audit.better_share > STUCK_SHARE:
        context.warn(
            f"restart audit: for {100 * audit.better_share:.0f} % of the particles random starts inside the extents find better poses: "
            "the search stopped in wrong places; run more iterations, or narrow the extents"
        )
