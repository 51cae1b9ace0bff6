"""A person at the page: clicks and keys only, and eyes for what stands there."""

import re
from collections.abc import Callable
from typing import Any

LONG_MS = 900_000  # a job may take minutes on a busy machine
SEEN_MS = 1000  # a click is seen to have picked something, or nothing, before the next
ALL_DRAWN = """() => document.querySelectorAll('.plot-place').length === 0
  && [...document.images].every((image) => image.complete || image.getBoundingClientRect().top > innerHeight)"""


class Hand:
    """Works in one tab.

    Parameters
    ----------
    page : playwright Page
    keep : callable
        Keeps a screenshot under a name.
    """

    def __init__(self, page: Any, keep: Callable[[str, Any], None]):
        self.page = page
        self._keep = keep

    def keep(self, name: str) -> None:
        """Keep a screenshot."""
        self._keep(name, self.page)

    def make_project(self, title: str) -> None:
        """Make a project on the first screen."""
        self.page.get_by_role("button", name="New project").first.click()
        self.page.get_by_label("Title").fill(title)
        self.keep("new_project")
        self.page.get_by_role("button", name="Make project").click()
        self.page.get_by_role("heading", name="No job yet").wait_for()

    def open_form(self, job_type: str) -> None:
        """Open the form of a job type: n, its name, Enter."""
        self.page.locator("body").press("n")
        self.page.get_by_label("Find a job type").fill(job_type)
        self.page.keyboard.press("Enter")
        self.page.locator(".run-button").wait_for()

    def fill(self, **values: Any) -> None:
        """Fill fields as they are: switches are switched on, choices chosen, the rest typed."""
        for name, value in values.items():
            field = self.page.locator(f"[data-field={name}]")
            if not field.is_visible():
                self.page.locator("details.advanced > summary").click()
            if value is True:
                field.locator(".switch").click()
            elif field.locator("select").count():
                field.locator("select").select_option(str(value))
            else:
                field.locator("input").fill(str(value))
                field.locator("input").press("Escape")  # closes the list of a slot

    def run(self, screenshot: str | None = None) -> str:
        """Run the job of the form, wait until it is completed, and return its name."""
        self.page.get_by_text("Everything fits.").wait_for(timeout=LONG_MS)  # an input may still be in the making
        if screenshot:
            self.keep(f"{screenshot}_form")
        self.page.locator(".run-button").click()
        self.page.locator(".job-head").wait_for()
        return self.wait_for_result(screenshot)

    def wait_for_result(self, screenshot: str | None = None) -> str:
        """Wait until the job on the page is over, and well; return its name."""
        state = self.page.locator(".job-head .state")
        self.page.locator(".job-head .state:is(.running, .completed, .failed, .killed)").wait_for(timeout=LONG_MS)
        if screenshot and state.inner_text() == "running":
            self.keep(f"{screenshot}_running")
        self.page.locator(".job-head .state:is(.completed, .failed, .killed)").wait_for(timeout=LONG_MS)
        name = self.page.locator(".job-head h1 .job-name").inner_text()
        assert state.inner_text() == "completed", f"{name}: {self.page.locator('.warning-box').all_inner_texts()}"
        if screenshot:
            self.page.wait_for_function(ALL_DRAWN, timeout=LONG_MS)
            self.keep(f"{screenshot}_job")
        return name

    def go_to_job(self, name: str) -> None:
        """Search for a job and open it."""
        self.page.locator("body").press("/")
        self.page.keyboard.type(name)
        self.page.get_by_role("option", name=re.compile(rf"\b{name}\b")).first.wait_for()
        self.page.keyboard.press("Enter")
        self.page.locator(".job-head h1 .job-name", has_text=re.compile(f"^{name}$")).wait_for()

    def pick_in_view(self, region: int) -> None:
        """Click here and there on the surfaces until a region is picked, as one does who sees it."""
        row = self.page.locator(".region-list tr", has=self.page.get_by_label(f"Show region {region}", exact=True))
        canvas = self.page.locator(".viewer-canvas")
        canvas.wait_for()
        row.wait_for(timeout=60_000)
        box = canvas.bounding_box()
        steps = [(0.5 + 0.05 * dx, 0.5 + 0.05 * dy) for dx in range(-7, 8) for dy in range(-7, 8)]
        for right, down in sorted(steps, key=lambda step: (step[0] - 0.5) ** 2 + (step[1] - 0.5) ** 2):
            canvas.click(position={"x": right * box["width"], "y": down * box["height"]})
            self.page.wait_for_timeout(SEEN_MS)
            if row.get_attribute("aria-selected") == "true":
                return
        raise AssertionError(f"region {region} was not met by clicks on the canvas")

    def add_in_list(self, region: int) -> None:
        """Ctrl-click a region in the list."""
        row = self.page.locator(".region-list tr", has=self.page.get_by_label(f"Show region {region}", exact=True))
        row.locator(".region-number").click(modifiers=["Control"])
        self.page.wait_for_function("row => row.getAttribute('aria-selected') === 'true'", arg=row.element_handle())
