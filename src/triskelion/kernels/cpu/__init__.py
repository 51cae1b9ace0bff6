"""The kernels compiled for the CPU with numba, parallel over particles.

Results depend neither on the number of threads nor on what else is in a batch: a particle is summed by one thread, a voxel is filled in a
fixed order. What costs is waiting for memory: an image cuts the cube in a plane that no cache near the core holds. So coefficients are taken
line by line, poses in the order of their view directions, and inserted samples tile by tile.
"""

from triskelion.kernels.cpu.climbing import climb
from triskelion.kernels.cpu.grid_scores import score_grid
from triskelion.kernels.cpu.insertion import insert
from triskelion.kernels.cpu.normal_equations import gauss_newton
from triskelion.kernels.cpu.slices import slice
from triskelion.kernels.host import move_images, move_volume

__all__ = ["climb", "gauss_newton", "insert", "move_images", "move_volume", "score_grid", "slice"]
