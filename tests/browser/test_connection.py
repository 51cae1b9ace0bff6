"""The page hears everything once: through a server that is killed and started again, and with twenty tabs open."""

from urllib.parse import urlsplit

import pytest

from triskelion.api import Project

TABS = 20
SMALL = {"n_particles": 4, "box_px": 16}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def real(tmp_path) -> Project:
    """Make a project whose jobs are of the real types; they are made, and wait."""
    project = Project.new(tmp_path / "tri-snrnp")
    project.prepare("simulate", **SMALL)
    return project


def test_a_page_goes_on_by_itself_after_its_server_was_killed(real, server_apart, page, keep):
    address = server_apart.start(real.folder)
    page.goto(address)
    page.get_by_role("heading", name="tri-snrnp").click()
    page.locator("[data-job=J1]").wait_for()
    page.locator("[data-job=J1] .card-title").click()
    page.get_by_label("New note").fill("half a sentence")
    page.locator(".pulse", has_text="Live").wait_for()

    server_apart.kill()
    page.locator(".banner", has_text="connection to the server is lost").wait_for()
    keep("lost", page)
    real.prepare("simulate", **SMALL)
    real.job("J1").notes.tag("away")
    server_apart.start(real.folder, port=urlsplit(address).port)
    page.locator(".pulse", has_text="Live").wait_for()
    page.get_by_label("Take tag away away").wait_for()
    assert page.locator(".banner").count() == 0
    assert page.get_by_label("New note").input_value() == "half a sentence"
    page.get_by_role("link", name="tri-snrnp").click()
    page.locator("[data-job=J2]").wait_for()
    assert page.locator("[data-job]").count() == 2


def test_twenty_tabs_hear_the_same(real, server_apart, page):
    page.goto(server_apart.start(real.folder))
    page.get_by_role("heading", name="tri-snrnp").click()
    page.locator("[data-job=J1]").wait_for()
    tabs = [page, *(page.context.new_page() for _ in range(TABS - 1))]
    for tab in tabs[1:]:
        tab.goto(page.url, wait_until="commit")
    for tab in tabs:
        tab.locator("[data-job=J1]").wait_for()
    real.prepare("simulate", **SMALL)
    for tab in tabs:
        tab.locator("[data-job=J2]").wait_for()
