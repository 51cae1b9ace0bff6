"""What a person can get wrong ends with one short message that names file, row and remedy, exit code 2, and no job counted as done."""

import os
import shutil
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from tests.end_to_end.chain import BlankPictures

from triskelion.api import Project
from triskelion.cli import main as cli
from triskelion.data.particles import HALF_A, NO_HALF
from triskelion.io.particle_star import read_particles, write_particles

N, BOX_PX, PIXEL_SIZE_A = 20, 24, 17.0
LONGEST_MESSAGE = 600


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> Project:
    """A project of 20 particles: J1 simulated, J2 imported, J3 reconstructed."""
    project = Project.new(tmp_path_factory.mktemp("good") / "project", runner=BlankPictures(), threads=1)
    simulated = project.run("simulate", n_particles=N, box_px=BOX_PX, pixel_size_A=PIXEL_SIZE_A, snr=1.0)
    project.run("reconstruct", particles=project.run("import_particles", meta=simulated.path("particles")))
    return project


@pytest.fixture
def project(good, tmp_path, monkeypatch) -> Project:
    """A copy of it, to be spoilt; the command line runs jobs in this process."""
    monkeypatch.setattr("triskelion.api.LocalRunner", BlankPictures)
    folder = tmp_path / "project"
    shutil.copytree(good.folder, folder, symlinks=True)
    monkeypatch.chdir(folder)
    return Project(folder)


@pytest.fixture
def refused(project, capfd):
    """Run a job that must be refused, before it reads the images unless they are at fault; return its message."""

    def call(*arguments: str, reads_images: bool = False) -> str:
        completed = list_completed(project)
        with pytest.raises(SystemExit) as ended:
            cli.main(["run", *arguments, "--threads", "1"])
        out, err = capfd.readouterr()
        assert ended.value.code == 2, err
        assert "Traceback" not in out + err and "defect" not in out + err
        assert list_completed(project) == completed
        assert reads_images or "read images" not in read_events(project)
        assert len(err) < LONGEST_MESSAGE + len(os.getcwd())
        return err

    return call


def list_completed(project: Project) -> list[str]:
    return [job.name for job in project.jobs if job.status.state == "completed"]


def read_events(project: Project) -> str:
    """What the last job has told of its progress."""
    return (project.jobs[-1].folder / "events.jsonl").read_text() if project.jobs[-1].status.state == "failed" else ""


def refine(*changes: str) -> tuple[str, ...]:
    """Arguments of a local refinement of the head, but for the changes."""
    given = {"--particles": "J2", "--volume": "J3", "--mask": "J1.mask_head", "--max-iterations": "1"}
    given |= dict(zip(changes[::2], changes[1::2], strict=True))
    return ("local_refinement", *(word for pair in given.items() for word in pair))


@pytest.fixture
def data(project) -> Path:
    """The simulated particles as files from elsewhere: particles.star and particles.mrcs in one folder."""
    folder = project.folder.parent / "data"
    folder.mkdir()
    shutil.copy(project.folder / "J1" / "particles.mrcs", folder)
    text = (project.folder / "J1" / "particles.star").read_text()
    (folder / "particles.star").write_text(text.replace("J1/particles.mrcs", "particles.mrcs"))
    return folder


def change_half_sets(star: Path, half_set: int) -> Path:
    """Write the particles again, all in one half-set, or in none."""
    particles = read_particles(star)
    write_particles(star, particles.with_columns(half_set=np.full(len(particles), half_set)))
    return star


def write_mask(path: Path, array: np.ndarray, pixel_size_A: float = PIXEL_SIZE_A) -> str:
    with mrcfile.new(path, array.astype(np.float32)) as file:
        file.voxel_size = pixel_size_A
    return str(path)


def test_the_input_that_is_spoilt_below_is_good(project):
    with pytest.raises(SystemExit) as ended:
        cli.main(["run", *refine(), "--threads", "1"])
    assert not ended.value.code
    assert project.job("J4").status.state == "completed"


def test_missing_stack(refused, data):
    (data / "particles.mrcs").unlink()
    message = refused("import_particles", "--meta", str(data / "particles.star"))
    for text in ("particles.star (row 1)", "particles.mrcs is not in", str(data), "check meta and data_dir"):
        assert text in message


def test_stack_that_is_gone_after_the_import(refused, project):
    next((project.folder / "J2" / "images").rglob("*.mrcs")).unlink()
    message = refused("reconstruct", "--particles", "J2", reads_images=True)
    for text in (".mrcs (row 1)", "there is no such file"):
        assert text in message


def test_truncated_stack(refused, data):
    os.truncate(data / "particles.mrcs", 1024 + 15 * BOX_PX**2 * 4 + 100)
    message = refused("import_particles", "--meta", str(data / "particles.star"))
    for text in ("5 of 20 particles", "particles.mrcs (row 16)", "cut short, 15 of 20 images are whole", "drop_bad=true"):
        assert text in message


def test_table_without_angles(refused, data):
    star = data / "particles.star"
    star.write_text(star.read_text().replace("_rlnAngleTilt", "_rlnAngleTiltPrior"))
    message = refused("import_particles", "--meta", str(star))
    for text in ("particles.star", "rlnAngleTilt", "refine"):
        assert text in message


def test_nan_image(refused, data):
    with mrcfile.mmap(data / "particles.mrcs", mode="r+") as stack:
        stack.data[6, 3, 4] = np.nan
    message = refused("import_particles", "--meta", str(data / "particles.star"))
    for text in ("1 of 20 particles", "particles.mrcs (row 7)", "image 7 holds NaN", "drop_bad=true"):
        assert text in message


def test_all_particles_in_one_half(refused, data):
    message = refused("import_particles", "--meta", str(change_half_sets(data / "particles.star", HALF_A)))
    for text in ("half-set b is empty", "rlnRandomSubset", "half_sets='draw'"):
        assert text in message


@pytest.mark.parametrize("job", [refine(), ("reconstruct",)], ids=["local_refinement", "reconstruct"])
def test_particles_without_half_sets(refused, data, job):
    message = refused(*job, "--particles", str(change_half_sets(data / "particles.star", NO_HALF)))
    for text in ("20 particles have no half-set", "row 1", "half_sets='draw'"):
        assert text in message


@pytest.mark.parametrize(("box_px", "pixel_size_A"), [(26, PIXEL_SIZE_A), (BOX_PX, 15.0)], ids=["box", "pixel size"])
@pytest.mark.parametrize("job", [refine(), ("reconstruct", "--particles", "J2")], ids=["local_refinement", "reconstruct"])
def test_mask_on_another_grid(refused, tmp_path, job, box_px, pixel_size_A):
    mask = np.zeros((box_px,) * 3)
    mask[8:14, 8:14, 8:14] = 1
    message = refused(*job, "--mask", write_mask(tmp_path / "mask.mrc", mask, pixel_size_A))
    for text in (f"box {BOX_PX} px at 17 Å/px", f"mask has box {box_px} px at {pixel_size_A:g} Å/px", "volume_tools"):
        assert text in message


def test_half_maps_of_other_particles(refused, project):
    halves = {f"path_{name}": project.folder / "J3" / f"{name}.mrc" for name in ("half_a", "half_b")}
    project.run("import_volume", path=project.folder / "J3" / "map.mrc", **halves, pixel_size_A=15.0)
    project.run("import_volume", path=project.folder / "J1" / "mask_head.mrc", kind="mask", pixel_size_A=15.0)
    message = refused(*refine("--volume", "J4", "--mask", "J5"))
    for text in ("the half maps have 15 Å/px, the particles 17 Å/px", "reconstructed from these particles"):
        assert text in message


def test_empty_mask(refused, tmp_path):
    message = refused(*refine("--mask", write_mask(tmp_path / "mask.mrc", np.zeros((BOX_PX,) * 3))))
    for text in ("mask.mrc: the mask is empty", "lower the threshold or dilate it"):
        assert text in message


@pytest.mark.parametrize("fulcrum", ["24,12,12", "12,-1,12", "12,12,400A"])
def test_fulcrum_outside_the_box(refused, fulcrum):
    message = refused(*refine("--fulcrum", fulcrum))
    for text in (f"the fulcrum {fulcrum} lies outside the box of 24 px (408 Å)", "from the corner voxel", "in Å with an A behind"):
        assert text in message


@pytest.mark.parametrize(("option", "unit"), [("--rotation-extent-deg", "°"), ("--shift-extent-A", "Å")])
def test_negative_extents(refused, option, unit):
    message = refused(*refine(option, "-5"))
    assert option.lstrip("-").replace("-", "_") in message
    assert f"got '-5', wanted greater than or equal to 0 ({unit})" in message


def test_recording_that_is_missing_or_something_else(refused, tmp_path):
    path = tmp_path / "shared.npz"
    message = refused(*refine("--replay", str(path)))
    assert f"cannot replay {path}, there is no such file: give the shared.npz of a refinement of the same kind" in message
    path.write_text("no arrays")
    assert f"cannot replay {path}, which is something else: give" in refused(*refine("--replay", str(path)))
