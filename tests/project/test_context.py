from dataclasses import replace

import numpy as np
import pytest
from tests.project.fake_jobs import _iterations

from triskelion.data.particles import OpticsGroup, Particles
from triskelion.errors import DataError, InputError, JobCancelled
from triskelion.io.mrc import write_stack
from triskelion.io.particle_star import write_particles
from triskelion.plots.scale import collect_scale
from triskelion.project.context import FolderContext
from triskelion.project.layout import JobPaths
from triskelion.project.pictures import draw_beside, draw_picture
from triskelion.project.status import StatusKeeper


@pytest.fixture
def context(project) -> FolderContext:
    paths = JobPaths(project.prepare("make").folder)
    return FolderContext(paths, 1, StatusKeeper(paths, None), lambda *_: iter(()))


def make_particles(image_path: str) -> Particles:
    optics = OpticsGroup("opticsGroup1", 2.0, 8, 300.0, 2.7, 0.1)
    return Particles.build(
        (optics,), uid=np.arange(3), image_path=np.full(3, image_path), image_index=[2, 0, 1], rotvec_rad=np.zeros((3, 3)), half_set=[0, 1, 0]
    )


@pytest.fixture
def stack() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((3, 8, 8)).astype(np.float32)


def test_images_are_found_from_star_files_anywhere(context, project, tmp_path, stack):
    outside = tmp_path / "relion" / "raw"
    outside.mkdir(parents=True)
    write_stack(outside / "a.mrcs", [stack], 3, 2.0)
    star = outside.parent / "shiny.star"
    write_particles(star, make_particles("raw/a.mrcs"))
    particles = context.read_particles(str(star))
    assert particles["image_path"][0] == str(outside / "a.mrcs")
    images = context.open_images(particles).read(np.arange(3))
    assert np.array_equal(images, stack[[2, 0, 1]])


def test_images_of_a_job_are_relative_to_its_project(context, project, stack):
    write_stack(context.folder / "a.mrcs", [stack], 3, 2.0)
    context.save_particles(make_particles("J1/a.mrcs"))
    for reference in ("J1/particles.star", str(context.folder / "particles.star")):
        particles = context.read_particles(reference)
        assert particles["image_path"][0] == "J1/a.mrcs"
        assert np.array_equal(context.open_images(particles).read(np.arange(3)), stack[[2, 0, 1]])


def test_the_particles_of_another_project_keep_their_images(context, fake_jobs, tmp_path, stack):
    from triskelion.api import Project

    other = Project.new(tmp_path / "other").prepare("make")
    write_stack(other.folder / "a.mrcs", [stack], 3, 2.0)
    written = make_particles("J1/a.mrcs")
    write_particles(other.folder / "particles.star", written.with_optics((replace(written.optics[0], kept_mask="J1/mask.mrc"),)))
    particles = context.read_particles(str(other.folder / "particles.star"))
    assert particles["image_path"][0] == str(other.folder / "a.mrcs")
    assert particles.kept_masks == [str(other.folder / "mask.mrc")]


def test_a_picture_that_cannot_be_drawn_is_a_warning_and_the_data_stay(context):
    context.plot("iterations", {"iteration": []})
    context.draw_newest()
    assert "the plot iterations could not be drawn" in context.warnings[0]
    assert (context.folder / "plots" / "iterations.json").read_text() == '{"iteration":[]}\n'
    assert not list((context.folder / "plots").glob("*.png"))
    assert "Traceback" in (context.folder / "log.txt").read_text()


def test_pictures_are_drawn_by_several_processes_and_faults_are_told_once(context, monkeypatch):
    monkeypatch.setattr("triskelion.project.pictures.FEWEST", 1)
    context.plot("iterations", _iterations(3))
    context.plot("scale", collect_scale(np.linspace(0.8, 1.2, 50)))
    context.plot("guinier", {"nothing": []})
    own = []
    monkeypatch.setattr(
        "triskelion.project.context.draw_picture", lambda paths, name, iteration: own.append(name) or draw_picture(paths, name, iteration)
    )
    with draw_beside(context._paths, [("iterations", None), ("scale", None)], 2) as ours:
        assert ours == [("iterations", None)]
    assert [path.name for path in (context.folder / "plots").glob("*.png")] == ["scale.png"]
    context.draw_newest(threads=3)
    assert {path.name for path in (context.folder / "plots").glob("*.png")} == {"iterations.png", "scale.png"}
    assert ["the plot guinier could not be drawn" in warning for warning in context.warnings] == [True]
    assert own.count("guinier") == 1


def test_checkpoints_are_plain_arrays_only(context):
    assert context.load_checkpoint() is None
    context.save_checkpoint({"rotations": np.eye(3), "iteration": np.int64(4)})
    state = context.load_checkpoint()
    assert np.array_equal(state["rotations"], np.eye(3)) and int(state["iteration"]) == 4
    with pytest.raises(InputError, match="got Python objects in names"):
        context.save_checkpoint({"names": np.array([{}])})
    assert context.load_checkpoint() is not None
    (context.folder / "checkpoint.npz").write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(DataError, match=r"checkpoint\.npz is damaged"):
        context.load_checkpoint()


@pytest.mark.parametrize("filename", ["job.json", "status.json", "../other.txt", "sub/file.txt"])
def test_a_job_cannot_overwrite_what_is_the_projects(context, filename):
    with pytest.raises(InputError, match="that file is the project's"):
        context.save_text(filename, "")


def test_cancellation_is_noticed_in_advance(context):
    with context.progress(10, "steps") as bar:
        bar.advance()
        context._status.cancelled.set()
        with pytest.raises(JobCancelled):
            bar.advance()


def test_maps_of_iterations_are_kept_apart(context):
    from triskelion.data.volume import Volume

    volume = Volume(np.ones((4, 4, 4), dtype=np.float32), 2.0)
    context.save_volume(volume, "map", iteration=3)
    context.save_volume(volume, "map")
    assert (context.folder / "iterations" / "map_003.mrc").exists() and (context.folder / "map.mrc").exists()
