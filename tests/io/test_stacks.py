"""Images come by row, protein bright, and what is wrong with them is named."""

import numpy as np
import pytest

from triskelion.data.particles import OpticsGroup, Particles
from triskelion.errors import DataError, InputError
from triskelion.io.mrc import open_stack, write_stack
from triskelion.io.particle_star import read_particles
from triskelion.io.stacks import ParticleImages

GROUP = OpticsGroup("opticsGroup1", 2.0, 8, 300.0, 2.7, 0.1)
IMAGES = np.random.default_rng(0).standard_normal((6, 8, 8)).astype(np.float32)


def make_particles(paths, indices, groups=None, optics=(GROUP,)):
    n = len(paths)
    columns = {"optics_group": groups} if groups else {}
    return Particles.build(optics, uid=np.arange(n), image_path=paths, image_index=indices, rotvec_rad=np.zeros((n, 3)), **columns)


@pytest.fixture
def folder(tmp_path):
    write_stack(tmp_path / "one.mrcs", [IMAGES[:4]], 4, 2.0)
    write_stack(tmp_path / "two.mrcs", [IMAGES[4:]], 2, 2.0)
    return tmp_path


def test_rows_come_in_the_order_asked_for(folder):
    particles = make_particles(["two.mrcs", "one.mrcs", "one.mrcs", "two.mrcs"], [1, 3, 0, 0])
    images = ParticleImages(particles, folder)
    assert len(images) == 4
    found = images.read(np.array([2, 0, 3, 1, 2]))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, IMAGES[[0, 5, 4, 3, 0]])


def test_dark_protein_is_turned_bright(folder):
    dark = OpticsGroup("dark", 2.0, 8, 300.0, 2.7, 0.1, image_sign=-1)
    particles = make_particles(["one.mrcs", "two.mrcs"], [1, 1], groups=[0, 1], optics=(GROUP, dark))
    images = ParticleImages(particles, folder)
    np.testing.assert_array_equal(images.read(np.array([1])), -IMAGES[[5]])
    np.testing.assert_array_equal(images.read(np.array([0])), IMAGES[[1]])
    with pytest.raises(InputError, match="2 optics groups"):
        images.read(np.array([0, 1]))


def spoil(folder, place, value):
    content = bytearray((folder / "one.mrcs").read_bytes())
    content[1024 + place * 256 : 1024 + (place + 1) * 256] = value.astype("<f4").tobytes()
    (folder / "bad.mrcs").write_bytes(content)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.where(IMAGES[0] > 1, np.nan, 0), "image 3 holds NaN or infinite"),
        (np.full((8, 8), np.inf), "image 3 holds NaN"),
        (np.full((8, 8), 7.0), "3 is constant"),
    ],
)
def test_bad_images_are_named_with_file_and_row(folder, value, message):
    spoil(folder, 2, value)
    images = ParticleImages(make_particles(["bad.mrcs"] * 4, [3, 2, 1, 0]), folder)
    with pytest.raises(DataError, match=rf"bad\.mrcs \(row 2\): .*{message}"):
        images.read(np.arange(4))
    found, unreadable = images.load(np.arange(4))
    assert list(unreadable) == [1]
    np.testing.assert_array_equal(found[[0, 2, 3]], IMAGES[[3, 1, 0]])
    assert np.isfinite(found).all()


def test_missing_cut_and_misfitting_stacks_are_named(folder):
    (folder / "cut.mrcs").write_bytes((folder / "one.mrcs").read_bytes()[:-300])
    write_stack(folder / "small.mrcs", [IMAGES[:, :6, :6]], 6, 2.0)
    particles = make_particles(["nowhere.mrcs", "cut.mrcs", "cut.mrcs", "one.mrcs", "small.mrcs"], [0, 1, 3, 4, 0])
    _, unreadable = ParticleImages(particles, folder).load(np.arange(5))
    assert list(unreadable) == [0, 2, 3, 4]
    for row, message in [
        (0, "no such file"),
        (2, "cut short, 2 of 4 images"),
        (3, "image 5 is missing: the stack has 4"),
        (4, "6 x 6 px, but .* 8 x 8"),
    ]:
        with pytest.raises(DataError, match=rf"\(row {row + 1}\): .*{message}"):
            ParticleImages(particles, folder).read(np.array([row]))


def test_more_stacks_than_may_be_open(tmp_path):
    for number in range(40):
        write_stack(tmp_path / f"{number}.mrcs", [IMAGES[:1] + number], 1, 2.0)
    particles = make_particles([f"{number}.mrcs" for number in range(40)], [0] * 40)
    for _ in range(2):
        np.testing.assert_allclose(
            ParticleImages(particles, tmp_path).read(np.arange(40)) - np.arange(40)[:, None, None], np.tile(IMAGES[0], (40, 1, 1)), atol=1e-5
        )


def test_real_images(shared_dir):
    formats = shared_dir / "data" / "formats"
    particles = read_particles(formats / "relion31.star")
    found = ParticleImages(particles, formats).read(np.arange(5))
    np.testing.assert_array_equal(found, open_stack(formats / "relion31.mrcs"))
    assert 0.5 < found.std() < 2  # RELION normalises the background to 1
