"""Projects, forms, job pages and the comparison, by clicks and keys in a real browser, on quick jobs."""

import re
from pathlib import Path

import pytest

HOSTILE = "<img src=x onerror=alert(1)><b>bold</b>"


@pytest.fixture
def site(project, serve, page):
    """Open the page of a project without jobs."""
    page.goto(serve(project.folder.parent))
    page.get_by_role("heading", name="tri-snrnp").click()
    page.get_by_role("heading", name="No job yet").wait_for()
    return page


def open_form(page, job_type: str) -> None:
    page.keyboard.press("n")
    page.get_by_label("Find a job type").fill(job_type)
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Run", exact=True).wait_for()


def field(page, name: str):
    return page.locator(f"[data-field={name}]")


def run(page, job: str) -> None:
    page.get_by_text("Everything fits.").wait_for()
    page.get_by_role("button", name="Run", exact=True).click()
    page.locator(".job-head .state.completed").wait_for()
    assert page.locator(".job-head .job-name").inner_text() == job


def test_a_form_says_what_is_wrong_keeps_what_was_typed_and_makes_the_job(site, project, keep):
    page = site
    open_form(page, "make")
    field(page, "level").locator("input").fill("-1")
    assert "wanted greater than 0" in field(page, "level").locator(".field-error").inner_text()
    assert "Level" in page.locator(".check-state").inner_text()
    field(page, "level").locator("input").fill("2.5")
    field(page, "iterations").locator("input").fill("3")
    field(page, "loud").locator(".switch").click()
    assert "changed" in field(page, "level").get_attribute("class").split()
    page.get_by_text("Everything fits.").wait_for()
    page.reload()
    page.get_by_text("Everything fits.").wait_for()
    assert field(page, "level").locator("input").input_value() == "2.5"
    assert page.locator(".command code").inner_text() == "triskelion run make --level 2.5 --loud --iterations 3"
    keep("form", page)
    run(page, "J1")
    made = project.job("J1").record.parameters
    assert (made["level"], made["iterations"], made["loud"], made["box_px"]) == (2.5, 3, True, 8)
    assert "the padding is thin [not markup]" in page.get_by_label("Warnings").inner_text().replace("The padding", "the padding")
    assert page.locator(".figures.large").inner_text().split("\n")[:2] == ["resolution", "4.12 Å"]


def test_a_job_page_draws_plots_goes_through_iterations_and_takes_notes(site, project, keep):
    page = site
    project.run("make", iterations=3)
    page.locator("[data-job=J1] .card-title").click()
    plot = page.locator("[data-plot=iterations]")
    plot.locator("svg.plot").first.wait_for()
    assert plot.locator("svg.plot").count() == 4
    assert plot.locator("figcaption").first.inner_text() == "Resolution 14 Å"
    page.get_by_label("Iteration", exact=True).fill("2")
    plot.get_by_text("iteration 2", exact=True).wait_for()
    plot.get_by_text("Resolution 17 Å").wait_for()
    assert "iteration=2" in page.url
    plot.locator("svg.plot").first.hover(position={"x": 300, "y": 100})
    assert plot.locator(".tip").count() == 1
    with page.expect_download() as saved:
        plot.get_by_label("iterations as CSV").click()
    assert "resolution_A" in Path(saved.value.path()).read_text()
    page.get_by_label("New note").fill(HOSTILE)
    page.keyboard.press("Control+Enter")
    page.locator(".notes li").wait_for()
    page.get_by_role("button", name="Tag", exact=True).click()
    page.get_by_label("New tag").fill("best")
    page.keyboard.press("Enter")
    page.get_by_label("Take tag best away").wait_for()
    page.reload()
    assert page.locator(".notes li p").first.inner_text() == HOSTILE
    assert page.locator(".notes img").count() == 0
    assert project.job("J1").notes.tags == ["best"]
    keep("job", page)
    page.get_by_role("tab", name="Log").click()
    page.get_by_role("log").get_by_text("making a cube").wait_for()


def test_a_slot_takes_what_fits_and_refuses_the_rest_with_the_reason(site, project, keep):
    page = site
    project.run("make")
    project.run("make", kind="mask")
    open_form(page, "use")
    volume = field(page, "volume")
    page.locator(".draggable", has_text="mask").first.drag_to(volume.locator(".slot"))
    assert "J2.mask does not fit here" in volume.locator(".field-error").first.inner_text()
    assert volume.locator("input").input_value() == ""
    page.locator(".draggable", has_text=re.compile("^map$")).drag_to(volume.locator(".slot"))
    assert volume.locator("input").input_value() == "J1.map"
    mask = field(page, "mask")
    mask.locator("input").focus()
    unfit = mask.locator("[role=option][aria-disabled=true]").first
    assert "wants a mask" in unfit.locator(".reason").inner_text()
    keep("slots", page)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert mask.locator("input").input_value() == "J2.mask"
    run(page, "J3")
    assert {name: each["reference"] for name, each in project.job("J3").record.inputs.items()} == {"volume": "J1.map", "mask": "J2.mask"}
    page.get_by_role("link", name="Clone").click()
    page.get_by_text("clone of J3").wait_for()
    field(page, "factor").locator("input").fill("3")
    run(page, "J4")
    clone = project.job("J4").record
    assert (clone.cloned_from, clone.parameters["factor"], clone.parameters["mask"]) == ("J3", 3.0, "J2.mask")


def test_the_same_jobs_as_cards_table_and_graph_are_found_binned_and_restored(site, project, keep):
    page = site
    project.run("make")
    project.run("use", volume="J1")
    page.locator("[data-job=J2]").wait_for()  # made elsewhere: the stream tells
    keep("cards", page)
    page.get_by_role("button", name="Table").click()
    assert page.locator("table.jobs tbody tr").count() == 2
    page.get_by_role("button", name="Graph").click()
    assert page.locator("svg.graph .node").count() == 2
    assert page.locator("svg.graph .wire title").text_content() == "J1 → J2: volume"
    keep("graph", page)
    page.keyboard.press("/")
    page.keyboard.type("make")
    page.get_by_role("option").first.wait_for()
    page.keyboard.press("Enter")
    page.locator(".job-head").wait_for()
    assert page.url.endswith("/j/J1")
    page.get_by_role("button", name="Bin").click()
    page.get_by_role("button", name="Move to the bin").click()
    page.locator(".notices a", has_text="Bin").click()
    page.get_by_role("row", name=re.compile("J1")).get_by_role("button", name="Restore").click()
    page.locator(".notices", has_text="J1 is back").wait_for()
    assert [job.name for job in project.jobs] == ["J1"]


def test_jobs_are_compared_and_an_unknown_place_says_so(site, project, keep):
    page = site
    project.run("make")
    project.run("make", level=2, loud=True)
    page.locator("[data-job=J2]").wait_for()
    for job in ("J1", "J2"):
        page.get_by_label(f"Pick {job} to compare").check(force=True)
    page.get_by_role("link", name="Compare J1 and J2").click()
    page.get_by_role("heading", name="Parameters that differ").wait_for()
    rows = page.locator("section", has_text="Parameters that differ").locator("tbody tr")
    assert [row.split() for row in rows.all_inner_texts()] == [["Level", "1", "2"], ["Loud", "off", "on"]]
    keep("compare", page)
    page.goto(page.url.split("#")[0] + "#/p/tri-snrnp/j/J77")
    page.get_by_role("heading", name="J77 cannot be shown").wait_for()
    page.goto(page.url.split("#")[0] + "#/nowhere")
    page.get_by_role("heading", name="There is nothing at this address").wait_for()


def test_light_dark_and_keys(site, keep):
    page = site
    background = lambda: page.evaluate("getComputedStyle(document.body).backgroundColor")
    light = background()
    page.get_by_label(re.compile("^Colours")).click()
    page.get_by_label(re.compile("^Colours")).click()
    assert background() != light
    page.reload()
    page.get_by_role("heading", name="No job yet").wait_for()
    assert background() != light
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Keys").wait_for()
    keep("dark", page)
    page.keyboard.press("Escape")
    assert page.get_by_role("dialog").count() == 0
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip-link"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
