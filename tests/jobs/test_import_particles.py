"""import_particles on simulated and real particles, whole and broken."""

import os
import subprocess
import sys
from dataclasses import replace

import mrcfile
import numpy as np
import pytest
from tests.jobs.fake_context import FakeContext, run_job

from triskelion.errors import DataError, InputError
from triskelion.io.mrc import open_stack, write_stack
from triskelion.io.particle_star import read_particles, write_particles
from triskelion.io.star import read_star, write_star


@pytest.fixture(scope="session")
def hinge_set(shared_dir, tmp_path_factory):
    """Few particles of the independent simulator, protein bright."""
    folder = tmp_path_factory.mktemp("hinge_set")
    command = [sys.executable, shared_dir / "tools" / "hinge_set.py", folder, "--n", "24", "--box", "48", "--apix", "8", "--snr", "0.05"]
    subprocess.run(command, check=True, capture_output=True, timeout=200, env={**os.environ, "OMP_NUM_THREADS": "1"})
    return folder


@pytest.fixture
def small(tmp_path):
    """Twelve images of noise in two stacks of a RELION project, and a table of them."""
    project = tmp_path / "relion"
    (project / "Extract").mkdir(parents=True)
    (project / "Refine3D").mkdir()
    images = np.random.default_rng(0).standard_normal((12, 16, 16)).astype(np.float32)
    write_stack(project / "Extract" / "a.mrcs", [images[:6]], 6, 4.0)
    write_stack(project / "Extract" / "b.mrc", [images[6:]], 6, 4.0)
    rows = "".join(
        f"{k % 6 + 1}@Extract/{'a.mrcs' if k < 6 else 'b.mrc'} {10 * k} 40 20 1 -2 12000 11000 30 {k % 2 + 1} 300 2.7 0.1 4.0 mic{k}\n"
        for k in range(12)
    )
    labels = "ImageName AngleRot AngleTilt AnglePsi OriginXAngst OriginYAngst DefocusU DefocusV DefocusAngle RandomSubset Voltage"
    labels += " SphericalAberration AmplitudeContrast ImagePixelSize MicrographName"
    header = "".join(f"_rln{label}\n" for label in labels.split())
    (project / "Refine3D" / "data.star").write_text(f"data_\nloop_\n{header}{rows}")
    return project


def import_particles(tmp_path, meta, **parameters):
    return run_job("import_particles", FakeContext(tmp_path / "project"), meta=str(meta), **parameters)


def edit(star, label, row, value):
    tables = read_star(star)
    column = tables[""].columns[label].astype(object)
    column[row] = value
    tables[""].columns[label] = column.astype(str)
    write_star(star, tables)


def test_images_are_linked_and_read_back(small, tmp_path):
    context = import_particles(tmp_path, small / "Refine3D" / "data.star", contrast="bright")
    particles = context.read_particles("J1")
    assert particles["image_path"].tolist() == ["J1/images/Extract/a.mrcs"] * 6 + ["J1/images/Extract/b.mrcs"] * 6
    link = context.folder / "images" / "Extract" / "b.mrcs"
    assert link.is_symlink() and link.resolve() == (small / "Extract" / "b.mrc").resolve()
    expected = np.concatenate([open_stack(small / "Extract" / name) for name in ("a.mrcs", "b.mrc")])
    np.testing.assert_array_equal(context.open_images(particles).read(np.arange(12)), expected)
    assert context.summary == {"n_particles": 12, "n_dropped": 0, "pixel_size_A": 4.0, "box_px": 16, "contrast": "bright"}
    assert set(context.plots) == {"sample_images", "defocus", "viewing_directions"}
    assert context.bars[0].done == context.bars[0].total == 12
    assert particles.extra["rlnMicrographName"].tolist() == [f"mic{k}" for k in range(12)]
    assert not list(tmp_path.glob("**/*.mrcs.*"))


def test_stacks_are_found_by_what_is_left_of_their_path(small, tmp_path):
    moved = tmp_path / "elsewhere"
    (small / "Extract").rename(moved)
    named = r"12 of 12 particles cannot be used(.|\n)*data\.star \(row 1\): .*a\.mrcs is not in(.|\n)*check meta and data_dir"
    with pytest.raises(DataError, match=named):
        import_particles(tmp_path, small / "Refine3D" / "data.star")
    with pytest.raises(InputError, match=r"data_dir .*Extract is not a folder"):
        import_particles(tmp_path, small / "Refine3D" / "data.star", data_dir=str(small / "Extract"))
    context = import_particles(tmp_path, small / "Refine3D" / "data.star", data_dir=str(moved))
    assert len(context.read_particles("J1")) == 12


def test_subtracted_images_stay_known_as_such(small, tmp_path):
    """The mask of what was kept is named from the other project's folder: it is found, or at least not mistaken for one of this project."""
    table = read_particles(small / "Refine3D" / "data.star")
    (small / "Refine3D" / "mask.mrc").write_bytes(b"a mask")
    for mask, expected in (("Refine3D/mask.mrc", small / "Refine3D" / "mask.mrc"), ("J7/lost.mrc", small / "Refine3D" / "J7" / "lost.mrc")):
        write_particles(small / "Refine3D" / "subtracted.star", table.with_optics((replace(table.optics[0], kept_mask=mask),)))
        context = import_particles(tmp_path, small / "Refine3D" / "subtracted.star", contrast="bright")
        assert context.read_particles("J1").kept_masks == [str(expected)]


def test_nothing_in_noise_is_called_bright_with_a_warning(small, tmp_path):
    context = import_particles(tmp_path, small / "Refine3D" / "data.star")
    assert context.summary["contrast"] == "bright"
    assert any("do not show whether protein is bright or dark" in warning for warning in context.warnings)


def test_overrides(small, tmp_path):
    context = import_particles(
        tmp_path, small / "Refine3D" / "data.star", pixel_size_A=5.0, voltage_kV=200, cs_mm=0.0, amplitude_contrast=0.07, contrast="dark"
    )
    particles = context.read_particles("J1")
    optics = particles.optics[0]
    assert (optics.pixel_size_A, optics.voltage_kV, optics.cs_mm, optics.amplitude_contrast, optics.image_sign) == (5.0, 200, 0, 0.07, -1)
    np.testing.assert_allclose(particles["shift_A"][0], [-1.25, 2.5])
    assert any("4 Å/px, the particle table 5 Å/px" in warning for warning in context.warnings)


def test_half_sets_of_the_file_or_drawn(small, tmp_path):
    star = small / "Refine3D" / "data.star"
    context = import_particles(tmp_path, star)
    assert context.read_particles("J1")["half_set"].tolist() == [0, 1] * 6
    drawn = [import_particles(tmp_path, star, half_sets="draw", seed=seed).read_particles("J1")["half_set"].tolist() for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert [sum(halves) for halves in drawn] == [6, 6, 6]
    tables = read_star(star)
    del tables[""].columns["rlnRandomSubset"]
    write_star(star, tables)
    assert import_particles(tmp_path, star, seed=1).read_particles("J1")["half_set"].tolist() == drawn[0]


def test_an_image_listed_twice_stays_in_one_half(small, tmp_path):
    star = small / "Refine3D" / "data.star"
    tables = read_star(star)
    tables[""].columns = {label: np.repeat(values, 2) for label, values in tables[""].columns.items()}
    write_star(star, tables)
    particles = import_particles(tmp_path, star, half_sets="draw").read_particles("J1")
    assert (particles["half_set"][::2] == particles["half_set"][1::2]).all()
    assert len(np.unique(particles["uid"])) == 24


def test_all_particles_in_one_half_are_refused(small, tmp_path):
    tables = read_star(small / "Refine3D" / "data.star")
    tables[""].columns["rlnRandomSubset"] = np.array(["1"] * 12)
    write_star(small / "Refine3D" / "data.star", tables)
    with pytest.raises(DataError, match=r"half-set b is empty: all 12 particles .* half_sets='draw'"):
        import_particles(tmp_path, small / "Refine3D" / "data.star")


def overwrite_image(path, place, values):
    content = bytearray(path.read_bytes())
    content[1024 + place * 1024 : 1024 + (place + 1) * 1024] = np.asarray(values, dtype="<f4").tobytes()
    path.write_bytes(content)


def spoil(small):
    """Spoil rows 2 (NaN), 4 (constant), 5 (impossible angle), 11 and 12 (cut off)."""
    overwrite_image(small / "Extract" / "a.mrcs", 1, np.full((16, 16), np.nan))
    overwrite_image(small / "Extract" / "a.mrcs", 3, np.full((16, 16), 2.0))
    edit(small / "Refine3D" / "data.star", "rlnAngleTilt", 4, "nan")
    whole = (small / "Extract" / "b.mrc").read_bytes()
    (small / "Extract" / "b.mrc").write_bytes(whole[: -1024 - 500])


def test_bad_particles_are_named_with_file_and_row(small, tmp_path):
    spoil(small)
    with pytest.raises(DataError) as caught:
        import_particles(tmp_path, small / "Refine3D" / "data.star")
    message = str(caught.value)
    assert message.startswith("5 of 12 particles cannot be used:")
    for part in (
        "a.mrcs (row 2): image 2 holds NaN",
        "a.mrcs (row 4): image 4 is constant",
        "data.star (row 5): rlnAngleTilt is nan",
        "and 2 more",
        "drop_bad=true",
    ):
        assert part in message
    assert not (tmp_path / "project" / "J1" / "particles.star").exists()


def test_bad_particles_are_dropped_when_told_so(small, tmp_path):
    spoil(small)
    context = import_particles(tmp_path, small / "Refine3D" / "data.star", drop_bad=True)
    particles = context.read_particles("J1")
    assert particles.extra["rlnMicrographName"].tolist() == [f"mic{k}" for k in (0, 2, 5, 6, 7, 8, 9)]
    assert (context.summary["n_particles"], context.summary["n_dropped"]) == (7, 5)
    assert "5 of 12 particles" in context.warnings[0]
    assert np.isfinite(context.open_images(particles).read(np.arange(7))).all()


def test_a_missing_stack_is_named(small, tmp_path):
    (small / "Extract" / "b.mrc").unlink()
    with pytest.raises(DataError, match=r"6 of 12 .*\n.*data\.star \(row 7\): Extract/b\.mrc is not in"):
        import_particles(tmp_path, small / "Refine3D" / "data.star")
    context = import_particles(tmp_path, small / "Refine3D" / "data.star", drop_bad=True)
    assert context.summary["n_particles"] == 6


def test_a_table_without_angles_is_refused(shared_dir, tmp_path):
    with pytest.raises(DataError, match=r"empiar_10076_7\.star has no angles"):
        import_particles(tmp_path, shared_dir / "data" / "formats" / "empiar_10076_7.star")


def test_dark_protein_is_found_and_turned_bright(hinge_set, tmp_path):
    bright = import_particles(tmp_path, hinge_set / "particles.star")
    images = bright.open_images(bright.read_particles("J1")).read(np.arange(24))
    assert bright.summary["contrast"] == "bright" and not bright.warnings
    dark_folder = tmp_path / "dark"
    dark_folder.mkdir()
    write_stack(dark_folder / "particles.mrcs", [-open_stack(hinge_set / "particles.mrcs")], 24, 8.0)
    (dark_folder / "particles.star").write_bytes((hinge_set / "particles.star").read_bytes())
    dark = import_particles(tmp_path, dark_folder / "particles.star")
    assert dark.summary["contrast"] == "dark" and not dark.warnings
    np.testing.assert_array_equal(dark.open_images(dark.read_particles("J1")).read(np.arange(24)), images)
    # what was imported once is imported again with the same sign
    again = import_particles(tmp_path / "second", dark.folder / "particles.star", data_dir=str(dark.project_folder))
    assert again.summary["contrast"] == "dark"


def test_real_particles(shared_dir, tmp_path):
    context = import_particles(tmp_path, shared_dir / "data" / "real_ribosome" / "particles.star")
    assert context.summary == {"n_particles": 1430, "n_dropped": 0, "pixel_size_A": 12.0, "box_px": 32, "contrast": "bright"}
    particles = context.read_particles("J1")
    assert particles.optics[0].ctf_premultiplied
    source = read_particles(shared_dir / "data" / "real_ribosome" / "particles.star")
    for name in ("rotvec_rad", "shift_A", "defocus_u_A", "ctf_scale", "half_set", "uid"):
        np.testing.assert_array_equal(particles[name], source[name])
    with mrcfile.mmap(shared_dir / "data" / "real_ribosome" / "particles.mrcs") as mrc:
        np.testing.assert_array_equal(context.open_images(particles).read(np.array([1429, 3])), mrc.data[[1429, 3]])


def test_box_that_does_not_fit_the_table_says_both(small, tmp_path):
    particles = read_particles(small / "Refine3D" / "data.star")
    from dataclasses import replace

    write_particles(small / "Refine3D" / "wrong.star", particles.with_optics(tuple(replace(group, box_px=32) for group in particles.optics)))
    with pytest.raises(DataError, match=r"images of 16 x 16 px, but the particle table says 32 x 32"):
        import_particles(tmp_path, small / "Refine3D" / "wrong.star")
