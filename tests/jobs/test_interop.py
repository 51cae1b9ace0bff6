"""Files to files with RELION and CryoSPARC, through the jobs a person would run."""

import shutil
import subprocess

import mrcfile
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from tests.jobs.fake_context import FakeContext, run_job
from tests.refine.scene import make_scene

from triskelion.data.particles import draw_half_sets
from triskelion.data.volume import Volume
from triskelion.errors import DataError
from triskelion.geometry.rotations import matrix_to_rotvec, rotation_difference_deg, rotvec_to_matrix
from triskelion.io.cs import read_cs
from triskelion.io.cs_particles import write_cs_particles
from triskelion.io.mrc import read_volume, write_stack, write_volume
from triskelion.io.particle_star import write_particles
from triskelion.io.star import read_star, write_star
from triskelion.resolution.fsc import fsc

LEAST_FSC, SHARE_OF_NYQUIST = 0.99, 0.85  # of 16 shells; the last ones are those of the corners of the interpolation
N_PARTICLES = 1000  # fewer leave holes in the transform, which programs fill differently


@pytest.fixture(scope="module")
def relion_project(tmp_path_factory):
    """A project of RELION: an extracted stack, and the folders of a finished Refine3D and a PostProcess job."""
    root = tmp_path_factory.mktemp("relion")
    for folder in ("Extract/job007", "Refine3D/job019", "MaskCreate/job020", "PostProcess/job021"):
        (root / folder).mkdir(parents=True)
    scene = make_scene(n=N_PARTICLES, noise_sd=0.3)
    box, pixel_A = scene.particles.optics[0].box_px, scene.particles.optics[0].pixel_size_A
    write_stack(root / "Extract/job007/a.mrcs", [scene.pixels], N_PARTICLES, pixel_A)
    at_body = {"rotvec_rad": matrix_to_rotvec(scene.body.rotations), "shift_A": scene.body.shifts_px * pixel_A}
    particles = scene.particles.with_columns(
        **at_body, image_path=np.array(["Extract/job007/a.mrcs"] * N_PARTICLES), image_index=np.arange(N_PARTICLES)
    )
    particles = particles.with_columns(consensus_rotvec_rad=particles["rotvec_rad"], consensus_shift_A=particles["shift_A"])
    refined = root / "Refine3D/job019"
    write_particles(refined / "run_data.star", draw_half_sets(particles, 1))
    tables = read_star(refined / "run_data.star")
    tables["particles"].columns |= {
        "rlnMicrographName": np.array(["mic.mrc"] * N_PARTICLES),
        "rlnLogLikeliContribution": np.arange(N_PARTICLES).astype(str),
    }
    del tables["particles"].columns["rlnTriskelionUid"]
    write_star(refined / "run_data.star", tables)
    rng = np.random.default_rng(0)
    for name in ("run_class001", "run_half1_class001_unfil", "run_half2_class001_unfil"):
        write_volume(refined / f"{name}.mrc", Volume(rng.standard_normal((box,) * 3).astype(np.float32), pixel_A))
    write_volume(root / "MaskCreate/job020/mask.mrc", Volume(np.ones((box,) * 3, dtype=np.float32), pixel_A))
    write_volume(root / "PostProcess/job021/postprocess.mrc", Volume(rng.standard_normal((box,) * 3).astype(np.float32), pixel_A))
    (refined / "run_optimiser.star").write_text(
        "data_optimiser_general\n_rlnOutputRootName Refine3D/job019/run\n_rlnDoSplitRandomHalves 1\n_rlnSolventMaskName None\n"
    )
    (root / "PostProcess/job021/postprocess.star").write_text(
        "data_general\n_rlnFinalResolution 12\n_rlnUnfilteredMapHalf1 Refine3D/job019/run_half1_class001_unfil.mrc\n"
        "_rlnUnfilteredMapHalf2 Refine3D/job019/run_half2_class001_unfil.mrc\n_rlnMaskName MaskCreate/job020/mask.mrc\n"
    )
    return root


@pytest.fixture(scope="module")
def imported(relion_project, tmp_path_factory):
    """J1: the refinement of RELION, imported."""
    project = tmp_path_factory.mktemp("project")
    return run_job("import_relion", FakeContext(project, "J1"), folder=str(relion_project / "Refine3D/job019"), contrast="bright")


@pytest.fixture(scope="module")
def reconstructed(imported):
    """J2: our maps of these particles."""
    return run_job("reconstruct", FakeContext(imported.project_folder, "J2"), particles="J1")


def least_fsc(first, second):
    ours, theirs = read_volume(first), read_volume(second)
    return fsc(ours, theirs)[1 : int(SHARE_OF_NYQUIST * ours.box_px / 2) + 1].min()


def test_a_refinement_of_relion_is_one_job_here(relion_project, imported):
    assert {path.name for path in imported.folder.glob("*.*")} >= {"particles.star", "map.mrc", "half_a.mrc", "half_b.mrc"}
    assert not (imported.folder / "mask.mrc").exists()
    assert_array_equal(
        read_volume(imported.folder / "half_b.mrc").array, read_volume(relion_project / "Refine3D/job019/run_half2_class001_unfil.mrc").array
    )
    assert (imported.summary["relion_job"], imported.summary["n_particles"]) == ("Refine3D", N_PARTICLES)
    assert {"map_slices", "viewing_directions"} <= set(imported.plots)


def test_postprocessing_brings_the_mask_and_the_sharp_map(relion_project, tmp_path):
    context = run_job("import_relion", FakeContext(tmp_path), folder=str(relion_project / "PostProcess/job021"), contrast="bright")
    assert {"particles.star", "map.mrc", "half_a.mrc", "half_b.mrc", "map_sharp.mrc", "mask.mrc"} <= {
        path.name for path in context.folder.glob("*.*")
    }
    assert context.summary["kinds"] == ["half_a", "half_b", "map", "map_sharp", "mask"] and not context.warnings


@pytest.mark.parametrize(
    ("remove", "add", "message"),
    [
        ("run_half2_class001_unfil.mrc", None, r"job019 lacks the half map of half 2, run_half2_class001_unfil\.mrc"),
        ("run_data.star", "run_it012_data.star", "has not finished .run_it012_data.star is its last iteration"),
        ("run_data.star", None, "not the folder of a finished Refine3D or PostProcess job: it holds neither"),
        ("run_data.star", ("job.star", "data_job\n_rlnJobTypeLabel relion.class3d\n"), "but of a job relion.class3d"),
        (None, ("run_optimiser.star", "data_optimiser_general\n_rlnDoSplitRandomHalves 0\n"), "no refinement of two halves"),
    ],
)
def test_what_is_missing_in_a_job_is_named(relion_project, tmp_path, remove, add, message):
    folder = shutil.copytree(relion_project / "Refine3D/job019", tmp_path / "job019")
    if remove:
        (folder / remove).unlink()
    if add:
        name, text = add if isinstance(add, tuple) else (add, "data_\n")
        (folder / name).write_text(text)
    with pytest.raises(DataError, match=message):
        run_job("import_relion", FakeContext(tmp_path / "project"), folder=str(folder))


def test_a_postprocessing_without_its_refinement_is_named(relion_project, tmp_path):
    folder = shutil.copytree(relion_project / "PostProcess/job021", tmp_path / "job021")
    with pytest.raises(DataError, match=r"names the half map Refine3D/job019/run_half1_class001_unfil\.mrc, which is not below"):
        run_job("import_relion", FakeContext(tmp_path / "project"), folder=str(folder))
    with pytest.raises(DataError, match="nowhere is not a folder"):
        run_job("import_relion", FakeContext(tmp_path / "project"), folder=str(tmp_path / "nowhere"))


def test_a_mask_that_is_gone_is_a_warning(relion_project, tmp_path):
    copy = shutil.copytree(relion_project, tmp_path / "copy")
    (copy / "MaskCreate/job020/mask.mrc").unlink()
    context = run_job("import_relion", FakeContext(tmp_path / "project"), folder=str(copy / "PostProcess/job021"), contrast="bright")
    assert any("the mask MaskCreate/job020/mask.mrc of" in warning for warning in context.warnings)


def test_columns_of_relion_return(relion_project, imported):
    before = read_star(relion_project / "Refine3D/job019/run_data.star")["particles"].columns
    after = read_star(imported.folder / "particles.star")["particles"].columns
    assert set(before) <= set(after)
    for label in set(before) - {"rlnImageName"}:
        assert_array_equal(after[label], before[label], err_msg=label)


def test_relion_reconstructs_our_map_from_our_table(imported, reconstructed, relion, tmp_path):
    for half, name in ((1, "half_a"), (2, "half_b")):
        command = [relion / "relion_reconstruct", "--ctf", "--i", "J1/particles.star", "--o", tmp_path / "map.mrc", "--subset", str(half)]
        subprocess.run(command, check=True, capture_output=True, cwd=imported.project_folder, timeout=250)
        assert least_fsc(reconstructed.folder / f"{name}.mrc", tmp_path / "map.mrc") > LEAST_FSC


def test_relion_refines_our_table(imported, reconstructed, relion, tmp_path):
    """One iteration: RELION reads table, images and map, and its own table has all columns of ours."""
    command = [relion / "relion_refine", "--i", "J1/particles.star", "--o", tmp_path / "run", "--ref", "J2/map.mrc"]
    options = "--iter 1 --ctf --skip_align --particle_diameter 150 --tau2_fudge 4 --flatten_solvent --ini_high 30 --j 1 --norm --scale"
    subprocess.run([*command, *options.split()], check=True, capture_output=True, cwd=imported.project_folder, timeout=250)
    theirs = read_star(tmp_path / "run_it001_data.star")
    ours = read_star(imported.folder / "particles.star")
    assert set(ours["particles"].columns) <= set(theirs["particles"].columns)
    assert set(ours["optics"].columns) <= set(theirs["optics"].columns)
    assert_array_equal(theirs["particles"].columns["rlnTriskelionUid"], ours["particles"].columns["rlnTriskelionUid"])


@pytest.fixture(scope="module")
def exported(imported):
    """J3: the particles as CryoSPARC takes them."""
    return run_job("export_cryosparc", FakeContext(imported.project_folder, "J3"), particles="J1")


def test_an_exported_group_is_whole(imported, exported):
    table = read_cs(exported.folder / "particles.cs")
    assert exported.summary == {"n_particles": N_PARTICLES, "files": ["particles.cs", "particles.csg"]}
    path = table["blob/path"][0].decode()
    assert path.startswith(">images/")
    with mrcfile.mmap(exported.folder / path.removeprefix(">")) as mrc:
        particles = imported.read_particles("J1")
        assert_array_equal(mrc.data[table["blob/idx"][7]], imported.open_images(particles).read(np.array([7]))[0])
    named = run_job("export_cryosparc", FakeContext(imported.project_folder, "J9"), particles="J1", link_images=False)
    path = read_cs(named.folder / "particles.cs")["blob/path"][0].decode()
    assert path.startswith("/") and path.endswith("Extract/job007/a.mrcs") and not (named.folder / "images").exists()


def test_from_relion_through_cryosparc_to_the_same_map(imported, reconstructed, exported):
    """A group of CryoSPARC is imported as any other; its maps are those of the particles it was made from."""
    context = FakeContext(imported.project_folder, "J4")
    again = run_job("import_particles", context, meta=str(exported.folder / "particles.csg"), contrast="bright").read_particles("J4")
    first = imported.read_particles("J1")
    assert rotation_difference_deg(rotvec_to_matrix(again["rotvec_rad"]), rotvec_to_matrix(first["rotvec_rad"])).max() < 1e-4
    assert_allclose(again["shift_A"], first["shift_A"], atol=1e-4)
    assert_array_equal(again["half_set"], first["half_set"])
    job = run_job("reconstruct", FakeContext(imported.project_folder, "J5"), particles="J4")
    for name in ("half_a", "half_b"):
        assert least_fsc(reconstructed.folder / f"{name}.mrc", job.folder / f"{name}.mrc") > LEAST_FSC


def test_a_table_of_cryosparc_is_exported_to_relion(imported, reconstructed, relion, tmp_path):
    """.cs -> ours -> relion_reconstruct, columns that RELION does not know among the others."""
    particles = imported.read_particles("J1")
    folder = tmp_path / "J7"
    folder.mkdir()
    (folder / "a.mrcs").symlink_to((imported.project_folder / particles["image_path"][0]).resolve())
    named = particles.with_columns(image_path=np.array([">a.mrcs"] * len(particles)))
    write_cs_particles(folder / "J7_012_particles.cs", named)
    run_job("import_particles", FakeContext(tmp_path / "project"), meta=str(folder / "J7_012_particles.cs"), contrast="bright")
    columns = read_star(tmp_path / "project/J1/particles.star")["optics"].columns
    assert "ctf/trefoil_A" in columns and "rlnTriskelionCryosparcFields" in columns
    command = [relion / "relion_reconstruct", "--ctf", "--i", "J1/particles.star", "--o", tmp_path / "map.mrc", "--subset", "1"]
    subprocess.run(command, check=True, capture_output=True, cwd=tmp_path / "project", timeout=250)
    assert least_fsc(reconstructed.folder / "half_a.mrc", tmp_path / "map.mrc") > LEAST_FSC


def test_a_passthrough_file_goes_with_a_cs_file(relion_project, tmp_path):
    from triskelion.errors import InputError

    with pytest.raises(InputError, match=r"goes with a \.cs file, got run_data\.star"):
        run_job("import_particles", FakeContext(tmp_path), meta=str(relion_project / "Refine3D/job019/run_data.star"), passthrough="x.cs")
