"""The chain of jobs of the end-to-end tests: simulate, import, reconstruct, refine the head; and how good its head came out."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from triskelion.api import Job, Project
from triskelion.conventions import corner_px_to_centered_A
from triskelion.data.volume import Mask
from triskelion.io.mrc import read_mask, read_volume
from triskelion.io.particle_star import read_particles
from triskelion.project.layout import JobPaths
from triskelion.resolution.fsc import average_map, fsc
from triskelion.runners.inline import InlineRunner
from triskelion.simulate.phantom import DEFAULT_HINGE_DEG
from triskelion.simulate.scoring import score_poses

PIXEL_SIZE_A = 7.0
SIMULATION: dict[str, Any] = {"n_particles": 400, "box_px": 56, "pixel_size_A": PIXEL_SIZE_A, "snr": 0.15, "seed": 1}
ITERATIONS = 3  # enough to bring every quality far from the start; refined to the end it would take minutes
JUDGED_A = (30.0, 15.0)  # between these resolutions maps of the head are compared with the truth


class BlankPictures(InlineRunner):
    """Leaves pictures blank: drawing them takes longer than refining data sets this small. Their data are saved as ever."""

    def run(self, paths: JobPaths) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("triskelion.plots.registry.draw", lambda name, data: Figure((1, 1)))
            super().run(paths)


@dataclass(frozen=True)
class Chain:
    """A simulated data set in a project, imported and reconstructed."""

    project: Project
    simulated: Job
    imported: Job
    consensus: Job

    def truth(self, domain: str) -> str:
        """The particles with the true poses of a domain, for an input slot."""
        return f"{self.simulated.name}.truth_{domain}"

    @property
    def fulcrum_xyz_px(self) -> np.ndarray:
        return np.array(json.loads(self.simulated.path("truth").read_text())["fulcrum_xyz_px"]["head"])

    @property
    def head_center_xyz_px(self) -> np.ndarray:
        return read_mask(self.simulated.path("mask_head")).center_xyz_px

    @cached_property
    def refined(self) -> Job:
        """The head, refined from the consensus poses."""
        return self.refine()

    @cached_property
    def oracle(self) -> Job:
        """The head, reconstructed at its true poses."""
        return self.reconstruct_at(self.truth("head"))

    def reconstruct_at(self, particles: Job | str) -> Job:
        """Reconstruct the head at the poses of a table."""
        return self.refine(particles=particles, rotation_extent_deg=0, shift_extent_A=0)

    def refine(self, **parameters: Any) -> Job:
        """Run local_refinement of the head with its true fulcrum, but for the parameters given."""
        fulcrum = ",".join(f"{x:g}" for x in self.fulcrum_xyz_px)
        inputs = {"particles": self.imported, "volume": self.consensus, "mask": f"{self.simulated.name}.mask_head"}
        return self.project.run("local_refinement", **{**inputs, "fulcrum": fulcrum, "max_iterations": ITERATIONS, **parameters})

    def pose_error(self, particles: Path) -> dict[str, float]:
        """Errors of the poses of the head in a table, against the truth."""
        box_px = self.consensus.summary["box_px"]
        center_A = corner_px_to_centered_A(self.head_center_xyz_px, box_px, PIXEL_SIZE_A)
        return score_poses(read_particles(particles), read_particles(self.simulated.path("truth_head")), center_A).figures

    def map_quality(self, job: Job) -> float:
        """Mean FSC of the map of a job with the true head, where the head is alone."""
        others = [read_mask(self.simulated.path(f"mask_{name}")).array for name in DEFAULT_HINGE_DEG if name != "head"]
        head, truth = read_mask(self.simulated.path("mask_head")), read_volume(self.simulated.path("map_head"))
        alone = Mask(head.array * (1 - np.max(others, axis=0)), head.pixel_size_A)
        curve = fsc(average_map(read_volume(job.path("half_a")), read_volume(job.path("half_b"))), truth, alone)
        first, last = (int(head.box_px * head.pixel_size_A / resolution_A) for resolution_A in JUDGED_A)
        return float(curve[first : last + 1].mean())


def make_chain(folder: Path, **simulation: Any) -> Chain:
    """Simulate particles in a new project, but for the parameters given those of ``SIMULATION``, import and reconstruct them."""
    project = Project.new(folder, runner=BlankPictures(), threads=1)
    simulated = project.run("simulate", **{**SIMULATION, **simulation})
    imported = project.run("import_particles", meta=simulated.path("particles"))
    return Chain(project, simulated, imported, project.run("reconstruct", particles=imported))
