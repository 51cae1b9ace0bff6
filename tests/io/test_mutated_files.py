"""Thousands of damaged STAR, .cs, .csg and MRC files: each is read, or refused in words; none crashes, hangs or fills the memory.

``pytest tests/io/test_mutated_files.py -m slow`` goes through 10,000 of them.
"""

import resource
import time
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from triskelion.errors import DataError, InputError
from triskelion.io.cs import format_csg, read_csg, write_cs
from triskelion.io.cs_particles import parse_cs_particles, write_cs_particles
from triskelion.io.mrc import open_stack, read_header, read_mask, read_volume
from triskelion.io.particle_star import parse_particles, write_particles
from triskelion.io.star import read_star, write_star

FEW, MANY = 100, 2_500  # of each of four kinds
LONGEST_S, MOST_MEMORY_GB = 5.0, 2.0

STAR = b"""
# version 30001
data_optics
loop_
_rlnOpticsGroup #1
_rlnOpticsGroupName #2
_rlnImagePixelSize #3
_rlnVoltage #4
_rlnSphericalAberration #5
_rlnAmplitudeContrast #6
_rlnImageSize #7
_rlnEvenZernike #8
1 'optics group' 2.0 300 2.7 0.1 64 [0,1.5,-2]
2 b 1.0 200 2.7 0.1 128 [0]
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
_rlnMicrographName
000002@a.mrcs 10 20 30 4.0 -6 15000 14000 45 1 2 "x y.mrc" # first
1@a.mrcs 1e1 20 30 4.0 -6 15000 14000 45 2 1 y
b.mrc 10 20 30 0 0 15000 14000 45 2 1 z
"""
WORDS = (
    *(b"loop_", b"data_", b"\n_rlnImageName", b"nan", b"1e999", b"-1", b"''", b'"', b"'", b"#", b"\r", b" 'x ", b"[", b"99999999999999999999"),
    *(b"\x00", b"\xff\xfe", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x00\x00\x80\x7f", b"\x93NUMPY", b"|O", b"(1000000000000,)", b"[("),
    *(b"metafile:", b"'>", b"-" * 5000, b"a" * 9000),
)


def make_cs(folder: Path) -> bytes:
    particles, _ = parse_particles(write(folder / "seed.star", STAR))
    write_cs_particles(folder / "seed.cs", particles)
    return (folder / "seed.cs").read_bytes()


def make_csg(folder: Path) -> bytes:
    write_cs(folder / "particles.cs", np.zeros(1, dtype=[("uid", "<u8")]))
    return format_csg("Particles", "particle", "particles.cs", {"blob": 1, "ctf": 1}).encode()


def make_mrc(folder: Path) -> bytes:
    with mrcfile.new(folder / "seed.mrc", overwrite=True) as mrc:
        mrc.set_data(np.linspace(0, 1, 64, dtype=np.float32).reshape(4, 4, 4))
        mrc.voxel_size = 1.5
    return (folder / "seed.mrc").read_bytes()


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def use_star(path: Path) -> None:
    write_star(path.with_name("again.star"), read_star(path))
    particles, _ = parse_particles(path)
    write_particles(path.with_name("again.star"), particles)
    write_cs_particles(path.with_name("again.cs"), particles)


def use_cs(path: Path) -> None:
    particles, _ = parse_cs_particles(path)
    write_particles(path.with_name("again.star"), particles)
    write_cs_particles(path.with_name("again.cs"), particles)


def use_mrc(path: Path) -> None:
    read_header(path)
    for use in (open_stack, read_volume, read_mask):
        try:
            use(path)
        except (DataError, InputError) as error:
            assert path.name in str(error)


KINDS = {"a.star": (lambda folder: STAR, use_star), "a.cs": (make_cs, use_cs), "a.csg": (make_csg, read_csg), "a.mrc": (make_mrc, use_mrc)}


@st.composite
def mutations(draw):
    """A few cuts, repeats, insertions and overwritten bytes; positions as shares of the file, most of them in its first 2 kB."""
    place = st.one_of(st.integers(0, 2**11), st.integers(0, 2**16))
    edit = st.one_of(
        st.tuples(st.just("set"), place, st.binary(min_size=1, max_size=8)),
        st.tuples(st.just("set"), place, st.sampled_from(WORDS)),
        st.tuples(st.just("insert"), place, st.sampled_from(WORDS)),
        st.tuples(st.just("cut"), place, st.integers(1, 400)),
        st.tuples(st.just("repeat"), place, st.integers(1, 400)),
        st.tuples(st.just("end"), place, st.just(0)),
    )
    return draw(st.lists(edit, min_size=1, max_size=5))


def mutate(content: bytes, edits) -> bytes:
    for how, place, what in edits:
        at = place % (len(content) + 1)
        if how == "set":
            content = content[:at] + what + content[at + len(what) :]
        elif how == "insert":
            content = content[:at] + what + content[at:]
        elif how == "cut":
            content = content[:at] + content[at + what :]
        elif how == "repeat":
            content = content[:at] + content[at : at + what] * 2 + content[at + what :]
        else:
            content = content[:at]
    return content


def memory_GB() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def check(folder: Path, name: str, seed: bytes, edits) -> None:
    path = write(folder / name, mutate(seed, edits))
    start = time.process_time()
    try:
        KINDS[name][1](path)
    except (DataError, InputError) as error:
        assert str(error).strip() and len(str(error)) < 5000
    assert time.process_time() - start < LONGEST_S


def go_through(name: str, folder: Path, n_examples: int) -> None:
    seed = KINDS[name][0](folder)
    check(folder, name, seed, [])
    before = memory_GB()

    @settings(max_examples=n_examples, database=None, suppress_health_check=list(HealthCheck))
    @given(mutations())
    @example([("set", 0, (10**6).to_bytes(4, "little") * 3)])  # an MRC file of 10^18 voxels
    @example([("set", 92, (2**31 - 1).to_bytes(4, "little"))])  # an extended header of 2 GB
    def run(edits):
        check(folder, name, seed, edits)

    run()
    assert memory_GB() < max(MOST_MEMORY_GB, before + 0.1)


@pytest.mark.parametrize("name", KINDS)
def test_damaged_files_are_read_or_refused(name, tmp_path):
    go_through(name, tmp_path, FEW)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", KINDS)
def test_ten_thousand_damaged_files_are_read_or_refused(name, tmp_path):
    go_through(name, tmp_path, MANY)


def test_a_long_line_full_of_quotes_takes_no_time(tmp_path):
    path = write(tmp_path / "a.star", b"data_\nloop_\n_a\n" + b"'x \"y " * 100_000)
    start = time.process_time()
    with pytest.raises(DataError, match="200000 values for 1 columns"):
        read_star(path)
    assert time.process_time() - start < LONGEST_S


def test_one_absurdly_long_value_is_refused(tmp_path):
    rows = b"".join(b"%d\n" % k for k in range(60_000))
    path = write(tmp_path / "a.star", b"data_\nloop_\n_a\n" + rows + b"x" * 50_000 + b"\n")
    before = memory_GB()
    with pytest.raises(DataError, match="column _a: one of its values is 50000 characters long"):
        read_star(path)
    assert memory_GB() < max(MOST_MEMORY_GB, before)
