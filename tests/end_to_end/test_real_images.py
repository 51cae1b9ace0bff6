"""Real ribosomes, CTF-premultiplied, with RELION's half maps of exactly these images and an independent map of the same ribosome."""

import numpy as np
import pytest

from triskelion.api import Project
from triskelion.data.volume import Volume
from triskelion.io.mrc import read_volume
from triskelion.resolution.crossing import find_crossing
from triskelion.resolution.fsc import average_map, fsc
from triskelion.runners.inline import InlineRunner


@pytest.fixture(scope="module")
def data(shared_dir):
    return shared_dir / "data" / "real_ribosome"


@pytest.fixture(scope="module")
def relion_halves(data) -> list[Volume]:
    return [read_volume(data / f"relion313_half{half}.mrc") for half in (1, 2)]


@pytest.fixture(scope="module")
def project(data, tmp_path_factory) -> Project:
    """J1 imported, J2 reconstructed."""
    project = Project.new(tmp_path_factory.mktemp("ribosome") / "project", runner=InlineRunner(), threads=1)
    project.run("reconstruct", particles=project.run("import_particles", meta=data / "particles.star"))
    return project


@pytest.fixture(scope="module")
def our_halves(project) -> list[Volume]:
    return [read_volume(project.job("J2").path(name)) for name in ("half_a", "half_b")]


def test_the_import_reads_what_the_table_says(project):
    summary = project.job("J1").summary
    assert (summary["n_particles"], summary["box_px"], summary["pixel_size_A"]) == (1430, 32, 12.0)
    assert summary["contrast"] == "bright" and summary["n_dropped"] == 0


def test_half_maps_agree_as_far_as_those_of_relion(our_halves, relion_halves):
    ours, theirs = (find_crossing(fsc(*halves), 0.143).shell for halves in (our_halves, relion_halves))
    assert theirs == pytest.approx(10, abs=0.5)  # 38 Å
    assert ours == pytest.approx(theirs, abs=1)


def test_the_map_is_that_of_relion(our_halves, relion_halves):
    last = int(np.ceil(find_crossing(fsc(*relion_halves), 0.143).shell))
    assert fsc(average_map(*our_halves), average_map(*relion_halves))[1 : last + 1].min() > 0.95


def test_the_map_is_that_of_the_independent_ribosome_mirrored(data, our_halves):
    independent = read_volume(data / "reference_independent.mrc")
    mirrored = np.roll(independent.array[::-1], 1, axis=0)  # z -> -z about voxel n // 2
    curve = fsc(average_map(*our_halves), Volume(mirrored, our_halves[0].pixel_size_A))
    assert curve[1] > 0.96 and curve[1:10].min() > 0.5
    assert fsc(average_map(*our_halves), Volume(independent.array, our_halves[0].pixel_size_A))[3:10].max() < 0.6
