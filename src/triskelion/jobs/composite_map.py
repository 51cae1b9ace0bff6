"""Job: one map from a consensus and focused maps: each domain as its local refinement made it, the consensus elsewhere.

Weights are the soft masks, where they overlap divided by their sum. What a local refinement subtracted from its images is taken from the
consensus, so that nothing is missing at the edge of a mask. Grey scales are matched to the consensus. Half maps are composed in the same way, a
from a and b from b, with one set of weights, scales and moves for both: the FSC between them is that of the composite map. ``source.mrc`` says
from which map most of a voxel comes: 0 the consensus, 1 the first focused map, and so on.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from triskelion.conventions import box_center_px
from triskelion.data.particles import NO_HALF, Particles, join_by_uid
from triskelion.data.volume import Mask, Volume, require_same_grid
from triskelion.errors import InputError
from triskelion.jobs.context import JobContext
from triskelion.jobs.spec import JobParameters, JobType, parameter, slot

if TYPE_CHECKING:
    from triskelion.maps.composite import Focused

REGISTER_A, REGISTER_PX = 20.0, 4.0  # maps are compared at this resolution, or at so many px
HalfMaps = tuple[Volume, Volume]
NOTICED_DEG, NOTICED_A = 1.0, 2.0  # a focused map further from the consensus than this is worth a word


class CompositeMapParameters(JobParameters):
    """What composite_map wants to know."""

    volume: str = slot("volume", title="Consensus", help="A job with half maps of the whole particle.")
    focused: tuple[str, ...] = slot("volume", title="Focused maps", help="Local refinements, one of each domain, of the same half-sets: J8,J12.")
    masks: tuple[str, ...] | None = slot(
        "mask", title="Masks", optional=True, help="Where each focused map is taken; left out, the masks of their refinements."
    )
    mask: str | None = slot("mask", title="FSC mask", optional=True, help="Soft mask of the whole particle, for the FSC.")
    register_maps: bool = parameter(
        False, title="Register", help="Move each focused map rigidly onto the consensus. How far it is from it is measured in any case."
    )
    local_lowpass: bool = parameter(
        False, title="Local low-pass", help="Also save map_local: each voxel low-passed where the half maps stop agreeing about it."
    )


def run(parameters: CompositeMapParameters, context: JobContext) -> None:
    """Read, register, match scales, compose both halves, report."""
    from triskelion.jobs.report_maps import report_half_maps
    from triskelion.maps.composite import compose, match_grey_scale, share_voxels
    from triskelion.resolution.fsc import average_map

    half_a, half_b = (context.read_volume(parameters.volume, name) for name in ("half_a", "half_b"))
    consensus = average_map(half_a, half_b)
    focused = _read_focused(parameters, context, consensus)
    _require_same_halves(context, [parameters.volume, *parameters.focused])
    moved, scales, sources = [], [], []
    for reference, each in zip(parameters.focused, focused, strict=True):
        each, residual = _register(context, reference, each, consensus, parameters.register_maps)
        scale = match_grey_scale(each, consensus)
        context.log(f"{reference}: grey scale times {scale:.3f}")
        moved.append(each)
        scales.append(scale)
        sources.append({"number": len(moved), "map": reference, "scale": scale, **residual})
    shares = share_voxels(moved)
    composed_a, composed_b = (
        Volume(compose(half.array, [each.halves[number] for each in moved], scales, shares), consensus.pixel_size_A)
        for number, half in enumerate((half_a, half_b))
    )
    mask = None if parameters.mask is None else context.read_mask(parameters.mask)
    report_half_maps(context, composed_a, composed_b, mask, parameters.seed, local_lowpass=parameters.local_lowpass)
    context.save_volume(Volume(shares.source.astype(np.float32), consensus.pixel_size_A), "source")
    _compare_inside(context, sources, moved, ((half_a, half_b), (composed_a, composed_b)))
    context.save_json("sources", {"sources": [{"number": 0, "map": parameters.volume}, *sources]})
    _plot(
        context,
        parameters,
        consensus,
        average_map(composed_a, composed_b),
        [factor * each.mask for factor, each in zip(shares.focused, moved, strict=True)],
    )


def _read_focused(parameters: CompositeMapParameters, context: JobContext, consensus: Volume) -> "list[Focused]":
    from triskelion.maps.composite import Focused

    masks = parameters.masks or tuple(reference.partition(".")[0] for reference in parameters.focused)
    if len(masks) != len(parameters.focused):
        raise InputError(f"got {len(masks)} masks for {len(parameters.focused)} focused maps: give one for each, or none")
    found = []
    for reference, mask_reference in zip(parameters.focused, masks, strict=True):
        half_a, half_b = (context.read_volume(reference, name) for name in ("half_a", "half_b"))
        mask = context.read_mask(mask_reference)
        require_same_grid(consensus, half_a, "the consensus", reference)
        require_same_grid(consensus, mask, "the consensus", f"the mask of {reference}")
        without_rest = _is_without_rest(context, reference)
        context.log(f"{reference}: taken inside {mask_reference}" + (", its images are without the rest of the particle" if without_rest else ""))
        found.append(Focused((half_a.array, half_b.array), mask.array, without_rest))
    return found


def _is_without_rest(context: JobContext, reference: str) -> bool:
    """Whether the rest of the particle was subtracted from the images of a focused map, on the fly or before."""
    made_by = context.read_parameters(reference) or {}
    if made_by.get("job_type") == "local_refinement" and made_by.get("background") == "subtract":
        return True
    particles = _read_particles(context, reference)
    return particles is not None and bool(particles.kept_masks)


def _read_particles(context: JobContext, reference: str) -> Particles | None:
    try:
        return context.read_particles(reference.partition(".")[0])
    except InputError:
        return None  # a job without particles: nothing can be compared


def _require_same_halves(context: JobContext, references: list[str]) -> None:
    """Raise InputError where half maps a and b of two jobs were made from different half-sets: composed, each would hold images of both."""
    tables = [(reference, _read_particles(context, reference)) for reference in references]
    known = [(reference, table) for reference, table in tables if table is not None and not (table["half_set"] == NO_HALF).any()]
    for reference, table in known[1:]:
        first, own = join_by_uid(known[0][1], table)
        n_other = int((known[0][1]["half_set"][first] != table["half_set"][own]).sum())
        if n_other:
            raise InputError(
                f"{n_other} of {len(own)} particles of {reference} are in the other half-set in {known[0][0]}: half maps composed from both would "
                "not be independent; refine the domain with the half-sets of the consensus"
            )


def _register(context: JobContext, reference: str, focused: "Focused", consensus: Volume, is_moved: bool) -> "tuple[Focused, dict[str, float]]":
    """Measure how a focused map lies against the consensus; move both of its half maps where that is wanted."""
    from triskelion.geometry.rotations import rotation_difference_deg
    from triskelion.refine.frames import find_drift, move_map

    pixel_size_A = consensus.pixel_size_A
    resolution_A = max(REGISTER_A, REGISTER_PX * pixel_size_A)
    target = consensus.array * focused.mask if focused.without_rest else consensus.array  # what the focused map holds
    turn, shift = find_drift(target, focused.average, focused.mask, pixel_size_A, resolution_A)
    if np.array_equal(turn, np.eye(3)):  # as it says of maps that cannot be brought onto one another
        context.warn(f"{reference} cannot be laid onto the consensus: at {resolution_A:.0f} Å they hardly have anything in common; check its mask")
    center = Mask(focused.mask, pixel_size_A).center_xyz_px - box_center_px(consensus.box_px)
    turn_deg, shift_A = float(rotation_difference_deg(np.eye(3), turn)), float(np.linalg.norm(turn @ center + shift - center)) * pixel_size_A
    context.log(f"{reference}: lies {turn_deg:.2f}° and {shift_A:.2f} Å from the consensus{', and is moved onto it' if is_moved else ''}")
    residual = {"turn_deg": turn_deg, "shift_A": shift_A}
    if is_moved:
        first, second = focused.halves
        return replace(focused, halves=(move_map(first, turn, shift), move_map(second, turn, shift))), residual
    if turn_deg > NOTICED_DEG or shift_A > NOTICED_A:
        context.warn(f"{reference} lies {turn_deg:.1f}° and {shift_A:.1f} Å from the consensus: look at the seam, or run again with register_maps")
    return focused, residual


def _compare_inside(context: JobContext, sources: list[dict], focused: "list[Focused]", pairs: tuple[HalfMaps, HalfMaps]) -> None:
    """Say what the composite gained inside each mask, and keep it with the sources; ``pairs`` are the half maps of consensus and composite."""
    from triskelion.resolution.curves import finite_or_none
    from triskelion.resolution.fsc import compute_fsc_curves

    for source, each in zip(sources, focused, strict=True):
        mask = Mask(each.mask, pairs[0][0].pixel_size_A)
        resolution = [compute_fsc_curves(half_a, half_b, mask).resolution_A() for half_a, half_b in pairs]
        context.log(f"inside the mask of {source['map']}: {resolution[1]:.2f} Å, the consensus {resolution[0]:.2f} Å (corrected FSC, 0.143)")
        source |= {"consensus_resolution_A": finite_or_none(resolution[0]), "resolution_A": finite_or_none(resolution[1])}


def _plot(context: JobContext, parameters: CompositeMapParameters, consensus: Volume, composite: Volume, parts: list[np.ndarray]) -> None:
    from triskelion.plots.composite_slices import collect_composite_slices

    labels = [f"{number} {reference}" for number, reference in enumerate(parameters.focused, start=1)]
    context.plot("composite_slices", collect_composite_slices(consensus, composite, dict(zip(labels, parts, strict=True))))


JOB = JobType(
    "composite_map",
    "One map from a consensus and focused maps",
    CompositeMapParameters,
    run,
    {"map": "volume", "map_sharp": "volume", "map_local": "volume", "half_a": "volume", "half_b": "volume", "source": "volume"},
)
