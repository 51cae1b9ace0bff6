"""From particles to a refined head domain in one window, by clicks and keys; the same from Python gives the same mask, fulcrum and parameters.

``TRISKELION_SCREENSHOTS=folder pytest tests/browser/test_tutorial.py`` keeps a picture of every screen.
"""

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
from tests.browser.hand import LONG_MS, Hand

from triskelion.api import Project
from triskelion.io.mrc import read_mask
from triskelion.io.segmentation_npz import read_segmentation

SIMULATION = {"n_particles": 240, "box_px": 56, "pixel_size_A": 7.0, "snr": 0.15, "seed": 1}
ITERATIONS = 2  # enough to see that poses move; nobody judges their quality here
DILATION_PX, PADDING_PX = 1, 4
SHIFT_EXTENT_A = 14
SHARE_INSIDE = 0.5

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]


@pytest.fixture(scope="module")
def simulated(tmp_path_factory) -> Project:
    """Simulate the particles elsewhere, as if they came from another program."""
    project = Project.new(tmp_path_factory.mktemp("elsewhere") / "microscope")
    project.run("simulate", **SIMULATION)
    return project


def find_head(segmentation: Path, mask: Path) -> list[int]:
    """Return the regions that lie in the head's true mask, the largest first: a person sees which these are."""
    from triskelion.masks.regions import RegionState

    found, head = read_segmentation(segmentation), read_mask(mask).array > 0.5
    regions = RegionState.of_segmentation(found).region_of_leaf(found.n_leaves)[found.labels]
    sizes = {int(number): (regions == number) for number in np.unique(regions[regions > 0])}
    inside = {number: int(voxels.sum()) for number, voxels in sizes.items() if head[voxels].mean() >= SHARE_INSIDE}
    return sorted(inside, key=lambda number: -inside[number])


def read_array(path: Path) -> np.ndarray:
    return read_mask(path).array


def test_the_tutorial_in_one_window(simulated, server_apart, page, keep, tmp_path):
    root = tmp_path / "projects"
    root.mkdir()
    page.goto(server_apart.start(root, simulated.folder))
    hand = Hand(page, keep)
    hand.keep("projects")
    hand.make_project("Yeast tri-snRNP")
    folder = root / "yeast-tri-snrnp"

    hand.open_form("import particles")
    hand.fill(meta=simulated.job("J1").path("particles"))
    assert hand.run("import") == "J1"
    page.get_by_role("link", name=re.compile("Reconstruct")).first.click()
    assert hand.run("reconstruct") == "J2"
    hand.open_form("nonuniform")
    hand.fill(particles="J1", volume="J2", poses="input", max_iterations=ITERATIONS)
    assert hand.run("nonuniform") == "J3"
    hand.open_form("segment map")
    hand.fill(volume="J3", half_maps="J3")
    assert hand.run("segment") == "J4"

    head, mask, fulcrum = segment_and_place(hand, folder, simulated)
    page.get_by_role("link", name=re.compile("Local refinement with")).click()
    assert page.locator("[data-field=fulcrum] input").input_value() == fulcrum
    hand.fill(particles="J3", volume="J3", max_iterations=ITERATIONS)
    refined = hand.run("local_refinement")

    subtracted = subtract(hand, mask, refined)
    hand.go_to_job(refined)
    page.get_by_role("link", name="Clone", exact=True).click()
    hand.fill(particles=subtracted, volume=subtracted, shift_extent_A=SHIFT_EXTENT_A)
    again = hand.run("clone")
    compare(hand, refined, again)
    download(hand, folder, again)
    assert find_regions(folder, mask) == set(head)
    check_against_python(folder, mask, fulcrum, refined, again, subtracted)


def segment_and_place(hand: Hand, folder: Path, simulated: Project) -> tuple[list[int], str, str]:
    """Pick the head's regions, make their mask, place the fulcrum at the interface; return regions, the mask's job and the fulcrum."""
    page = hand.page
    page.get_by_role("link", name="View", exact=True).click()
    head = find_head(folder / "J4" / "segmentation.npz", simulated.job("J1").path("mask_head"))
    hand.pick_in_view(head[0])
    for region in head[1:]:
        hand.add_in_list(region)
    hand.keep("regions")
    page.locator(".viewer-canvas").press("m")
    for name, value in (("Dilation", DILATION_PX), ("Soft padding", PADDING_PX)):
        page.get_by_label(f"{name} in px, typed").fill(str(value))
        page.keyboard.press("Enter")
    page.get_by_role("button", name="Suggest").click()
    page.locator(".suggestions button").first.click()
    fulcrum = page.locator("[data-fulcrum]").get_attribute("data-fulcrum")
    hand.keep("mask_and_fulcrum")
    page.get_by_role("button", name="Save as mask").click()
    page.locator(".viewer-made").wait_for(timeout=LONG_MS)
    mask = page.locator(".viewer-made > a").nth(1).inner_text()
    assert fulcrum
    return head, mask, fulcrum


def subtract(hand: Hand, mask: str, refined: str) -> str:
    """Take the rest of the particle out of the images; return the job."""
    hand.open_form("volume tools")
    hand.fill(mask=mask, complement=True)
    rest = hand.run("complement")
    hand.open_form("particle subtraction")
    hand.fill(particles=refined, volume="J3", mask=rest, mask_of="removed")
    subtracted = hand.run("subtraction")
    hand.open_form("reconstruct")
    hand.fill(particles=subtracted)
    hand.run("subtracted_map")
    return subtracted


def compare(hand: Hand, refined: str, again: str) -> None:
    """Pick both cards and compare them."""
    page = hand.page
    page.locator("body").press("p")
    hand.keep("cards")
    for name in ("Table", "Graph", "Cards"):
        page.get_by_role("button", name=name, exact=True).click()
        hand.keep(name.lower())
    for job in (refined, again):
        page.get_by_label(f"Pick {job} to compare").check(force=True)
    page.get_by_role("link", name=f"Compare {refined} and {again}").click()
    page.locator("[data-plot=overlaid_fsc] svg.plot").wait_for()
    assert page.locator("[data-plot=overlaid_fsc] .legend text").count() == 2
    rows = page.locator("section", has=page.get_by_role("heading", name="Parameters that differ")).locator("tbody tr").all_inner_texts()
    assert {row.split("\t")[0] for row in rows} == {"Particles", "Volume", "Shift extent"}
    hand.keep("compare")


def download(hand: Hand, folder: Path, job: str) -> None:
    """Take the map along: the file is that of the job."""
    hand.go_to_job(job)
    with hand.page.expect_download() as saved:
        hand.page.get_by_label("Download map", exact=True).click()
    digest = lambda path: hashlib.sha256(Path(path).read_bytes()).hexdigest()
    assert digest(saved.value.path()) == digest(folder / job / "map.mrc")


def find_regions(folder: Path, mask: str) -> set[int]:
    """Return the regions that a mask was made of."""
    base = Project(folder).job(mask).record.inputs["volume"]["reference"].partition(".")[0]
    return {int(number) for number in Project(folder).job(base).record.parameters["regions"].split(",")}


def check_against_python(folder: Path, mask: str, fulcrum: str, refined: str, again: str, subtracted: str) -> None:
    """Do the same from Python, up to the refinements: those are only made, for the sake of their parameters."""
    project = Project(folder)
    used = project.job(mask).record.parameters
    regions = ",".join(str(number) for number in sorted(find_regions(folder, mask)))
    segmented = project.run("segment_map", volume="J3", half_maps="J3")
    same_base = project.run("mask_base", segmentation=segmented, regions=regions)
    same_mask = project.run("volume_tools", volume=same_base, volume_name="mask_base", dilation_px=DILATION_PX, soft_padding_px=PADDING_PX)
    assert float(used["dilation_px"]) == DILATION_PX
    assert np.array_equal(read_array(project.job(mask).path("mask")), read_array(same_mask.path("mask")))
    same_fulcrum = project.run("fulcrum", segmentation=segmented, regions=regions, against=f"all but {regions}").summary["fulcrum_xyz_px"]
    assert np.allclose([float(value) for value in fulcrum.split(",")], same_fulcrum, atol=0.06)

    prepared = project.prepare("local_refinement", particles="J3", volume="J3", mask=mask, fulcrum=fulcrum, max_iterations=ITERATIONS)
    cloned = project.prepare_clone(refined, particles=subtracted, volume=subtracted, shift_extent_A=SHIFT_EXTENT_A)
    assert project.job(refined).record.parameters == prepared.record.parameters
    assert project.job(again).record.parameters == cloned.record.parameters
    assert project.job(again).record.cloned_from == refined
