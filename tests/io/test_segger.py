"""Segger's files: one made here with all that can be in it, and the real one of EMD-1832."""

import h5py
import numpy as np
import pytest

from triskelion.data.segmentation import Segmentation
from triskelion.data.volume import Volume
from triskelion.errors import DataError, InputError
from triskelion.io.mrc import read_volume
from triskelion.io.segger import read_segger
from triskelion.masks.scale_space import group_regions
from triskelion.masks.segment import find_watershed_regions


def make_labels() -> np.ndarray:
    labels = np.zeros((6, 6, 6), dtype=np.uint32)
    labels[1, 1, 1:4], labels[2, 2, 2:4], labels[4, 4, 4] = 7, 3, 12
    return labels


def write_seg(path, **changes):
    """Regions 3, 7 and 12; 20 = 7 + 12 at a smoothing of 2 px, 9 = 20 + 3 by hand, 15 an empty one."""
    stored = {
        "mask": make_labels(),
        "region_ids": np.array([3, 7, 12, 9, 20, 15]),
        "parent_ids": np.array([9, 20, 20, 0, 9, 0]),
        "smoothing_levels": np.array([0, 0, 0, 0, 2, 0], dtype=np.float32),
        **changes,
    }
    pixel_size_A = stored.pop("pixel_size_A", 2.0)
    with h5py.File(path, "w") as file:
        file.attrs["format"] = np.bytes_(stored.pop("format", "segger"))
        file.attrs["map_level"] = 0.3
        file.attrs["ijk_to_xyz_transform"] = np.array([[pixel_size_A, 0, 0, -9], [0, 2.0, 0, -9], [0, 0, 2.0, -9]])
        for name, array in stored.items():
            file[name] = array
        file["label/ids"], file["label/values"] = np.array([9, 3, 15]), np.array([b"head", b"arm \xc3\xa5", b"nothing"])
        file["score/ids"], file["score/values"] = np.array([3]), np.array([1.5])
    return path


def test_regions_groups_and_names_are_restored(tmp_path):
    read = read_segger(write_seg(tmp_path / "a.seg"), Volume(np.zeros((6, 6, 6)), 2.0))
    np.testing.assert_array_equal(read.labels, np.select([make_labels() == 3, make_labels() == 7, make_labels() == 12], [1, 2, 3]))
    assert read.parent.tolist() == [0, 5, 4, 4, 5, 0]
    assert read.step.tolist() == [0, 0, 0, 0, 2, 2]
    assert read.names == {5: "head", 1: "arm å"}
    assert (read.level, read.pixel_size_A) == (0.3, 2.0)


@pytest.mark.parametrize(("box_px", "pixel_size_A"), [(8, 2.0), (6, 2.1)])
def test_another_grid_is_refused(tmp_path, box_px, pixel_size_A):
    with pytest.raises(InputError, match=r"made from a map of 6 x 6 x 6 voxels at 2 Å/px, the map has box"):
        read_segger(write_seg(tmp_path / "a.seg"), Volume(np.zeros((box_px,) * 3), pixel_size_A))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "imaris"}, "its format is 'imaris'"),
        ({"pixel_size_A": 2.5}, "are no cubes"),
        ({"region_ids": np.array([3, 7, 13, 9, 20, 15])}, "region 12 is used, but not listed"),
        ({"parent_ids": np.array([9, 20, 20, 77, 9, 0])}, "region 77 is used, but not listed"),
        ({"parent_ids": np.array([9, 20, 20, 20, 9, 0])}, "is part of itself"),
        ({"parent_ids": np.array([9, 3, 20, 0, 9, 0])}, "contradicts itself"),
        ({"parent_ids": np.array([9, 20])}, "can be read"),
    ],
)
def test_files_that_contradict_themselves_are_refused(tmp_path, changes, message):
    with pytest.raises(DataError, match=message):
        read_segger(write_seg(tmp_path / "a.seg", **changes), Volume(np.zeros((6, 6, 6)), 2.0))


def test_files_of_another_kind_are_refused(tmp_path):
    volume = Volume(np.zeros((6, 6, 6)), 2.0)
    with pytest.raises(DataError, match="is missing"):
        read_segger(tmp_path / "no.seg", volume)
    (tmp_path / "text.seg").write_text("regions")
    with h5py.File(tmp_path / "bare.seg", "w"):
        pass
    for name in ("text.seg", "bare.seg"):
        with pytest.raises(DataError, match="no segmentation of Segger that can be read"):
            read_segger(tmp_path / name, volume)


def test_the_real_file_has_its_groups_and_names(real):
    volume, read = real
    assert (read.n_leaves, read.n_nodes, read.level) == (28, 45, 0.42)
    assert sorted(read.names.values())[-1] == "GINS + Cdc45"
    assert len(read.names) == len(read.roots()) == 6
    assert set(read.names) == set(read.roots().tolist())
    (gins,) = (node for node, name in read.names.items() if name.startswith("GINS"))
    assert read.leaves_of(gins).tolist() == [8, 9, 11, 12, 15, 21, 24, 25, 26, 28]
    np.testing.assert_array_equal(read.labels > 0, volume.array >= 0.42)


def test_our_watershed_regions_are_those_of_segger(real):
    volume, read = real
    ours = find_watershed_regions(volume, 0.42)
    pairs = np.unique(np.stack([ours.inside_labels, read.inside_labels]), axis=1)
    assert pairs.shape == (2, 28)  # each of ours is one of theirs, so that the adjusted Rand index is 1


def test_our_groups_are_those_that_segger_made_by_smoothing(real):
    """The file keeps five groups of Segger's smoothing, of steps 1, 1, 2, 2 and 4 (people made the others); all are in our tree, at the same step."""
    volume, read = real
    leaves = Segmentation(read.labels, np.zeros(29), np.zeros(29), read.pixel_size_A, read.level)
    ours = group_regions(leaves, volume, n_steps=4)
    made = {(tuple(ours.leaves_of(node)), int(ours.step[node])) for node in range(29, ours.n_nodes + 1)}
    smoothed = [node for node in range(29, read.n_nodes + 1) if read.step[node] > 0]
    assert sorted(read.step[smoothed].tolist()) == [1, 1, 2, 2, 4]
    assert {(tuple(read.leaves_of(node)), int(read.step[node])) for node in smoothed} <= made


def test_maxima_lie_where_segger_has_them(real, shared_dir):
    volume, read = real
    with h5py.File(shared_dir / "data/emd_1832/emd_1832.seg") as file:
        places = np.asarray(file["ref_points"])[:28]
    np.testing.assert_array_equal(read.measure(volume).maximum_xyz_px[1:29], places)


@pytest.fixture
def real(shared_dir):
    folder = shared_dir / "data/emd_1832"
    if not folder.is_dir():
        pytest.skip("no folder shared/data/emd_1832: the real Segger file is not there")
    volume = read_volume(folder / "emd_1832.map")
    return volume, read_segger(folder / "emd_1832.seg", volume)
