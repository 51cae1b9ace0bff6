"""The next job, as people go on from one: types of jobs, each with the inputs filled in that this job gives, and why.

The order is that of the tutorial: from particles to a map, from a map to regions, from regions to a mask, and from these to a domain.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from triskelion.jobs.registry import job_type
from triskelion.project.connect import list_outputs
from triskelion.project.layout import JobPaths, job_number
from triskelion.project.lineage import list_ancestors, read_ancestry, read_lineage
from triskelion.project.parameters import describe_parameters
from triskelion.project.status import read_status
from triskelion.project.store import read_job

# type; parameter -> "job" (an output of this job), "name" (its name), or the slot whose input, of this job or of those before it, is meant; why
Steps = tuple[tuple[str, dict[str, str], str], ...]

_REFINED: Steps = (
    ("sharpen", {"volume": "job"}, "sharpen the map by its own B-factor"),
    ("validate", {"volume": "job"}, "look at the FSC under every mask"),
    ("local_resolution", {"volume": "job"}, "see where the map is sharp"),
    ("orientation", {"particles": "job"}, "see from where the particle is seen"),
)
_WHOLE: Steps = (
    ("segment_map", {"volume": "job"}, "cut the map into regions, to choose the domain"),
    ("find_domains", {"volume": "job", "particles": "job"}, "find the parts that move"),
    *_REFINED,
)
_PARTICLES: Steps = (
    ("reconstruct", {"particles": "job"}, "see the map that the poses give"),
    ("nonuniform_refinement", {"particles": "job"}, "refine the whole particle"),
)
_AFTER: dict[str, Steps] = {
    "simulate": _PARTICLES,
    "import_particles": _PARTICLES,
    "import_relion": (*_PARTICLES, ("segment_map", {"volume": "job"}, "cut the map into regions, to choose the domain")),
    "subset": _PARTICLES,
    "import_volume": (
        ("segment_map", {"volume": "job"}, "cut the map into regions"),
        ("volume_tools", {"volume": "job"}, "make a mask, filter, resample or crop the map"),
    ),
    "reconstruct": (("nonuniform_refinement", {"particles": "particles", "volume": "job"}, "refine the whole particle"), *_WHOLE),
    "homogeneous_refinement": _WHOLE,
    "nonuniform_refinement": _WHOLE,
    "segment_map": (
        ("mask_base", {"segmentation": "job"}, "make the base of a mask from the regions that are chosen"),
        ("fulcrum", {"segmentation": "job"}, "place the fulcrum at the interface of two parts"),
    ),
    "import_segmentation": (("mask_base", {"segmentation": "job"}, "make the base of a mask from the regions that are chosen"),),
    "find_domains": (("mask_base", {"segmentation": "job"}, "make the base of a mask from a part that moves"),),
    "mask_base": (("volume_tools", {"volume": "job"}, "dilate and pad the base: a soft mask"),),
    "volume_tools": (
        ("local_refinement", {"particles": "particles", "volume": "volume", "mask": "job"}, "refine the domain in this mask"),
        ("predict", {"particles": "particles", "volume": "volume", "mask": "job"}, "predict how well poses of this domain can be known"),
        ("particle_subtraction", {"particles": "particles", "volume": "volume", "mask": "job"}, "subtract what is outside this mask"),
    ),
    "predict": (("local_refinement", {"particles": "particles", "volume": "volume", "mask": "mask"}, "refine the domain"),),
    "particle_subtraction": (
        ("local_refinement", {"particles": "job", "volume": "volume"}, "refine what was kept"),
        ("reconstruct", {"particles": "job"}, "see what is left"),
    ),
    "local_refinement": (
        ("estimate_fulcrum", {"particles": "job"}, "ask the poses where the fulcrum is"),
        ("particle_subtraction", {"particles": "job", "volume": "job", "mask": "mask"}, "subtract the rest from the images"),
        ("domain_motion", {"domains": "job"}, "see how the domain moves"),
        *_REFINED,
    ),
    "fulcrum": (("local_refinement", {"fulcrum": "name"}, "refine a domain about this point"),),
    "estimate_fulcrum": (("local_refinement", {"particles": "particles", "fulcrum": "name"}, "refine once more about this point"),),
    "sharpen": (("compare", {"first": "job"}, "put it beside another map"),),
}


@dataclass(frozen=True)
class NextJob:
    """A suggestion: a type of job, the parameters that are known already, and what for."""

    type: str
    title: str
    prefill: dict[str, Any]
    reason: str


def suggest_next(paths: JobPaths) -> list[NextJob]:
    """Return what people do next with a job; nothing before it is completed."""
    if read_status(paths).state != "completed":
        return []
    sources = _Sources(paths)
    suggestions = []
    for name, wanted, reason in _AFTER.get(read_job(paths).type, ()):
        kind = job_type(name)
        described = describe_parameters(kind)
        prefill = {parameter: sources.find(source, described[parameter].slot) for parameter, source in wanted.items()}
        if all(prefill[parameter] is not None for parameter, source in wanted.items() if source == "job"):
            known = {parameter: value for parameter, value in prefill.items() if value is not None}
            several = {parameter: [value] for parameter, value in known.items() if described[parameter].takes_several}
            suggestions.append(NextJob(name, kind.title, known | several, reason))
    return suggestions


class _Sources:
    """What a job can say of the inputs of the next one."""

    def __init__(self, paths: JobPaths):
        self._paths = paths
        self._kinds = {output.kind for output in list_outputs(paths)}
        self._inputs = {source.slot: source.reference for source in read_ancestry(paths).sources}

    def find(self, source: str, slot: str | None) -> str | None:
        """Return the value that a source means, None where there is none."""
        if source == "name":
            return self._paths.name
        if source == "job":
            return self._paths.name if slot in self._kinds else None
        if source in self._inputs:
            return self._inputs[source]
        return self._whole.get(source)

    @cached_property
    def _whole(self) -> dict[str, str]:
        """Particles and half maps of the newest job, of those that this one was made from, that has half maps of the whole particle."""
        project = self._paths.project
        ancestors = list_ancestors(read_lineage(project), [self._paths.name])
        for name in sorted(ancestors, key=lambda name: job_number(name) or 0, reverse=True):
            job = project.job(name)
            outputs = list_outputs(job) if job.record.exists() else []
            if any(output.name == "half_a" for output in outputs):
                inputs = {source.slot: source.reference for source in read_ancestry(job).sources}
                made = any(output.kind == "particles" for output in outputs)
                particles = {"particles": name} if made else {"particles": inputs["particles"]} if "particles" in inputs else {}
                return {"volume": name, **particles}
        return {}
