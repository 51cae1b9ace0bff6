"""The scene as a job finds it: particles, half maps, mask and images in memory, results in a folder."""

from pathlib import Path

from tests.jobs.fake_context import FakeContext, run_job
from tests.refine.scene import PIXEL_A, Scene

from triskelion.data.images import ArrayImages, ImageSource
from triskelion.data.particles import Particles
from triskelion.data.volume import Mask, Volume
from triskelion.errors import JobCancelled


class SceneContext(FakeContext):
    """Job in ``folder`` whose inputs are those of a scene, whatever its slots say."""

    def __init__(self, folder: Path, scene: Scene, threads: int = 1):
        super().__init__(folder.parent, folder.name, threads)
        self.scene = scene

    def read_particles(self, reference: str) -> Particles:
        return self.scene.particles

    def open_images(self, particles: Particles) -> ImageSource:
        return ArrayImages(self.scene.pixels)

    def read_volume(self, reference: str, name: str = "map") -> Volume:
        half_a, half_b = self.scene.start.half_maps
        return Volume({"map": (half_a + half_b) / 2, "half_a": half_a, "half_b": half_b}[name], PIXEL_A)

    def read_mask(self, reference: str) -> Mask:
        return Mask(self.scene.domain.mask, PIXEL_A)


class InterruptedContext(SceneContext):
    """Cancels the job at the beginning of the step whose bar is called ``stop_in``."""

    def __init__(self, folder: Path, scene: Scene, stop_in: str):
        super().__init__(folder, scene)
        self.stop_in = stop_in

    def progress(self, total: int, title: str):
        if title == self.stop_in:
            raise JobCancelled("stopped")
        return super().progress(total, title)


def run_local_refinement(context: SceneContext, **changes) -> SceneContext:
    """Run the job on the scene, in few iterations, with the rest refined first."""
    fulcrum = ",".join(f"{x:g}" for x in context.scene.domain.fulcrum_xyz_px + context.scene.stream.grid.box_px // 2)
    given = {"rotation_extent_deg": 20.0, "shift_extent_A": 12.0, "initial_lowpass_A": 25.0, "max_iterations": 4, "background_poses": "refine"}
    return run_job("local_refinement", context, particles="J1", volume="J1", mask="J1", fulcrum=fulcrum, **(given | changes))


def run_whole_refinement(context: SceneContext, job_type: str = "nonuniform_refinement", **changes) -> SceneContext:
    """Run the job on the scene, in few iterations, from its map unless poses are given."""
    volume = {} if changes.get("poses") == "input" else {"volume": "J1"}
    run_job(job_type, context, particles="J1", **({"max_iterations": 3} | volume | changes))
    return context
