"""Small image stacks, written and read through a project."""

from pathlib import Path

import numpy as np

from triskelion.api import Project
from triskelion.io.mrc import write_stack
from triskelion.io.particle_star import read_particles
from triskelion.io.stacks import ParticleImages


def write_images(path: Path, n_images: int, box_px: int = 8) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    images = np.random.default_rng(n_images).normal(size=(n_images, box_px, box_px)).astype(np.float32)
    write_stack(path, [images], n_images, 2.0)
    return path


def read_images(project: Project, job: str) -> np.ndarray:
    particles = read_particles(project.folder / job / "particles.star")
    return ParticleImages(particles, project.folder).read(np.arange(len(particles)))
