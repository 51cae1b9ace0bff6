"""The rest of the particle refined first, on all particles, before the poses of a domain are predicted: as local_refinement begins."""

from typing import TYPE_CHECKING

from triskelion.data.particles import Particles
from triskelion.jobs.context import JobContext

if TYPE_CHECKING:
    from triskelion.data.volume import Volume
    from triskelion.refine.state import Inputs


def refine_rest_first(context: JobContext, particles: Particles, inputs: "Inputs") -> "tuple[Particles, tuple[Volume, Volume]]":
    """Return the particles of ``inputs`` at the poses of the rest, which become their consensus too, and the half maps that these give."""
    from triskelion.data.images import MemoryStore
    from triskelion.data.volume import Volume
    from triskelion.geometry.rotations import matrix_to_rotvec
    from triskelion.kernels import cpu
    from triskelion.refine.rest import PASSES, refine_rest
    from triskelion.refine.shared import SharedRecord
    from triskelion.refine.state import Means

    with context.progress(PASSES * len(particles), "refine the rest first") as bar:
        start = refine_rest(inputs, Means(cpu, SharedRecord(), MemoryStore()), bar.advance)
    pixel_size_A = inputs.images.grid.pixel_size_A
    rotvec_rad, shift_A = matrix_to_rotvec(start.consensus_rotations), start.consensus_shifts_px * pixel_size_A
    poses = {"rotvec_rad": rotvec_rad, "shift_A": shift_A, "consensus_rotvec_rad": rotvec_rad, "consensus_shift_A": shift_A}
    half_a, half_b = (Volume(half, pixel_size_A) for half in start.half_maps)
    return particles.with_columns(**poses), (half_a, half_b)
