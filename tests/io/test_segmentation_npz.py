"""A segmentation comes back from disk as it went there."""

import numpy as np
import pytest

from triskelion.data.segmentation import Segmentation
from triskelion.errors import DataError
from triskelion.io.segmentation_npz import read_segmentation, write_segmentation


def make_segmentation() -> Segmentation:
    labels = np.arange(64).reshape(4, 4, 4) % 4
    return Segmentation(labels, np.array([0, 4, 4, 0, 0]), np.array([0, 0, 0, 0, 2]), 1.234567890123, 0.1 + 0.2, {4: "Kopf “Å”", 1: "a"})


def test_a_round_trip_loses_nothing(tmp_path):
    written = make_segmentation()
    write_segmentation(tmp_path / "segmentation.npz", written)
    read = read_segmentation(tmp_path / "segmentation.npz")
    for name in ("labels", "parent", "step"):
        np.testing.assert_array_equal(getattr(read, name), getattr(written, name))
        assert getattr(read, name).dtype == np.int32
    assert (read.pixel_size_A, read.level, read.names) == (written.pixel_size_A, written.level, written.names)
    assert [path.name for path in tmp_path.iterdir()] == ["segmentation.npz"]


def test_a_segmentation_without_regions_or_names(tmp_path):
    write_segmentation(tmp_path / "s.npz", Segmentation(np.zeros((4, 4, 4)), np.zeros(1), np.zeros(1), 2.0, 1.0))
    read = read_segmentation(tmp_path / "s.npz")
    assert (read.n_nodes, read.names) == (0, {})


def test_files_that_are_no_segmentation_are_refused(tmp_path):
    with pytest.raises(DataError, match="is missing"):
        read_segmentation(tmp_path / "no.npz")
    whole = tmp_path / "whole.npz"
    write_segmentation(whole, make_segmentation())
    (tmp_path / "cut.npz").write_bytes(whole.read_bytes()[:200])
    (tmp_path / "text.npz").write_text("labels")
    np.savez(tmp_path / "other.npz", labels=np.zeros((4, 4, 4)))
    with np.load(whole) as stored:
        np.savez(tmp_path / "wrong.npz", **{**stored, "parent": np.zeros(9)})
    for name in ("cut", "text", "other", "wrong"):
        with pytest.raises(DataError, match=f"{name}.npz is no segmentation"):
            read_segmentation(tmp_path / f"{name}.npz")
    np.save(tmp_path / "plain.npz", np.zeros(3))
    (tmp_path / "plain.npz.npy").rename(tmp_path / "plain.npz")
    with pytest.raises(DataError, match="is no segmentation"):
        read_segmentation(tmp_path / "plain.npz")
