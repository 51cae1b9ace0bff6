"""Reading the images of a job, with a progress bar."""

from typing import TYPE_CHECKING

from triskelion.data.particles import Particles
from triskelion.jobs.context import JobContext

if TYPE_CHECKING:
    from triskelion.imaging.forward import Grid, ImageSet


def read_image_set(context: JobContext, particles: Particles, grid: "Grid") -> "ImageSet":
    """Read all images of a table as Fourier coefficients on the grid of the job."""
    from triskelion.fourier.shells import fourier_disc
    from triskelion.imaging.forward import load_images

    source = context.open_images(particles)
    with context.progress(len(particles), "read images") as bar:
        return load_images(particles, source, grid, fourier_disc(grid.box_px), advance=bar.advance)
