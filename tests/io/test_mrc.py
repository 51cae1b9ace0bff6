"""Maps and stacks as mrcfile, RELION and odd headers write them."""

import errno
import os

import mrcfile
import numpy as np
import pytest

from triskelion.data.volume import Mask, Volume
from triskelion.errors import DataError, InputError, JobError
from triskelion.io.mrc import open_stack, read_header, read_mask, read_volume, write_stack, write_volume


def make_volume(box=6, seed=0):
    return Volume(np.random.default_rng(seed).standard_normal((box, box, box)).astype(np.float32), 1.35)


def test_volumes_return(tmp_path):
    volume = make_volume()
    write_volume(tmp_path / "map.mrc", volume)
    again = read_volume(tmp_path / "map.mrc")
    np.testing.assert_array_equal(again.array, volume.array)
    assert again.pixel_size_A == pytest.approx(1.35, rel=1e-6)
    assert mrcfile.validate(tmp_path / "map.mrc")
    assert [path.name for path in tmp_path.iterdir()] == ["map.mrc"]


def test_masks_keep_their_range(tmp_path):
    write_volume(tmp_path / "map.mrc", make_volume())
    with pytest.raises(InputError, match=r"map\.mrc: a mask holds values from 0 to 1"):
        read_mask(tmp_path / "map.mrc")
    write_volume(tmp_path / "mask.mrc", Mask(np.ones((4, 4, 4)), 2.0))
    assert read_mask(tmp_path / "mask.mrc").array.min() == 1


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 1, 3), (2, 3, 1), (3, 1, 2), (0, 0, 0)])
def test_any_axis_order_becomes_zyx(tmp_path, order):
    volume = make_volume()
    axes = order if any(order) else (1, 2, 3)
    # the file runs axes[2] over sections, axes[1] over rows, axes[0] over columns; axis a of x, y, z is array axis 3 - a
    with mrcfile.new(tmp_path / "map.mrc") as mrc:
        mrc.set_data(np.ascontiguousarray(volume.array.transpose([3 - axes[2], 3 - axes[1], 3 - axes[0]])))
        mrc.voxel_size = 1.35
        mrc.header.mapc, mrc.header.mapr, mrc.header.maps = order
    np.testing.assert_array_equal(read_volume(tmp_path / "map.mrc").array, volume.array)


def test_the_box_is_the_frame_wherever_its_corner_lies(tmp_path):
    volume = make_volume()
    write_volume(tmp_path / "map.mrc", volume)
    with mrcfile.open(tmp_path / "map.mrc", mode="r+") as mrc:
        mrc.nstart = (-3, 2, 0)
        mrc.header.origin.z = 10.0
    np.testing.assert_array_equal(read_volume(tmp_path / "map.mrc").array, volume.array)
    np.testing.assert_allclose(read_header(tmp_path / "map.mrc").corner_xyz_A, (-3 * 1.35, 2 * 1.35, 10.0), rtol=1e-6)


def test_emdb_map_and_relion_maps(shared_dir):
    emdb = read_volume(shared_dir / "data" / "emd_1832" / "emd_1832.map")
    assert emdb.box_px == 64
    assert emdb.pixel_size_A == pytest.approx(5.7, rel=1e-3)
    relion_map = read_volume(shared_dir / "data" / "real_ribosome" / "relion313_half1.mrc")
    assert (relion_map.box_px, relion_map.pixel_size_A) == (32, pytest.approx(12.0))


def test_packed_maps(tmp_path):
    with mrcfile.new(tmp_path / "map.map.gz", compression="gzip") as mrc:
        mrc.set_data(make_volume().array)
        mrc.voxel_size = 1.35
    np.testing.assert_array_equal(read_volume(tmp_path / "map.map.gz").array, make_volume().array)


def test_pixel_size_is_never_guessed(tmp_path):
    write_volume(tmp_path / "map.mrc", make_volume())
    with mrcfile.open(tmp_path / "map.mrc", mode="r+") as mrc:
        mrc.header.cella = (0, 0, 0)
    with pytest.raises(DataError, match=r"map\.mrc: the header gives no pixel size"):
        read_volume(tmp_path / "map.mrc")
    assert read_volume(tmp_path / "map.mrc", pixel_size_A=2.0).pixel_size_A == 2.0
    with mrcfile.open(tmp_path / "map.mrc", mode="r+") as mrc:
        mrc.header.cella = (6, 6, 9)
    with pytest.raises(DataError, match=r"1 x 1 x 1\.5 Å are no cubes"):
        read_volume(tmp_path / "map.mrc")


def test_broken_maps_are_named(tmp_path):
    write_volume(tmp_path / "map.mrc", make_volume())
    whole = (tmp_path / "map.mrc").read_bytes()
    for name, content, message in [
        ("cut.mrc", whole[:-100], "cut short: the header promises 6 x 6 x 6"),
        ("short.mrc", whole[:500], "not an MRC file that can be read"),
        ("text.mrc", b"hello " * 400, "not an MRC file"),
    ]:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=f"{name}.*{message}"):
            read_volume(tmp_path / name)
    with pytest.raises(DataError, match=r"cannot read .*nowhere\.mrc: No such file"):
        read_volume(tmp_path / "nowhere.mrc")
    (tmp_path / "nan.mrc").write_bytes(whole[:1024] + np.float32(np.nan).tobytes() + whole[1028:])
    with pytest.raises(InputError, match=r"nan\.mrc: the map holds 1 values that are NaN"):
        read_volume(tmp_path / "nan.mrc")


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_stacks_return(tmp_path, dtype):
    images = np.random.default_rng(3).standard_normal((7, 8, 8)).astype(dtype)
    write_stack(tmp_path / "stack.mrcs", (images[i : i + 3] for i in range(0, 7, 3)), 7, 2.5, dtype)
    stack = open_stack(tmp_path / "stack.mrcs")
    assert isinstance(stack, np.memmap) and stack.dtype == dtype
    np.testing.assert_array_equal(stack, images)
    with mrcfile.open(tmp_path / "stack.mrcs") as mrc:
        np.testing.assert_array_equal(mrc.data, images)
        assert mrc.is_image_stack() and float(mrc.voxel_size.x) == 2.5
        assert float(mrc.header.rms) == pytest.approx(images.astype(np.float64).std(), rel=2e-3)


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.uint16, ">f4"])
def test_stacks_of_other_modes_are_read(tmp_path, dtype):
    images = np.random.default_rng(3).integers(0, 120, (4, 5, 5)).astype(dtype)
    with mrcfile.new(tmp_path / "stack.mrcs") as mrc:
        mrc.set_data(images)
    np.testing.assert_array_equal(open_stack(tmp_path / "stack.mrcs"), images)


def test_a_cut_stack_gives_its_whole_images(tmp_path):
    images = np.random.default_rng(3).standard_normal((7, 8, 8)).astype(np.float32)
    write_stack(tmp_path / "stack.mrcs", [images], 7, 2.5)
    (tmp_path / "cut.mrcs").write_bytes((tmp_path / "stack.mrcs").read_bytes()[: 1024 + 4 * 256 + 255])
    np.testing.assert_array_equal(open_stack(tmp_path / "cut.mrcs"), images[:4])
    assert read_header(tmp_path / "cut.mrcs").shape == (7, 8, 8)


def test_a_full_disk_is_known_before_anything_is_written(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    with pytest.raises(JobError, match="No space left"):
        write_stack(tmp_path / "stack.mrcs", [np.ones((2, 8, 8))], 2, 1.0)
    assert not list(tmp_path.iterdir())


def test_stacks_refuse_what_they_cannot_hold(tmp_path):
    images = np.full((2, 4, 4), 1e6, dtype=np.float32)
    with pytest.raises(InputError, match="not finite as float16"):
        write_stack(tmp_path / "stack.mrcs", [images], 2, 1.0, np.float16)
    with pytest.raises(InputError, match="got 2 images, wanted 3"):
        write_stack(tmp_path / "stack.mrcs", [images], 3, 1.0)
    assert not list(tmp_path.iterdir())
