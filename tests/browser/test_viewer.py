"""The viewer by clicks and keys in a real browser: regions, mask, fulcrum, jobs; what it keeps and what it says when something is wrong."""

import json
import math
import re
import shutil
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest

from triskelion.api import Project
from triskelion.data.volume import Volume
from triskelion.io.mrc import read_mask, read_volume, write_volume
from triskelion.runners.inline import InlineRunner

BOX, PIXEL_SIZE_A, RADIUS, LEVEL = 56, 2.0, 7.0, 0.4
BALLS = {"left": (16, 30, 26), "middle": (29, 28, 28), "right": (42, 26, 30)}  # centres x, y, z; each touches the next
HALF_ANGLE = math.radians(12.5)  # of the view, from the middle to the upper edge
EDITS = "[data-edits]"


@pytest.fixture
def balls(tmp_path) -> Project:
    """Make a project with a map of three balls that touch (J1), and their segmentation (J2)."""
    z, y, x = np.indices((BOX, BOX, BOX))
    away = [np.sqrt((x - cx) ** 2 + (y - cy) ** 2 + (z - cz) ** 2) for cx, cy, cz in BALLS.values()]
    density = np.exp(np.log(LEVEL) * (np.min(away, axis=0) / RADIUS) ** 2)  # LEVEL at the radius of the nearest ball
    write_volume(tmp_path / "balls.mrc", Volume(density.astype(np.float32), PIXEL_SIZE_A))
    project = Project.new(tmp_path / "projects" / "balls", runner=InlineRunner())
    project.run("import_volume", path=tmp_path / "balls.mrc", kind="map")
    project.run("segment_map", volume="J1", gaussian_A=0, threshold=LEVEL, grouping_steps=0)
    return project


@pytest.fixture
def view(balls, serve, page):
    """Return what opens the viewer of a job."""
    address = serve(balls.folder.parent)

    def open_view(job: str, query: str = ""):
        page.goto(address)
        page.get_by_role("heading", name="balls").wait_for()
        page.goto(f"{address.split('?')[0]}#/p/balls/view/{job}{query}")
        page.locator(".map-row" if job == "J1" else EDITS).wait_for()
        return page

    return open_view


def region_at(project: Project, ball: str) -> int:
    x, y, z = BALLS[ball]
    return int(project.regions("J2").labels()[z, y, x])


def wait_for_edits(page, number: int) -> None:
    page.locator(f'[data-edits="{number}"]').wait_for()


def place_of(page, ball: str) -> dict[str, float]:
    """Return where the middle of a ball is drawn, by the camera that the address tells."""
    page.wait_for_url(re.compile("camera="))
    camera = [float(value) for value in parse_qs(urlsplit(urlsplit(page.url).fragment).query)["camera"][0].split(",")]
    assert camera[:7] == [0, 0, 0, 1, 0, 0, 0]  # down the z axis at the box centre
    x, y, z = ((value - BOX // 2) * PIXEL_SIZE_A for value in BALLS[ball])
    canvas = page.locator(".viewer-canvas").bounding_box()
    scale = canvas["height"] / 2 / ((camera[7] - z) * math.tan(HALF_ANGLE))
    return {"x": canvas["x"] + canvas["width"] / 2 + x * scale, "y": canvas["y"] + canvas["height"] / 2 - y * scale}


def click(page, ball: str, *held: str) -> None:
    for key in held:
        page.keyboard.down(key)
    page.mouse.click(**place_of(page, ball))
    for key in held:
        page.keyboard.up(key)


def test_regions_are_picked_grouped_hidden_and_undone(view, balls, keep):
    page = view("J2")
    page.locator('[data-regions="3"]').wait_for()
    left, middle, right = (region_at(balls, ball) for ball in BALLS)
    click(page, "left")
    wait_for_edits(page, 1)
    click(page, "middle", "Control")
    wait_for_edits(page, 2)
    assert balls.regions("J2").state.selected == {left, middle}
    page.keyboard.press("g")
    wait_for_edits(page, 3)
    assert page.locator(EDITS).inner_text() == "2 regions, 2 shown, 1 selected"
    page.keyboard.press("h")
    wait_for_edits(page, 4)
    page.locator('[data-regions="1"]').wait_for()
    assert balls.regions("J2").state.shown == {right}
    click(page, "middle")  # nothing is shown there now: the selection is empty already, and nothing is edited
    click(page, "right")
    wait_for_edits(page, 5)
    for number in (6, 7, 8):
        page.keyboard.press("Control+z")
        wait_for_edits(page, number)
    page.locator('[data-regions="3"]').wait_for()
    page.keyboard.press("Control+Shift+z")
    wait_for_edits(page, 9)
    keep("grouped", page)
    page.keyboard.press("u")
    wait_for_edits(page, 10)
    page.keyboard.press("b")
    canvas = page.locator(".viewer-canvas").bounding_box()
    page.mouse.move(canvas["x"] + canvas["width"] / 2, canvas["y"] + 5)  # the right half
    page.mouse.down()
    page.mouse.move(canvas["x"] + canvas["width"] - 5, canvas["y"] + canvas["height"] - 5, steps=4)
    page.mouse.up()
    wait_for_edits(page, 11)
    assert balls.regions("J2").state.selected == {middle, right}
    page.get_by_label(f"Name of region {right}").fill("head")
    page.keyboard.press("Enter")
    wait_for_edits(page, 12)
    assert balls.regions("J2").find("head") == (right,)
    page.get_by_label(f"Name of region {left}").fill("two words")
    page.keyboard.press("Enter")
    assert "cannot name a region" in page.get_by_role("alert").inner_text()
    verbs = [edit.verb for edit in balls.regions("J2").edits]
    assert verbs == ["select", "add", "group", "hide", "select", "undo", "undo", "undo", "redo", "ungroup", "select", "rename"]


def test_mask_and_fulcrum_become_the_jobs_that_the_command_line_makes(view, balls, keep):
    page = view("J2")
    page.locator('[data-regions="3"]').wait_for()
    click(page, "left")
    wait_for_edits(page, 1)
    page.keyboard.press("m")
    page.get_by_label("Dilation in px, typed").fill("3")
    page.get_by_label("Soft padding in px, typed").fill("5")
    page.keyboard.press("Tab")
    page.locator('[data-contour-ms]:not([data-contour-ms=""])').first.wait_for()
    page.keyboard.press("s")
    page.locator("[data-index]").nth(2).wait_for()
    page.wait_for_url(re.compile("slices=1"))
    page.keyboard.press("f")
    click(page, "middle")
    page.locator('[data-fulcrum]:not([data-fulcrum=""])').wait_for()
    x, y, z = BALLS["middle"]
    clicked = page.locator("[data-fulcrum]").get_attribute("data-fulcrum")
    found = [float(value) for value in clicked.split(",")]
    assert found[:2] == pytest.approx([x, y], abs=0.6) and found[2] == pytest.approx(z + RADIUS, abs=0.3)  # where the ball faces us
    keep("mask", page)
    page.reload()
    page.locator('[data-regions="3"]').wait_for()
    assert page.locator("[data-fulcrum]").get_attribute("data-fulcrum") == clicked
    assert page.get_by_label("Dilation in px, typed").input_value() == "3"
    assert page.get_by_label("Show the mask as it will be").is_checked()
    page.get_by_label("Fulcrum x,y,z").fill("70, 64, 60 A")
    page.keyboard.press("Tab")
    page.locator('[data-fulcrum="35.0,32.0,30.0"]').wait_for()
    page.get_by_role("button", name="Save as mask").click()
    page.get_by_text("Made J3 and J4.").wait_for()
    link = page.get_by_role("link", name="Local refinement with J4").get_attribute("href")
    assert parse_qs(urlsplit(link[1:]).query) == {"fulcrum": ["35.0,32.0,30.0"], "mask": ["J4"]}
    left = region_at(balls, "left")
    balls.run("mask_base", segmentation="J2", regions=str(left))
    balls.run("volume_tools", volume="J5", output="mask", dilation_px="3", soft_padding_px="5")
    for made, again, read in (("J3.mask_base", "J5.mask_base", read_volume), ("J4.mask", "J6.mask", read_mask)):
        first, second = (read(balls.job(job).path(name)).array for job, name in (reference.split(".") for reference in (made, again)))
        np.testing.assert_array_equal(first, second)
    assert balls.job("J3").record.parameters["n_edits"] == 1


def test_a_map_is_contoured_blurred_and_remembered(view, keep):
    page = view("J1")
    page.locator('[data-bin="1"]').wait_for()
    level = page.get_by_label(re.compile("^Contour level of .*, typed"))
    level.fill("0.8")
    page.keyboard.press("Tab")
    page.get_by_label(re.compile("^Style of")).select_option("mesh")
    page.get_by_label(re.compile("^Opacity of")).fill("0.5")
    page.get_by_label(re.compile("^Gaussian preview")).fill("3")
    page.keyboard.press("Tab")
    page.wait_for_url(re.compile("maps=J1%7Emap%7E0.8%7E[0-9a-f]{6}%7E0.5%7Em%7E1%7E3"))
    page.get_by_text("Waiting for").wait_for(state="detached")
    before = page.locator(".level-histogram path").get_attribute("d")
    page.reload()
    page.locator('[data-bin="1"]').wait_for()
    assert float(page.get_by_label(re.compile("^Contour level of .*, typed")).input_value()) == 0.8
    assert page.locator(".level-histogram path").get_attribute("d") == before  # of the blurred map
    keep("net", page)


def test_who_edits_elsewhere_at_the_same_time_is_told_of(view, balls):
    page = view("J2")
    page.locator('[data-regions="3"]').wait_for()
    balls.regions("J2").hide(region_at(balls, "right"))
    click(page, "left")
    page.get_by_text("The regions were edited elsewhere at the same time").wait_for()
    assert page.locator(EDITS).inner_text() == "3 regions, 2 shown, 0 selected"
    click(page, "left")
    wait_for_edits(page, 2)
    assert balls.regions("J2").state.selected == {region_at(balls, "left")}


def test_a_movie_plays_forth_and_back(view, balls, keep):
    shutil.copytree(balls.job("J1").folder, balls.folder / "J3")
    record = json.loads((balls.folder / "J3" / "job.json").read_text())
    (balls.folder / "J3" / "job.json").write_text(json.dumps({**record, "type": "domain_motion", "parameters": {"domains": ["J1"]}}))
    for frame in (1, 2, 3):
        shutil.copy(balls.job("J1").path("map"), balls.folder / "J3" / f"motion_left_axis1_frame{frame}.mrc")
    (balls.folder / "J3" / "map.mrc").unlink()
    page = view("J2")
    page.goto(page.url.split("#")[0] + "#/p/balls/view/J3")
    page.get_by_text("3 frames", exact=True).wait_for()
    assert page.get_by_label("Movie", exact=True).input_value() == "left, axis 1"
    page.get_by_role("button", name="Play").click()
    page.locator('[data-frame="2"]').wait_for()
    page.locator('[data-frame="0"]').wait_for()
    page.get_by_role("button", name="Pause").click()
    page.get_by_label("Frame", exact=True).fill("1")
    page.locator('[data-frame="1"]').wait_for()
    keep("movie", page)


def test_without_3d_slices_and_regions_still_work(view, page, balls):
    page.add_init_script(
        "const get = HTMLCanvasElement.prototype.getContext;"
        "HTMLCanvasElement.prototype.getContext = function (kind, ...more) {"
        "  return kind.startsWith('webgl') ? null : get.call(this, kind, ...more); };"
    )
    page = view("J2")
    assert "draws no 3D" in page.get_by_role("alert").inner_text()
    page.keyboard.press("s")
    page.locator("[data-index]").nth(2).wait_for()
    page.keyboard.press("Control+a")
    wait_for_edits(page, 1)
    assert len(balls.regions("J2").state.selected) == 3
