"""RELION's particle tables of all versions become ours and come out again; RELION 3.1.3 reads what we write."""

import os
import pickle
import subprocess
from dataclasses import replace

import mrcfile
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from triskelion.data.particles import HALF_A, HALF_B, OpticsGroup, Particles
from triskelion.errors import DataError
from triskelion.geometry.rotations import matrix_to_rotvec, random_rotations, rotvec_to_matrix
from triskelion.io.optics_star import Microscope
from triskelion.io.particle_star import parse_particles, read_particles, write_particles
from triskelion.io.star import read_star, write_star

AMPLITUDE_CONTRAST = Microscope(amplitude_contrast=0.1)
REAL = {
    "relion31.star": Microscope(),
    "relion31.v2.star": Microscope(),
    "relion31.6opticsgroups.star": Microscope(),
    "relion5.star": Microscope(),
    "FinalRefinement-OriginalParticles-PfCRT.star": AMPLITUDE_CONTRAST,
    "../real_ribosome/particles.star": Microscope(),
}
MINIMAL = """
data_optics
loop_
_rlnOpticsGroup
_rlnImagePixelSize
_rlnVoltage
_rlnSphericalAberration
_rlnAmplitudeContrast
_rlnImageSize
3 2.0 300 2.7 0.1 64
7 1.0 200 2.7 0.1 128
data_particles
loop_
_rlnImageName
_rlnAngleRot
_rlnAngleTilt
_rlnAnglePsi
_rlnOriginXAngst
_rlnOriginYAngst
_rlnDefocusU
_rlnDefocusV
_rlnDefocusAngle
_rlnRandomSubset
_rlnOpticsGroup
2@a.mrcs 10 20 30 4.0 -6 15000 14000 45 1 7
1@a.mrcs 10 20 30 4.0 -6 15000 14000 45 2 3
b.mrc 10 20 30 0 0 15000 14000 45 2 3
"""


def assert_same(first, second):
    assert first.optics == second.optics
    for name, values in first.table.items():
        assert_array_equal(values, second[name], err_msg=name)
    assert list(first.extra) == list(second.extra)
    for name, values in first.extra.items():
        assert_array_equal(values, second.extra[name], err_msg=name)


@pytest.mark.parametrize("name", REAL)
def test_real_tables_return_without_loss(shared_dir, tmp_path, name):
    path = shared_dir / "data" / "formats" / name
    particles = read_particles(path, REAL[name])
    write_particles(tmp_path / "first.star", particles)
    again = read_particles(tmp_path / "first.star")
    assert_same(again, particles)
    write_particles(tmp_path / "second.star", again)
    assert (tmp_path / "second.star").read_bytes() == (tmp_path / "first.star").read_bytes()
    before = next(table.columns for key, table in read_star(path).items() if key != "optics")
    after = read_star(tmp_path / "first.star")["particles"].columns
    for label in set(before) - {
        "rlnImageName",
        "rlnOriginX",
        "rlnOriginY",
        "rlnVoltage",
        "rlnSphericalAberration",
        "rlnDetectorPixelSize",
        "rlnMagnification",
    }:
        if label in particles.extra:
            assert_array_equal(after[label], before[label], err_msg=label)
        else:  # angles of the poles' other side are the same direction written differently
            assert_allclose(after[label].astype(float), before[label].astype(float), atol=1e-9, err_msg=label)


def test_relion30_against_what_another_program_read(shared_dir):
    formats = shared_dir / "data" / "formats"
    with open(formats / "pose.star.pkl", "rb") as file:
        rotations, shifts = pickle.load(file)
    particles = read_particles(formats / "FinalRefinement-OriginalParticles-PfCRT.star", AMPLITUDE_CONTRAST)
    assert_allclose(rotvec_to_matrix(particles["rotvec_rad"]), rotations, atol=1e-12)
    # that program keeps RELION's origin, in fractions of a box of 300 px; pixels are 1.035 um / 10000 = 1.035 Å
    assert_allclose(particles["shift_A"], -shifts * 300 * 1.035, atol=1e-6)
    assert particles.optics == (OpticsGroup("opticsGroup1", 1.035, 0, 300.0, 0.001, 0.1),)
    assert particles["half_set"].tolist()[:3] == [HALF_B, HALF_A, HALF_B]
    assert particles["image_index"].tolist() == [0, 1, 2, 3, 4]
    assert "rlnMicrographName" in particles.extra


def test_aberrations_and_groups(shared_dir):
    particles = read_particles(shared_dir / "data" / "formats" / "relion31.6opticsgroups.star")
    assert [group.name for group in particles.optics] == [f"opticsGroup{k}" for k in (5, 3, 2, 1, 4, 6)]
    third = particles.optics[2]
    assert (third.pixel_size_A, third.box_px, third.beam_tilt_xy_mrad) == (1.25, 196, (-0.24449, 0.600143))
    assert third.odd_zernike[:3] == (0.804124927631, -0.324810461985, 4.04395896233) and len(third.even_zernike) == 9
    assert third.magnification == (1.022378, 0.011659, 0.010491, 1.02031)
    assert third.extra == {"rlnMicrographPixelSize": "1.250000"}
    assert not third.ctf_premultiplied
    assert read_particles(shared_dir / "data" / "real_ribosome" / "particles.star").optics[0].ctf_premultiplied


@pytest.fixture
def minimal(tmp_path):
    (tmp_path / "minimal.star").write_text(MINIMAL)
    return tmp_path / "minimal.star"


def test_group_numbers_need_not_be_places(minimal):
    particles = read_particles(minimal)
    assert particles["optics_group"].tolist() == [1, 0, 0]
    assert particles["image_path"].tolist() == ["a.mrcs", "a.mrcs", "b.mrc"]
    assert particles["image_index"].tolist() == [1, 0, 0]
    assert_allclose(particles["shift_A"][0], [-4, 6])
    assert_allclose(particles["defocus_angle_rad"], np.pi / 4)


def test_another_pixel_size_scales_shifts(minimal):
    particles = read_particles(minimal, Microscope(pixel_size_A=3.0, voltage_kV=120.0))
    assert_allclose(particles["shift_A"], [[-12, 18], [-6, 9], [0, 0]])
    assert {(group.pixel_size_A, group.voltage_kV) for group in particles.optics} == {(3.0, 120.0)}


def test_relion30_microscopes_become_optics_groups(tmp_path):
    labels = (
        "ImageName AngleRot AngleTilt AnglePsi OriginX DefocusU DefocusV DefocusAngle Voltage SphericalAberration AmplitudeContrast Magnification"
    )
    header = "".join(f"_rln{label}\n" for label in [*labels.split(), "DetectorPixelSize", "BeamTiltX"])
    (tmp_path / "old.star").write_text(
        f"data_\nloop_\n{header}1@a.mrcs 1 2 3 2 9000 9000 0 300 2.7 0.1 20000 5 0.2\n"
        "1@b.mrcs 1 2 3 2 9000 9000 0 200 2.7 0.1 50000 5 0\n2@a.mrcs 1 2 3 2 9000 9000 0 300 2.7 0.1 20000 5 0.2\n"
    )
    particles = read_particles(tmp_path / "old.star")
    assert particles["optics_group"].tolist() == [0, 1, 0]
    assert [(group.pixel_size_A, group.voltage_kV, group.beam_tilt_xy_mrad) for group in particles.optics] == [(2.5, 300, (0.2, 0)), (1, 200, (0, 0))]
    assert_allclose(particles["shift_A"], [[-5, 0], [-2, 0], [-5, 0]])


def make_particles(n=50):
    generator = np.random.default_rng(5)
    optics = (
        OpticsGroup("first", 1.35, 64, 300.0, 2.7, 0.07, extra={"rlnMtfFileName": "m.star"}),
        OpticsGroup("second", 1.1, 80, 200.0, 0.01, 0.1, True, -1, (0.3, -0.1), (0.1, 0.2), (5.0,), (1.01, 0.0, 0.001, 0.99)),
    )
    return Particles.build(
        optics,
        {"rlnMicrographName": np.array([f"my micrograph {k}.mrc" for k in range(n)])},
        uid=generator.integers(0, 2**64, n, dtype=np.uint64),
        image_path=[f"J1/images/{k % 3}.mrcs" for k in range(n)],
        image_index=np.arange(n),
        optics_group=np.arange(n) % 2,
        half_set=np.arange(n) % 2,
        rotvec_rad=matrix_to_rotvec(random_rotations(n, generator)),
        shift_A=generator.normal(0, 3, (n, 2)),
        consensus_rotvec_rad=matrix_to_rotvec(random_rotations(n, generator)),
        consensus_shift_A=generator.normal(0, 3, (n, 2)),
        defocus_u_A=generator.uniform(5000, 30000, n),
        defocus_v_A=generator.uniform(5000, 30000, n),
        defocus_angle_rad=generator.uniform(-3, 3, n),
        phase_shift_rad=generator.uniform(0, 3, n),
        contrast=generator.uniform(0.5, 1.5, n),
    )


def test_everything_in_the_table_returns(tmp_path):
    particles = make_particles()
    write_particles(tmp_path / "particles.star", particles)
    again = read_particles(tmp_path / "particles.star")
    assert again.optics[1] == OpticsGroup(**{**vars(particles.optics[1]), "extra": {"rlnMtfFileName": "None"}})
    assert again.optics[0] == OpticsGroup(**{**vars(particles.optics[0]), "odd_zernike": (), "even_zernike": ()})
    for name, values in particles.table.items():
        if "rad" in name:  # angles are written to 1e-10 degrees
            assert_allclose(again[name], values, atol=2e-11, rtol=0, err_msg=name)
        else:
            assert_array_equal(again[name], values, err_msg=name)
    assert_array_equal(again.extra["rlnMicrographName"], particles.extra["rlnMicrographName"])


def test_labels_start_as_every_reader_expects(tmp_path):
    write_particles(tmp_path / "particles.star", make_particles())
    for table in read_star(tmp_path / "particles.star").values():
        assert all(label.startswith("rln") for label in table.columns)


def test_uids_name_images_and_survive(minimal, tmp_path):
    particles = read_particles(minimal)
    assert_array_equal(read_particles(minimal)["uid"], particles["uid"])
    assert len(set(particles["uid"].tolist())) == 3
    moved = Particles.build(particles.optics, particles.extra, **{**particles.table, "image_path": np.array(["J3/x.mrcs"] * 3)})
    write_particles(tmp_path / "moved.star", moved)
    assert_array_equal(read_particles(tmp_path / "moved.star")["uid"], particles["uid"])


def test_a_particle_listed_twice_has_two_uids(tmp_path):
    (tmp_path / "expanded.star").write_text(MINIMAL.replace("2@a.mrcs", "1@a.mrcs"))
    particles = read_particles(tmp_path / "expanded.star")
    assert len(set(particles["uid"].tolist())) == 3
    write_particles(tmp_path / "again.star", particles.select([0, 0, 1]))  # as relion_particle_symmetry_expand does
    again = read_particles(tmp_path / "again.star")
    assert len(set(again["uid"].tolist())) == 3 and again["uid"][0] == particles["uid"][0]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("_rlnAngleTilt", "_rlnAngleTiltPrior", r"has no angles \(rlnAngleTilt missing\): refine"),
        ("_rlnDefocusU", "_x", r"has no CTF \(rlnDefocusU missing\)"),
        ("_rlnImageName", "_rlnMicrographName", "no table of particles"),
        ("_rlnVoltage", "_x", r"does not say rlnVoltage \(or give voltage_kV\)"),
        ("1@a.mrcs 10 20", "1@a.mrcs 10 nan", "row 2: rlnAngleTilt is nan, wanted a finite number; 1 of 3 rows"),
        ("b.mrc 10", "b.mrc ten", "row 3: rlnAngleRot is ten"),
        ("b.mrc 10", "b.mrc 1e9", "row 3: rlnAngleRot is 1e9, wanted a size of at most 720"),
        ("0 0 15000", "0 0 1.5e9", "row 3: rlnDefocusU is 1.5e9"),
        ("2@a.mrcs", "0@a.mrcs", "row 1: rlnImageName is 0@a.mrcs"),
        ("45 1 7", "45 1 8", r"row 1: its optics group is not among those of the file \(3, 7\)"),
        ("300 2.7", "300000 2.7", "optics group 1: rlnVoltage is 300000, wanted a number from"),
    ],
)
def test_what_cannot_be_is_named(tmp_path, old, new, message):
    assert old in MINIMAL
    (tmp_path / "bad.star").write_text(MINIMAL.replace(old, new, 1))
    with pytest.raises(DataError, match=rf"bad\.star.*{message}"):
        read_particles(tmp_path / "bad.star")


def test_impossible_rows_can_be_collected(tmp_path):
    (tmp_path / "bad.star").write_text(MINIMAL.replace("b.mrc 10", "b.mrc nan").replace("4.0 -6", "inf -6", 1))
    particles, impossible = parse_particles(tmp_path / "bad.star")
    assert list(impossible) == [0, 2] and "rlnOriginXAngst" in impossible[0]
    assert np.isfinite(particles["rotvec_rad"]).all() and len(particles) == 3


def test_files_without_poses_say_what_to_do(shared_dir):
    with pytest.raises(DataError, match=r"empiar_10076_7\.star has no angles .* refine the particles"):
        read_particles(shared_dir / "data" / "formats" / "empiar_10076_7.star")
    with pytest.raises(DataError, match=r"PfCRT\.star does not say rlnAmplitudeContrast \(or give amplitude_contrast\)"):
        read_particles(shared_dir / "data" / "formats" / "FinalRefinement-OriginalParticles-PfCRT.star")


def test_relion_reconstructs_the_same_map_from_our_file(shared_dir, relion, tmp_path):
    source = shared_dir / "data" / "real_ribosome"
    os.symlink(source / "particles.mrcs", tmp_path / "particles.mrcs")
    particles = read_particles(source / "particles.star").select(np.arange(300))
    tables = read_star(source / "particles.star")
    tables["particles"].columns = {label: values[:300] for label, values in tables["particles"].columns.items()}
    write_star(tmp_path / "theirs.star", tables)
    write_particles(tmp_path / "ours.star", particles.with_columns(consensus_shift_A=particles["shift_A"] + 1, contrast=np.full(300, 0.9)))
    maps = []
    for name in ("theirs", "ours"):
        command = [relion / "relion_reconstruct", "--i", f"{name}.star", "--o", f"{name}.mrc", "--ctf", "--maxres", "30"]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=100)
        with mrcfile.open(tmp_path / f"{name}.mrc") as mrc:
            maps.append(mrc.data.copy())
    assert maps[0].std() > 0
    assert_array_equal(maps[1], maps[0])


def test_what_was_kept_in_subtracted_images_is_remembered(tmp_path, shared_dir):
    particles = read_particles(shared_dir / "data" / "real_ribosome" / "particles.star")
    assert particles.kept_masks == []
    marked = particles.with_optics(tuple(replace(group, kept_mask="J3/my mask.mrc") for group in particles.optics))
    write_particles(tmp_path / "particles.star", marked)
    assert read_particles(tmp_path / "particles.star").kept_masks == ["J3/my mask.mrc"]
