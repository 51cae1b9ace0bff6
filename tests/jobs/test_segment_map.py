"""segment_map and import_segmentation: what they choose, save, say and refuse."""

import csv

import numpy as np
import pytest
from tests.io.test_segger import make_labels, write_seg
from tests.jobs.fake_context import FakeContext, run_job
from tests.masks.test_segment import make_blobs

from triskelion.data.volume import Volume
from triskelion.errors import InputError
from triskelion.io.mrc import read_volume, write_volume
from triskelion.io.segmentation_npz import read_segmentation

PIXEL_SIZE_A = 4.0
CENTERS = ((9, 16, 16), (13, 16, 16), (24, 18, 14))


@pytest.fixture
def context(tmp_path):
    source = FakeContext(tmp_path, "J1")
    particle = make_blobs(*CENTERS, box_px=32, width_px=1.6)
    for name, seed in (("half_a", 1), ("half_b", 2)):
        noise = np.random.default_rng(seed).normal(0, 0.02, particle.shape)
        source.save_volume(Volume(particle + noise, PIXEL_SIZE_A), name)
    halves = [source.read_volume("J1", name).array for name in ("half_a", "half_b")]
    source.save_volume(Volume((halves[0] + halves[1]) / 2, PIXEL_SIZE_A), "map")
    return FakeContext(tmp_path, "J2")


def test_defaults_find_the_blobs_and_group_near_ones(context):
    run_job("segment_map", context, volume="J1", half_maps="J1")
    saved = read_segmentation(context.folder / "segmentation.npz")
    assert context.summary["gaussian_A"] == 6.0  # 1.5 px
    assert context.summary["n_regions"] == len(saved.roots()) == 2
    assert not context.warnings
    x, y, z = CENTERS[2]
    alone = saved.labels_of(saved.roots())[z, y, x]
    assert alone not in (0, saved.labels_of(saved.roots())[16, 16, 9])
    assert saved.labels_of(saved.roots())[16, 16, 9] == saved.labels_of(saved.roots())[16, 16, 13]
    np.testing.assert_array_equal(read_volume(context.folder / "labels.mrc").array, saved.labels_of(saved.roots()))
    rows = list(csv.DictReader((context.folder / "regions.csv").read_text().splitlines()))
    assert [int(row["region"]) for row in rows] == list(range(1, saved.n_nodes + 1))
    assert [int(row["n_voxels"]) for row in rows] == saved.n_voxels[1:].tolist()
    assert set(context.plots) == {"region_views", "region_slices"}


def test_watershed_alone_with_a_given_level(context):
    run_job("segment_map", context, volume="J1", gaussian_A=0, threshold=0.3, grouping_steps=0)
    saved = read_segmentation(context.folder / "segmentation.npz")
    assert (saved.level, saved.n_nodes) == (0.3, saved.n_leaves)
    np.testing.assert_array_equal(saved.labels > 0, FakeContext(context.project_folder).read_volume("J1").array >= 0.3)


def test_a_volume_is_enclosed(context):
    run_job("segment_map", context, volume="J1", volume_A3=15_000, small_regions="drop", minimum_A3=0)
    assert context.summary["enclosed_A3"] == pytest.approx(15_000, abs=PIXEL_SIZE_A**3)
    run_job("segment_map", context, volume="J1", mass_kDa=20, minimum_A3=0)
    assert context.summary["enclosed_A3"] == pytest.approx(24_200, rel=0.02)


def test_a_level_in_the_noise_is_warned_of(context):
    run_job("segment_map", context, volume="J1", gaussian_A=0, threshold=0.02)
    assert "lies in the noise" in context.warnings[0]


def test_half_maps_tell_the_noise_that_a_masked_map_hides(context):
    source = FakeContext(context.project_folder, "J1")
    array = source.read_volume("J1").array
    source.save_volume(Volume(np.where(array > 0.15, array, 0), PIXEL_SIZE_A), "map")
    run_job("segment_map", context, volume="J1", half_maps="J1", gaussian_A=0, threshold=0.02)
    assert context.summary["solvent_sd"] >= 0.9 * 0.02 / np.sqrt(2)
    assert context.warnings


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"threshold": 0.2, "mass_kDa": 30}, "threshold and mass_kDa say the same thing"),
        ({"threshold": 9.0}, "takes in nothing of the map"),
        ({"minimum_A3": 1e8}, "no region has 1562500 voxels"),
        ({"volume_A3": 1e9}, "more than a voxel and less than the box"),
    ],
)
def test_impossible_wishes_are_refused(context, parameters, message):
    with pytest.raises(InputError, match=message):
        run_job("segment_map", context, volume="J1", **parameters)


def test_import_of_a_segger_file(tmp_path):
    write_volume(tmp_path / "map.mrc", Volume(np.where(make_labels() > 0, 1.0, 0), 2.0))
    write_seg(tmp_path / "regions.seg")
    context = run_job("import_segmentation", FakeContext(tmp_path), path="regions.seg", volume=str(tmp_path / "map.mrc"))
    assert read_segmentation(context.folder / "segmentation.npz").names == {5: "head", 1: "arm å"}
    assert context.summary["n_regions"] == 1
    assert not context.warnings
    write_volume(tmp_path / "other.mrc", Volume(np.eye(6)[None] * np.ones((6, 1, 1)), 2.0))
    run_job("import_segmentation", context, path="regions.seg", volume=str(tmp_path / "other.mrc"))
    assert "lie below the level 0.3 of the file" in context.warnings[0]
