"""The images of a job on the grid of its maps."""

from typing import TYPE_CHECKING

from triskelion.data.particles import Particles
from triskelion.jobs.context import JobContext

if TYPE_CHECKING:
    from triskelion.imaging.forward import Grid
    from triskelion.imaging.stream import ImageStream


def open_stream(context: JobContext, particles: Particles, grid: "Grid") -> "ImageStream":
    """Open the images of a table; they are read when they are asked for."""
    from triskelion.fourier.shells import fourier_disc
    from triskelion.imaging.stream import ImageStream

    return ImageStream(particles, context.open_images(particles), grid, fourier_disc(grid.box_px))
