"""The kernels written plainly: obvious rather than fast, in double precision; what the others are held to."""

from triskelion.kernels.host import move_images, move_volume
from triskelion.kernels.reference.climbing import climb
from triskelion.kernels.reference.sums import gauss_newton, insert, score_grid, slice

__all__ = ["climb", "gauss_newton", "insert", "move_images", "move_volume", "score_grid", "slice"]
