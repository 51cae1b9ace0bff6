"""Maps and regions as the viewer gets them."""

import json
import struct
from typing import Any

import numpy as np
import pytest

from triskelion.data.volume import Volume
from triskelion.io.mrc import read_volume, write_volume

P = "/api/p/tri-snrnp/j"


def unpack(content: bytes, dtype: str) -> tuple[dict[str, Any], np.ndarray]:
    """Read what the server sends, as the page does."""
    (length,) = struct.unpack("<I", content[:4])
    assert length % 4 == 0
    header = json.loads(content[4 : 4 + length])
    return header, np.frombuffer(content, dtype, offset=4 + length).reshape(header["shape"])


@pytest.fixture
def noise(project) -> np.ndarray:
    """Put a map of noise, of a size that no bin divides, into J1."""
    job = project.run("make", level=3.0)
    array = np.random.default_rng(5).normal(2.0, 3.0, (9, 9, 9)).astype(np.float32)
    write_volume(job.path("map"), Volume(array, 2.5))
    return array


def test_a_map_arrives_to_within_a_step_of_its_range(browser, noise):
    answer = browser.get(f"{P}/J1/volume/map")
    assert answer.headers["content-type"] == "application/octet-stream"
    header, voxels = unpack(answer.content, "<u2")
    assert (header["shape"], header["full_shape"], header["pixel_size_A"], header["bin"]) == ([9, 9, 9], [9, 9, 9], 2.5, 1)
    assert (header["low"], header["high"]) == (noise.min(), noise.max())
    density = header["low"] + voxels / 65535 * (header["high"] - header["low"])
    np.testing.assert_allclose(density, noise, atol=0.51 * (noise.max() - noise.min()) / 65535)
    assert (header["mean"], header["sd"]) == (pytest.approx(noise.mean(dtype=float)), pytest.approx(noise.std(dtype=float), rel=1e-4))
    edges = np.linspace(header["low"], header["high"], 257)
    assert np.abs(np.array(header["histogram"]) - np.histogram(noise, edges)[0]).sum() <= 4  # who lies on an edge
    assert sum(header["histogram"]) == noise.size


@pytest.mark.parametrize("factor", [2, 4])
def test_bins_are_averages_with_zeros_beyond_the_edge(browser, noise, factor):
    header, voxels = unpack(browser.get(f"{P}/J1/volume/map", params={"bin": factor}).content, "<u2")
    size = -(-9 // factor)
    padded = np.pad(noise, (0, size * factor - 9)).astype(float)
    wanted = padded.reshape(size, factor, size, factor, size, factor).mean(axis=(1, 3, 5))
    density = header["low"] + voxels / 65535 * (header["high"] - header["low"])
    np.testing.assert_allclose(density, wanted, atol=1e-4)
    assert header["shape"] == [size] * 3 and header["full_shape"] == [9] * 3


def test_only_1_2_and_4_are_bins_and_only_maps_are_maps(browser, project, noise):
    for factor in ("3", "0", "x"):
        assert browser.get(f"{P}/J1/volume/map", params={"bin": factor}).status_code == 400
    project.run("cut")
    assert browser.get(f"{P}/J2/volume/segmentation").status_code == 404


def test_a_browser_is_not_sent_the_same_twice_and_sees_a_new_map(browser, project, noise):
    first = browser.get(f"{P}/J1/volume/map")
    tag = {"if-none-match": first.headers["etag"]}
    again = browser.get(f"{P}/J1/volume/map", headers=tag)
    assert (again.status_code, again.content) == (304, b"")
    assert browser.get(f"{P}/J1/volume/map", params={"bin": 2}, headers=tag).status_code == 200
    write_volume(project.job("J1").path("map"), Volume(noise * 2, 2.5))
    assert unpack(browser.get(f"{P}/J1/volume/map", headers=tag).content, "<u2")[0]["high"] == 2 * noise.max()


def test_every_map_of_a_job_can_be_looked_at(browser, project, noise):
    write_volume(project.job("J1").folder / "motion_head_axis1_frame10.mrc", Volume(noise, 2.5))
    write_volume(project.job("J1").folder / "motion_head_axis1_frame2.mrc", Volume(noise, 2.5))
    names = [each["name"] for each in browser.get(f"{P}/J1/volumes").json()]
    assert names == ["map", "motion_head_axis1_frame2", "motion_head_axis1_frame10", "half_a", "half_b"]
    assert unpack(browser.get(f"{P}/J1/volume/motion_head_axis1_frame2").content, "<u2")[0]["high"] == noise.max()


def test_of_a_segmentation_the_map_that_was_segmented_is_seen(browser, project, noise, monkeypatch):
    from triskelion.maps.edit import blur_map
    from triskelion.project import reading

    project.run("cut")
    made = {"job_type": "segment_map", "volume": "J1", "volume_name": "map"}
    monkeypatch.setattr(reading.ProjectReader, "read_parameters", lambda self, reference: made)
    summaries = {"J2": {"gaussian_A": 5.0}, "J1": {"resolution_A": 6.0}}
    monkeypatch.setattr(reading.ProjectReader, "read_summary", lambda self, reference: summaries[reference])
    assert browser.get(f"{P}/J2/volumes").json() == [{"name": "segmented", "kind": "volume", "title": "the map that was segmented"}]
    header, voxels = unpack(browser.get(f"{P}/J2/volume/segmented").content, "<u2")
    blurred = blur_map(Volume(noise, 2.5), 5.0).array
    np.testing.assert_allclose(header["low"] + voxels / 65535 * (header["high"] - header["low"]), blurred, atol=1e-3)
    padding = browser.get("/api/p/tri-snrnp/suggest/padding", params={"job": "J2", "output": "segmented"}).json()
    assert (padding["resolution_A"], padding["minimum_padding_px"], padding["dilation_px"]) == (6.0, 15.0, 3.5)


def test_a_mask_begins_at_its_middle(browser, project):
    project.run("make", kind="mask")
    assert unpack(browser.get(f"{P}/J1/volume/mask").content, "<u2")[0]["suggested_level"] == 0.5


def test_a_blurred_map_is_the_one_that_jobs_see(browser, project, noise):
    from triskelion.maps.edit import blur_map

    header, voxels = unpack(browser.get(f"{P}/J1/smooth/map", params={"sdev_A": 5}).content, "<u2")
    wanted = blur_map(Volume(noise, 2.5), 5.0).array
    np.testing.assert_allclose(header["low"] + voxels / 65535 * (header["high"] - header["low"]), wanted, atol=1e-3)
    for width in ("0", "nan", "inf", "-1"):
        assert browser.get(f"{P}/J1/smooth/map", params={"sdev_A": width}).status_code == 400


def test_distances_are_those_of_a_dilation(browser, project):
    from triskelion.masks.dilate import dilate

    project.run("make", level=3.0, box_px=16)
    header, steps = unpack(browser.get(f"{P}/J1/distance/map", params={"threshold": 1, "reach_px": 4}).content, "<u1")
    base = read_volume(project.job("J1").path("map")).array >= 1
    assert header["full_shape"] == [16] * 3 and header["origin_zyx"] == [0, 0, 0] and header["shape"] == [10] * 3
    inside = np.zeros(base.shape, dtype=bool)
    for radius in (1.0, 2.0, 3.3):
        inside[:10, :10, :10] = steps * header["step_px"] <= radius + header["step_px"] / 2
        np.testing.assert_array_equal(inside, dilate(base, radius))
    by_itself = {"reach_px": 4}
    assert unpack(browser.get(f"{P}/J1/distance/map", params=by_itself).content, "<u1")[0]["n_base"] == 27 == (steps == 0).sum()
    assert "lower the threshold" in browser.get(f"{P}/J1/distance/map", params={"threshold": 9, "reach_px": 4}).json()["error"]


def test_distances_of_regions_follow_their_edits(browser, project):
    project.run("cut")
    ask = lambda which: unpack(browser.get(f"{P}/J1/distance/regions", params={"which": which, "reach_px": 3}).content, "<u1")[0]
    assert (ask("5")["n_base"], ask("5")["touches_edge"]) == (70, False)
    assert ask("all but 5")["n_base"] == 30
    project.regions("J1").group("3,4", name="leg")
    assert ask("leg")["n_base"] == 30 and ask("all but leg")["n_base"] == 70
    assert browser.get(f"{P}/J1/distance/regions", params={"which": "77", "reach_px": 3}).status_code == 400


def test_labels_are_the_smallest_regions(browser, project):
    job = project.run("cut")
    header, labels = unpack(browser.get(f"{P}/J1/labels").content, "<u2")
    assert (header["n_regions"], header["dtype"], header["level"]) == (4, "uint16", 0.5)
    np.testing.assert_array_equal(labels, project.regions(job).segmentation.labels)
    project.run("make")
    assert browser.get(f"{P}/J2/labels").status_code in (404, 409)


def test_regions_are_edited_and_undone_and_one_who_is_late_is_told(browser, project):
    project.run("cut")
    regions = browser.get(f"{P}/J1/regions").json()
    assert regions["tree"] == {"n_leaves": 4, "parent": [0, 5, 5, 0, 0, 0], "step": [0, 0, 0, 0, 0, 1], "names": {"4": "foot"}}
    assert [(each["number"], each["size"]) for each in regions["list"]] == [(5, 70), (3, 20), (4, 10)] and regions["n_edits"] == 0

    def edit(expect: int, verb: str, which: str | None = None, **more):
        return browser.post(f"{P}/J1/regions", json={"verb": verb, "which": which, "expect": expect, **more})

    grouped = edit(0, "group", "5,foot", name="leg").json()
    assert grouped["edits"] == [{"verb": "group", "regions": [4, 5], "name": "leg", "level": None}]
    assert grouped["state"]["names"]["6"] == "leg" and grouped["state"]["next_number"] == 7
    project.regions("J1").hide(3)
    assert edit(1, "show", "3").status_code == 409
    assert edit(2, "undo").json()["state"]["hidden"] == []
    assert edit(3, "hide", "77").status_code == 400
    assert edit(3, "explode", "3").status_code == 400
    assert browser.post(f"{P}/J1/regions?brief=true", json={"verb": "hide", "which": "leg", "expect": 3}).json() == {"n_edits": 4}
    assert project.regions("J1").state.hidden == {6}


def test_suggestions_are_those_of_the_jobs(browser, project):
    project.run("make")
    padding = browser.get("/api/p/tri-snrnp/suggest/padding", params={"job": "J1", "output": "map"}).json()
    assert (padding["soft_padding_px"], padding["dilation_px"]) == (pytest.approx(5 * 4.1234 / 2), pytest.approx(2 * 4.1234 / 2))
    project.run("cut")
    places = browser.get("/api/p/tri-snrnp/suggest/fulcrum", params={"segmentation": "J2", "regions": "5", "against": "3"}).json()
    assert [place["title"] for place in places] == ["Interface", "Centre of the regions"]
    assert places[0]["xyz_px"] == pytest.approx([5.5, 1.75, 4.0], abs=0.8)
    assert browser.get("/api/p/tri-snrnp/suggest/fulcrum").json() == []
    assert browser.get("/api/p/tri-snrnp/suggest/padding", params={"job": "J9", "output": "map"}).status_code == 404
    assert browser.get("/api/p/tri-snrnp/suggest/fulcrum", params={"segmentation": "../x"}).status_code == 400
