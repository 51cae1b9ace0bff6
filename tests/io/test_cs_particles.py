"""Particles of CryoSPARC become ours and come out again; another program's reading of the same file is the oracle."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from tests.io.restricted_pickle import load_arrays

from triskelion.data.particles import OpticsGroup, Particles
from triskelion.errors import DataError
from triskelion.geometry.rotations import random_rotations, rotation_difference_deg, rotvec_to_matrix
from triskelion.io.cs import build_table, join_tables, read_cs, write_cs
from triskelion.io.cs_fields import STANDARD
from triskelion.io.cs_particles import list_not_applied, list_not_expressed, parse_cs_particles, write_cs_particles
from triskelion.io.optics_star import Microscope
from triskelion.io.particle_star import parse_particles, read_particles, write_particles

POSED = "cryosparc_P12_J24_001_particles.cs"


def read(path, *passthrough, **typed):
    particles, impossible = parse_cs_particles(path, passthrough, Microscope(**typed))
    assert not impossible
    return particles


@pytest.fixture
def table():
    """Six particles of two exposure groups, as CryoSPARC describes them."""
    rng = np.random.default_rng(0)
    n = 6
    fields = {
        "uid": rng.integers(0, 2**64, n, dtype=np.uint64),
        "blob/path": np.array([b">J1/imported/a.mrc"] * 4 + [b"J1/extract/b.mrc"] * 2),
        "blob/idx": np.arange(n, dtype=np.uint32),
        "blob/shape": np.full((n, 2), 64, dtype=np.uint32),
        "blob/psize_A": np.full(n, 1.345, dtype=np.float32),
        "blob/sign": np.full(n, -1, dtype=np.float32),
        "ctf/exp_group_id": np.array([7, 7, 2, 7, 2, 2], dtype=np.uint32),
        "ctf/accel_kv": np.full(n, 300, dtype=np.float32),
        "ctf/cs_mm": np.full(n, 2.7, dtype=np.float32),
        "ctf/amp_contrast": np.full(n, 0.1, dtype=np.float32),
        "ctf/df1_A": rng.uniform(1e4, 2e4, n).astype(np.float32),
        "ctf/df2_A": rng.uniform(1e4, 2e4, n).astype(np.float32),
        "ctf/df_angle_rad": rng.uniform(-3, 3, n).astype(np.float32),
        "ctf/phase_shift_rad": np.full(n, 0.5, dtype=np.float32),
        "ctf/bfactor": np.full(n, 12.5, dtype=np.float32),
        "ctf/scale": np.full(n, 0.9, dtype=np.float32),
        "alignments3D/split": np.array([0, 1, 1, 0, 0, 1], dtype=np.uint32),
        "alignments3D/shift": rng.uniform(-5, 5, (n, 2)).astype(np.float32),
        "alignments3D/pose": rng.uniform(-2, 2, (n, 3)).astype(np.float32),
        "alignments3D/psize_A": np.full(n, 2.69, dtype=np.float32),
        "alignments3D/alpha": rng.uniform(0.5, 2, n).astype(np.float32),
        "location/micrograph_path": np.array([f"J2/mic {k}.mrc".encode() for k in range(n)]),
        "ctf/tilt_A": np.zeros((n, 2), dtype=np.float32),
    }
    fields["ctf/tilt_A"][[0, 1, 3]] = (4050.0, -1350.0)
    return build_table(fields)


def change(table, **columns):
    fields = {name: table[name] for name in table.dtype.names}
    return build_table({**fields, **{name.replace("__", "/"): values for name, values in columns.items()}})


def test_poses_equal_what_another_program_read(shared_dir):
    formats = shared_dir / "data" / "formats"
    particles = read(formats / POSED)
    rotations, shifts = load_arrays(formats / "pose.cs.pkl")  # exp(pose)^T; shifts as fractions of the box, RELION's sign
    assert_allclose(rotvec_to_matrix(particles["rotvec_rad"]), rotations, atol=1e-4)
    group = particles.optics[0]
    assert_allclose(-particles["shift_A"] / (group.box_px * group.pixel_size_A), shifts, atol=1e-4)


def test_poses_of_star_files_equal_what_another_program_read(shared_dir):
    formats = shared_dir / "data" / "formats"
    particles, _ = parse_particles(formats / "FinalRefinement-OriginalParticles-PfCRT.star", Microscope(amplitude_contrast=0.1))
    rotations, shifts = load_arrays(formats / "pose.star.pkl")
    assert_allclose(rotvec_to_matrix(particles["rotvec_rad"]), rotations, atol=1e-4)
    assert_allclose(-particles["shift_A"] / (300 * particles.optics[0].pixel_size_A), shifts, atol=1e-4)


def test_one_stack_in_both_languages(shared_dir):
    """The .cs and .star files of the same seven particles say the same of CTF and images."""
    formats = shared_dir / "data" / "formats"
    table = read_cs(formats / "empiar_10076_7.cs")
    with pytest.raises(DataError, match=r"empiar_10076_7\.cs: .* has no 3D poses \(alignments3D/pose, alignments3D/shift missing\)"):
        parse_cs_particles(formats / "empiar_10076_7.cs")
    posed = join_tables({"a": table, "b": build_table({"uid": table["uid"], "alignments3D/pose": np.zeros((7, 3), "f4"),
                                                       "alignments3D/shift": np.zeros((7, 2), "f4")})})  # fmt: skip
    assert len(posed) == 7 and posed["blob/idx"].tolist() == list(range(7))


def test_units_signs_and_groups(table, tmp_path):
    write_cs(tmp_path / "a.cs", table)
    particles = read(tmp_path / "a.cs")
    assert [group.name for group in particles.optics] == ["exposureGroup7", "exposureGroup2"]
    assert particles["optics_group"].tolist() == [0, 0, 1, 0, 1, 1] and particles["half_set"].tolist() == [0, 1, 1, 0, 0, 1]
    first, second = particles.optics
    assert (first.pixel_size_A, first.box_px, first.voltage_kV, first.cs_mm, first.amplitude_contrast, first.image_sign) == (
        1.345,
        64,
        300,
        2.7,
        0.1,
        -1,
    )
    assert_allclose(first.beam_tilt_xy_mrad, (0.15, -0.05), rtol=1e-6)  # of Cs 2.7e7 Å
    assert second.beam_tilt_xy_mrad == (0, 0)
    assert_allclose(particles["shift_A"], -table["alignments3D/shift"] * 2.69, rtol=1e-6)  # px of the alignment, not of the images
    assert particles["image_path"].tolist() == ["J1/imported/a.mrc"] * 4 + ["J1/extract/b.mrc"] * 2
    for ours, theirs in (("defocus_u_A", "df1_A"), ("defocus_angle_rad", "df_angle_rad"), ("phase_shift_rad", "phase_shift_rad"),
                         ("ctf_bfactor_A2", "bfactor"), ("ctf_scale", "scale")):  # fmt: skip
        assert_array_equal(particles[ours], table[f"ctf/{theirs}"])
    assert_array_equal(particles["uid"], table["uid"])
    assert particles.extra["location/micrograph_path"][1] == "J2/mic 1.mrc"


def test_a_typed_pixel_size_scales_the_shifts(table, tmp_path):
    write_cs(tmp_path / "a.cs", table)
    particles = read(tmp_path / "a.cs", pixel_size_A=1.345 * 1.02)
    assert_allclose(particles["shift_A"], -table["alignments3D/shift"] * 2.69 * 1.02, rtol=1e-6)
    write_cs_particles(tmp_path / "b.cs", particles)
    again = read(tmp_path / "b.cs")
    assert_allclose(again["shift_A"], particles["shift_A"], rtol=1e-6)


def assert_same_columns(before, after):
    for name in before.dtype.names:
        assert after.dtype[name] == before.dtype[name] or before.dtype[name].kind == "S", name
        if name == "alignments3D/pose":
            difference = rotation_difference_deg(rotvec_to_matrix(before[name]), rotvec_to_matrix(after[name]))
            assert difference.max() < 1e-3
        elif name == "blob/path":
            assert_array_equal(np.char.lstrip(before[name], b">"), after[name])
        elif before.dtype[name].base.kind == "f":
            assert_allclose(after[name], before[name], rtol=3e-7, atol=1e-12, err_msg=name)
        else:
            assert_array_equal(after[name], before[name], err_msg=name)


def test_a_round_trip_through_our_table_loses_no_column(table, shared_dir, tmp_path):
    write_cs(tmp_path / "made.cs", table)
    for source in (tmp_path / "made.cs", shared_dir / "data" / "formats" / POSED):
        write_particles(tmp_path / "ours.star", read(source))
        write_cs_particles(tmp_path / "again.cs", read_particles(tmp_path / "ours.star"))
        before, after = read_cs(source), read_cs(tmp_path / "again.cs")
        assert after.dtype.names[: len(before.dtype.names)] == before.dtype.names
        assert set(STANDARD) <= set(after.dtype.names)
        assert_same_columns(before, after)


def test_a_subset_keeps_what_is_shared_and_what_is_not(table, tmp_path):
    write_cs(tmp_path / "a.cs", table)
    write_cs_particles(tmp_path / "b.cs", read(tmp_path / "a.cs").select([4, 1]))
    assert_same_columns(table[[4, 1]], read_cs(tmp_path / "b.cs"))


def test_relion_particles_become_cryosparc_ones(tmp_path):
    rotations = random_rotations(5, np.random.default_rng(3))
    from triskelion.geometry.rotations import matrix_to_rotvec

    optics = (OpticsGroup("a", 1.1, 32, 300, 2.7, 0.1, beam_tilt_xy_mrad=(0.2, -0.3)), OpticsGroup("b", 1.1, 32, 200, 2.0, 0.07, image_sign=-1))
    ours = Particles.build(
        optics, uid=np.arange(5), image_path=np.array(["x.mrcs"] * 5), image_index=np.arange(5), optics_group=np.array([0, 1, 1, 0, 1]),
        half_set=np.array([0, 1, 0, 1, 0]), rotvec_rad=matrix_to_rotvec(rotations), shift_A=np.arange(10.0).reshape(5, 2), contrast=np.full(5, 1.5),
        defocus_u_A=np.full(5, 1e4), defocus_v_A=np.full(5, 9e3),
    )  # fmt: skip
    parts = write_cs_particles(tmp_path / "a.cs", ours)
    assert parts == {"blob": 5, "ctf": 5, "alignments3D": 5}
    written = read_cs(tmp_path / "a.cs")
    assert written.dtype.names == tuple(STANDARD)
    assert_allclose(written["alignments3D/alpha"], 1.5)
    assert written["ctf/exp_group_id"].tolist() == [1, 2, 2, 1, 2] and written["blob/sign"].tolist() == [1, -1, -1, 1, -1]
    again = read(tmp_path / "a.cs")
    assert_allclose(rotvec_to_matrix(again["rotvec_rad"]), rotations, atol=1e-6)
    for name in ("shift_A", "half_set", "defocus_u_A", "uid", "image_index", "optics_group"):
        assert_allclose(again[name], ours[name], rtol=1e-6, err_msg=name)
    assert_allclose(again.optics[0].beam_tilt_xy_mrad, (0.2, -0.3), rtol=1e-6)


def test_passthrough_files_are_found_named_or_missed_in_words(table, tmp_path):
    ctf = [name for name in table.dtype.names if name.startswith(("ctf", "uid"))]
    rest = [name for name in table.dtype.names if not name.startswith("ctf")]
    write_cs(tmp_path / "J7_012_particles.cs", build_table({name: table[name] for name in rest}))
    with pytest.raises(DataError, match=r"J7_012_particles\.cs has no CTF \(ctf/accel_kv, .*give the \.csg file"):
        parse_cs_particles(tmp_path / "J7_012_particles.cs")
    write_cs(tmp_path / "more.cs", build_table({name: table[name][::-1] for name in ctf}))
    named = read(tmp_path / "J7_012_particles.cs", tmp_path / "more.cs")
    (tmp_path / "more.cs").rename(tmp_path / "J7_passthrough_particles.cs")
    (tmp_path / "J7_passthrough_particles_excluded.cs").write_bytes(b"of other particles")
    found = read(tmp_path / "J7_012_particles.cs")
    for name in ("defocus_u_A", "uid"):
        assert_array_equal(found[name], table["ctf/df1_A" if name == "defocus_u_A" else name])
        assert_array_equal(found[name], named[name])


def test_aberrations_that_are_not_applied_are_named_and_kept(table, tmp_path):
    trefoil = np.zeros((6, 2), dtype=np.float32)
    trefoil[[0, 1, 3], 0] = 33.5
    write_cs(tmp_path / "a.cs", change(table, ctf__trefoil_A=trefoil, ctf__tetra_A=np.zeros((6, 4), dtype=np.float32)))
    particles = read(tmp_path / "a.cs")
    assert list_not_applied(particles) == ["trefoil"]
    write_cs_particles(tmp_path / "b.cs", particles)
    assert_array_equal(read_cs(tmp_path / "b.cs")["ctf/trefoil_A"], trefoil)
    write_cs(tmp_path / "c.cs", change(table, ctf__cs_mm=np.zeros(6, dtype=np.float32)))
    assert list_not_applied(read(tmp_path / "c.cs")) == ["beam tilt at Cs 0"]
    assert list_not_applied(read(tmp_path / "c.cs").select([2])) == ["beam tilt at Cs 0"]  # of its other group: said once too often, not too seldom


def test_what_cryosparc_has_no_place_for_is_named():
    group = OpticsGroup("a", 1, 8, 300, 2.7, 0.1, ctf_premultiplied=True, odd_zernike=(0.0, 1.0))
    particles = Particles.build((group,), uid=np.arange(1), image_path=np.array(["x"]), image_index=np.zeros(1), rotvec_rad=np.zeros((1, 3)))
    assert [what.split()[0] for what in list_not_expressed(particles)] == ["the", "aberrations"]


def test_anisotropic_magnification_is_not_overlooked(table, tmp_path):
    from triskelion.imaging.aberrations import check_supported

    write_cs(tmp_path / "a.cs", change(table, ctf__anisomag=np.tile(np.float32([0.01, 0.002, 0.003, -0.01]), (6, 1))))
    particles = read(tmp_path / "a.cs")
    assert_allclose(particles.optics[0].magnification, (1.01, 0.002, 0.003, 0.99), rtol=1e-6)
    with pytest.raises(Exception, match="anisotropic magnification"):
        check_supported(particles.optics)
    write_cs_particles(tmp_path / "b.cs", particles)
    assert_allclose(read_cs(tmp_path / "b.cs")["ctf/anisomag"], np.tile([0.01, 0.002, 0.003, -0.01], (6, 1)), atol=1e-7)


def test_impossible_rows_are_collected(table, tmp_path):
    table["alignments3D/pose"][3, 1] = np.nan
    table["ctf/df1_A"][5] = 1e9
    write_cs(tmp_path / "a.cs", table)
    _, impossible = parse_cs_particles(tmp_path / "a.cs")
    assert list(impossible) == [3, 5]
    assert impossible[3].startswith("alignments3D/pose is [") and "df1_A is 1000000000.0, wanted a size of at most 300000" in impossible[5]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"ctf__accel_kv": np.full(6, np.nan, "f4")}, "rlnVoltage is nan"),
        ({"blob__psize_A": np.full(6, 0, "f4")}, "rlnImagePixelSize is 0.0"),
        ({"alignments3D__pose": np.zeros((6, 4), "f4")}, r"alignments3D/pose is .*wanted numbers of shape \(3,\)"),
        ({"blob__path": np.zeros(6)}, "blob/path is float64, wanted text"),
        ({"blob__idx": np.zeros(6)}, "blob/idx is float64"),
    ],
)
def test_wrong_columns_are_refused(table, tmp_path, columns, message):
    write_cs(tmp_path / "a.cs", change(table, **columns))
    with pytest.raises(DataError, match=f"a\\.cs.*{message}"):
        parse_cs_particles(tmp_path / "a.cs")


def test_an_empty_table_is_refused(table, tmp_path):
    write_cs(tmp_path / "a.cs", table[:0])
    with pytest.raises(DataError, match="holds no particles"):
        parse_cs_particles(tmp_path / "a.cs")
