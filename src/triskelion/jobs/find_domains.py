"""Job: rigid domains proposed from one consensus map, each with mask, fulcrum and predicted alignability.

The map is cut into regions (watershed, scale space with 8 Å), and its local resolution measured from the half maps. What moves against the rest is
blurred: the best resolved large connected part is the body, and the other regions make domains where they hang together by more than necks.

Errors of the poses blur a map too, and most where it is far from the centre. So where particles are given the body is refined on all of them, and
the map that its poses give is looked at again: what turns with the body is now as sharp as the body, and what is still blurred moves.

Each domain gets a soft mask (`mask_1`, the largest, `mask_2` ...), a fulcrum at its interface with the body and, where particles are given, what
`predict` says of its poses. The regions are kept in `segmentation`, the domains as its named groups: `triskelion regions J5` ungroups and regroups
them, and `mask_base` makes a mask of what was changed.
"""

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from pydantic import ConfigDict

from triskelion.jobs.context import JobContext
from triskelion.jobs.lengths import parse_length_px
from triskelion.jobs.local_resolution import report_local_resolution
from triskelion.jobs.report_segmentation import report_segmentation
from triskelion.jobs.spec import JobParameters, JobType, SlotKind, parameter, slot

if TYPE_CHECKING:
    from triskelion.data.particles import Particles
    from triskelion.data.segmentation import Segmentation
    from triskelion.data.volume import Mask, Volume
    from triskelion.masks.contact import Contact
    from triskelion.refine.domains import RigidDomains
    from triskelion.refine.predict import Prediction
    from triskelion.refine.state import Settings

GAUSSIAN_A, GAUSSIAN_PX = 2.0, 1.5  # as segment_map
GROUPING_STEPS, STEP_A = 4, 2.0
LEAST_REGION_A3 = 1000.0
THRESHOLD = 0.5  # of the local FSC
MOST_DOMAINS = 12
VERDICTS = {"alignable": "can be aligned", "barely": "can barely be aligned", "not": "cannot be aligned"}
OUTPUTS: dict[str, SlotKind] = {
    **{f"mask_{number}": "mask" for number in range(1, MOST_DOMAINS + 1)},
    "mask_body": "mask",
    "segmentation": "segmentation",
    "local_resolution": "volume",
}


class FindDomainsParameters(JobParameters):
    """What find_domains wants to know."""

    model_config = ConfigDict(coerce_numbers_to_str=True)  # dilation_px=2

    volume: str = slot("volume", title="Volume", help="A job with map and half maps of the whole particle.")
    particles: str | None = slot(
        "particles", title="Particles", optional=True, help="Those of the map: then the pose errors that each domain can reach are predicted."
    )
    threshold: float | None = parameter(None, title="Threshold", help="Density level that regions reach. Left out: chosen from the noise.")
    dilation_px: str = parameter("8A", title="Dilation", unit="px", help="Grow each mask by this distance; 8A is read as Å.")
    soft_padding_px: str = parameter("24A", title="Soft padding", unit="px", help="Width of the cosine edge outside; 24A is read as Å.")
    rotation_extent_deg: float = parameter(30.0, title="Rotation extent", unit="°", gt=0, le=180, help="Of the refinements that are planned.")
    shift_extent_A: float = parameter(10.0, title="Shift extent", unit="Å", gt=0, le=200, help="Of the refinements that are planned.")
    background_poses: Literal["refine", "consensus"] = parameter(
        "refine",
        title="Background poses",
        help="Refine the body first, as local_refinement does, on all particles, and look at the map that its poses give; or keep the poses that the "
        "particles have, which is faster, and takes parts for domains that errors of these poses blur.",
    )
    n_particles: int = parameter(200, title="Particles to look at", ge=20, le=10000, help="Drawn at random, for the prediction.")


class Part(NamedTuple):
    """One part of the particle, the body or a domain; ``contact`` is its interface with the body, where the fulcrum is put."""

    name: str
    node: int
    voxels: np.ndarray
    mask: "Mask"
    resolution_A: float
    excess: float
    contact: "Contact | None"


class Look(NamedTuple):
    """What one map shows: the map, what was segmented, local resolution, and the parts, the body first."""

    volume: "Volume"
    halves: "tuple[Volume, Volume]"
    blurred: "Volume"
    particle: "Mask"
    resolution: "Volume"
    found: "RigidDomains"
    parts: list[Part]

    @property
    def n_voxels(self) -> int:
        """Inside regions, before small ones were left out."""
        return int((self.blurred.array >= self.found.segmentation.level).sum())


def run(parameters: FindDomainsParameters, context: JobContext) -> None:
    """Segment, measure local resolution, find domains, predict, report."""
    from triskelion.devices import set_threads
    from triskelion.refine.state import Settings

    set_threads(context.threads)
    half_a, half_b, volume = (context.read_volume(parameters.volume, name) for name in ("half_a", "half_b", "map"))
    look, particles = _look(parameters, context, volume, (half_a, half_b)), None
    settings = Settings(rotation_extent_deg=parameters.rotation_extent_deg, shift_extent_A=parameters.shift_extent_A, seed=parameters.seed)
    if parameters.particles is not None and len(look.parts) > 1:
        particles = context.read_particles(parameters.particles)
        if parameters.background_poses == "refine":
            particles, look = _look_again(parameters, context, particles, look, settings)
    if len(look.parts) == 1:
        context.warn("no part of the particle is blurred more than the rest: nothing here tells of domains that move")
    report_segmentation(look.found.segmentation, look.blurred, context)
    report_local_resolution(context, look.resolution, look.volume, look.particle, THRESHOLD)
    _report(parameters, context, look.parts, _predict_all(parameters, context, look, particles, settings), look.blurred)
    context.summarize(gaussian_A=_gaussian_A(volume), box_px=volume.box_px, pixel_size_A=volume.pixel_size_A)


def _look(
    parameters: FindDomainsParameters, context: JobContext, volume: "Volume", halves: "tuple[Volume, Volume]", n_voxels: int | None = None
) -> Look:
    """Find domains in a map; ``n_voxels`` are to be inside regions, where the person's threshold is of another map."""
    from triskelion.maps.edit import blur_map
    from triskelion.masks.automatic import particle_mask
    from triskelion.refine.domains import find_rigid_domains
    from triskelion.resolution.local import measure_local_resolution

    blurred, *blurred_halves = (blur_map(each, _gaussian_A(volume)) for each in (volume, *halves))
    threshold = parameters.threshold
    if threshold is not None and n_voxels:
        threshold = float(np.partition(blurred.array, -n_voxels, axis=None)[-n_voxels])
    segmentation = _segment(context, blurred, blurred_halves, threshold)
    particle = particle_mask(volume)
    resolution = measure_local_resolution(*halves, particle, THRESHOLD)
    found = find_rigid_domains(segmentation, resolution)
    parts = [_cut_part(parameters, found, index) for index in range(min(len(found.nodes), MOST_DOMAINS + 1))]
    return Look(volume, halves, blurred, particle, resolution, found, parts)


def _look_again(
    parameters: FindDomainsParameters, context: JobContext, particles: "Particles", look: Look, settings: "Settings"
) -> "tuple[Particles, Look]":
    """Refine the body on all particles; return them at its poses, and what the map that these give shows."""
    from triskelion.jobs.read_domain import make_inputs
    from triskelion.jobs.rest_first import refine_rest_first
    from triskelion.refine.domain import Domain
    from triskelion.refine.shared import SharedRecord
    from triskelion.resolution.fsc import average_map

    body, *domains = look.parts
    context.log(f"at the poses as they are: body at {body.resolution_A:.1f} Å, {len(domains)} parts at {_list_resolutions(domains)} Å")
    everything_else = Domain.of_mask(_unite([part.mask for part in domains]), body.mask.center_xyz_px)
    inputs = make_inputs(context, particles, look.halves, everything_else, settings, SharedRecord())
    particles, halves = refine_rest_first(context, particles, inputs)
    again = _look(parameters, context, average_map(*halves), halves, look.n_voxels)
    body, *domains = again.parts
    if not domains:
        context.log(f"with the body refined all is as sharp as it ({body.resolution_A:.1f} Å): only errors of the poses have blurred these parts")
    return particles, again


def _list_resolutions(parts: list[Part]) -> str:
    return ", ".join(f"{part.resolution_A:.1f}" for part in parts)


def _gaussian_A(volume: "Volume") -> float:
    return max(GAUSSIAN_A, GAUSSIAN_PX * volume.pixel_size_A)


def _segment(context: JobContext, blurred: "Volume", halves: "list[Volume]", threshold: float | None) -> "Segmentation":
    from triskelion.masks import density_level
    from triskelion.masks.scale_space import group_regions
    from triskelion.masks.segment import find_watershed_regions
    from triskelion.masks.small_regions import join_small_regions, least_voxels

    solvent = density_level.measure_solvent(blurred.array)
    noise = density_level.measure_half_map_noise(halves[0].array, halves[1].array)
    solvent = density_level.Solvent(solvent.mean, max(solvent.sd, noise))
    level = density_level.choose_level(blurred.array, solvent) if threshold is None else threshold
    warning = density_level.noise_warning(level, solvent)
    if warning is not None:
        context.warn(warning)
    regions = find_watershed_regions(blurred, level)
    grouped = group_regions(regions, blurred, GROUPING_STEPS, STEP_A / blurred.pixel_size_A)
    return join_small_regions(grouped, least_voxels(blurred.pixel_size_A, 1, LEAST_REGION_A3))


def _cut_part(parameters: FindDomainsParameters, found: "RigidDomains", index: int) -> Part:
    """Return the body (index 0) or a domain with its soft mask and its interface with the body."""
    from triskelion.data.volume import Mask
    from triskelion.masks.contact import find_contact
    from triskelion.masks.dilate import dilate
    from triskelion.masks.soft_edge import soft_edge

    node, pixel_size_A = found.nodes[index], found.segmentation.pixel_size_A
    voxels = found.voxels_of(node)
    grown = dilate(voxels, parse_length_px(parameters.dilation_px, pixel_size_A, "dilation_px"))
    mask = Mask(soft_edge(grown, parse_length_px(parameters.soft_padding_px, pixel_size_A, "soft_padding_px")), pixel_size_A)
    contact = find_contact(voxels, found.voxels_of(found.nodes[0])) if index else None
    return Part(found.segmentation.names[node], node, voxels, mask, float(found.resolution_A[index]), float(found.excess[index]), contact)


def _predict_all(
    parameters: FindDomainsParameters, context: JobContext, look: Look, particles: "Particles | None", settings: "Settings"
) -> "list[Prediction | None]":
    """Predict the pose errors of each domain; None where there are no particles."""
    from triskelion.data.images import MemoryStore
    from triskelion.jobs.predict import draw_particles
    from triskelion.jobs.read_domain import make_inputs
    from triskelion.kernels import cpu
    from triskelion.refine.domain import Domain
    from triskelion.refine.predict import predict_pose_errors
    from triskelion.refine.shared import SharedRecord
    from triskelion.refine.state import Means

    domains = look.parts[1:]
    if particles is None or not domains:
        return [None] * len(domains)
    drawn = draw_particles(particles, parameters.n_particles, parameters.seed)
    predictions: list[Prediction | None] = []
    with context.progress(len(domains), "predict pose errors") as bar:
        for part in domains:
            shared = SharedRecord()
            inputs = make_inputs(context, drawn, look.halves, Domain.of_mask(part.mask, _fulcrum_of(part)), settings, shared)
            predictions.append(predict_pose_errors(inputs, Means(cpu, shared, MemoryStore())))
            bar.advance()
    return predictions


def _unite(masks: "list[Mask]") -> "Mask":
    from triskelion.data.volume import Mask

    return Mask(np.max([mask.array for mask in masks], axis=0), masks[0].pixel_size_A)


def _fulcrum_of(part: Part) -> np.ndarray:
    return part.mask.center_xyz_px if part.contact is None else part.contact.center_xyz_px


def _report(
    parameters: FindDomainsParameters, context: JobContext, parts: list[Part], predictions: "list[Prediction | None]", blurred: "Volume"
) -> None:
    """Save masks and domains.json; say what was found, and what to do next."""
    from triskelion.plots.domains import collect_domains
    from triskelion.refine.domains import SURE_EXCESS

    body, domains = parts[0], parts[1:]
    context.save_volume(body.mask, "mask_body")
    rows, lines = [], [f"body: {_describe(body, blurred.pixel_size_A)}"]
    for number, (part, prediction) in enumerate(zip(domains, predictions, strict=True), 1):
        context.save_volume(part.mask, f"mask_{number}")
        row = _make_row(f"mask_{number}", part, prediction, blurred.pixel_size_A)
        rows.append(row)
        blur = f"{part.excess:.2f} x expected"
        lines.append(f"{number}: {_describe(part, blurred.pixel_size_A)} ({blur}); fulcrum {row['fulcrum']} px{_say_prediction(row)}")
    for line in lines:
        context.log(line)
    doubtful = [str(number) for number, part in enumerate(domains, 1) if part.excess < SURE_EXCESS]
    if doubtful:
        context.warn(f"domains that errors of the orientations alone may blur, so that they need not move: {', '.join(doubtful)}")
    for row in rows if parameters.particles is not None else []:
        context.log(
            f"to refine {row['name']}: triskelion run local_refinement --particles {parameters.particles} --volume {parameters.volume} "
            f"--mask {context.folder.name}.{row['mask']} --fulcrum {row['fulcrum']}"
        )
    body_row = {"name": body.name, "mask": "mask_body", "node": body.node, "resolution_A": body.resolution_A}
    context.save_json("domains", {"body": body_row, "domains": rows})
    context.plot("domains", collect_domains([part.voxels for part in parts], blurred, [_fulcrum_of(part) for part in domains], lines))
    context.summarize(n_domains=len(domains), domains=rows)


def _describe(part: Part, pixel_size_A: float) -> str:
    return f"{part.voxels.sum() * pixel_size_A**3 / 1000:.0f} nm³ at {part.resolution_A:.1f} Å"


def _make_row(mask: str, part: Part, prediction: "Prediction | None", pixel_size_A: float) -> dict[str, Any]:
    from triskelion.jobs.predict import list_expected, list_rehearsed

    fulcrum = _fulcrum_of(part)
    row = {
        "name": part.name,
        "mask": mask,
        "node": part.node,
        "n_voxels": int(part.voxels.sum()),
        "resolution_A": part.resolution_A,
        "excess": part.excess,
        "fulcrum": ",".join(f"{value:.1f}" for value in fulcrum),
        "fulcrum_xyz_px": fulcrum.tolist(),
        "gap_A": part.contact.gap_px * pixel_size_A if part.contact is not None else 0.0,
    }
    if prediction is None:
        return row
    expected = {name: list_expected(getattr(prediction, name), pixel_size_A) for name in ("as_it_is", "as_the_rest")}
    return {**row, "verdict": prediction.verdict, **list_rehearsed(prediction.rehearsed, pixel_size_A), **expected}


def _say_prediction(row: dict[str, Any]) -> str:
    if "verdict" not in row:
        return ""
    known = f"rotations known to {row['rotation_rms_deg']:.1f}° and {row['wrong_percent']:.0f} % wrong, positions to {row['position_A']:.1f} Å"
    return f"; {VERDICTS[row['verdict']]}: {known}"


JOB = JobType("find_domains", "Propose rigid domains, with masks and fulcra", FindDomainsParameters, run, OUTPUTS)
