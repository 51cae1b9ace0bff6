import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from triskelion.errors import TriskelionError
from triskelion.project.figures import format_duration, format_figure, list_figures, write_headline
from triskelion.project.report import Story, write_project_report
from triskelion.project.report_plots import EARLIER_PX, WIDE_PX, Picture, collect_plots, embed_picture
from triskelion.runners.base import JobFailed

VOID = {"meta", "img", "input", "br", "hr", "link"}


class Page(HTMLParser):
    """Checks that tags are closed in order; collects links, ids and images."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.found: list[tuple[str, dict]] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def values(self, tag: str, attribute: str) -> list[str]:
        return [attributes[attribute] for name, attributes in self.found if name == tag and attribute in attributes]


@pytest.fixture
def reported(project):
    project.run("make", level=3.0, iterations=3, loud=True)
    project.run("use", volume="J1.half_a")
    with pytest.raises(JobFailed):
        project.run("fail", how="data")
    return project


def test_the_page_holds_everything_and_fetches_nothing(reported):
    path = reported.write_report()
    assert path == reported.folder / "report.html"
    text = path.read_text()
    page = Page(text)
    assert all(source.startswith("data:image/webp;base64,") for source in page.values("img", "src"))
    assert not re.search(r"<link|@import|url\(|https?://", text)
    assert {"J1", "J2", "J3"} <= set(page.values("section", "id"))
    anchors = page.values("a", "href")
    assert all(link[1:] in page.values("section", "id") for link in anchors if link.startswith("#"))
    assert all((reported.folder / link).is_file() for link in anchors if not link.startswith("#"))
    assert {"J1/map.mrc", "J1/half_b.mrc", "J2/map.mrc", "J3/early.txt"} <= set(anchors)
    assert "the padding is thin [not markup]" in text
    assert "stack.mrcs, row 7: the image holds NaN" in text
    assert "<dd>4.12 Å</dd>" in text and "<dd>1,500</dd>" in text


def test_changed_parameters_are_marked_and_come_first(reported):
    text = reported.job("J1").write_report().read_text()
    rows = re.findall(r'<tr( class="changed")?><th scope="row">[^<]*<code>(\w+)</code></th><td>([^<]*)</td>', text)
    assert [(name, value) for mark, name, value in rows if mark] == [("level", "3"), ("loud", "True"), ("iterations", "3")]
    assert all(not mark for mark, _, _ in rows[3:])
    assert ("", "box_px", "8 px") in rows


def test_iterations_are_browsed_and_the_last_is_shown(reported):
    page = Page(reported.job("J1").write_report().read_text())
    images = [attributes for tag, attributes in page.found if tag == "img" and "data-iteration" in attributes]
    assert [image["data-iteration"] for image in images] == ["1", "2", "3", ""]
    assert ["hidden" in image for image in images] == [True, True, True, False]
    assert page.values("input", "data-iterations") == ["1 2 3"]


def test_a_job_report_written_elsewhere_links_by_full_path(reported, tmp_path):
    page = Page(reported.job("J1").write_report(tmp_path / "mail.html").read_text())
    links = [link for link in page.values("a", "href") if link.endswith("map.mrc")]
    assert links == [reported.job("J1").path("map").as_uri()] or links == ["tri-snrnp/J1/map.mrc"]
    with pytest.raises(TriskelionError, match="there is no folder"):
        reported.write_report(tmp_path / "missing" / "mail.html")


def test_text_of_jobs_is_never_markup(project):
    project.run("make", folder_path="<script>alert(1)</script>")
    text = project.write_report().read_text()
    assert "<script>alert" not in text and "&lt;script&gt;alert" in text


def test_a_story_stands_above_the_jobs(reported):
    view = collect_plots(reported._paths.job("J1"))[0]
    story = Story("A head in focus", "What was done.", ("", "before", "after"), [("resolution", "12 Å", "8 Å")], "Half maps.", [view])
    target = reported.folder / "story.html"
    text = write_project_report(reported._paths, target, story).read_text()
    Page(text)
    assert text.index("A head in focus") < text.index("What was done.") < text.index("8 Å") < text.index('id="J1"')


def test_an_empty_project_has_a_report(project):
    assert "no jobs yet" in project.write_report().read_text()


def make_png(width_px: int, height_px: int) -> tuple[np.ndarray, bytes]:
    pixels = np.random.default_rng(1).integers(0, 256, (height_px, width_px, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return pixels, stream.getvalue()


def read_picture(picture: Picture) -> np.ndarray:
    with Image.open(io.BytesIO(base64.b64decode(picture.uri.partition(",")[2]))) as image:
        return np.asarray(image.convert("RGB"))


def test_the_last_picture_keeps_every_pixel():
    pixels, png = make_png(1400, 60)
    picture = embed_picture(png, None)
    assert (picture.iteration, picture.width_px, picture.height_px) == (None, 1400, 60)
    assert np.array_equal(read_picture(picture), pixels)


@pytest.mark.parametrize(("size", "expected"), [((1400, 700), (EARLIER_PX, 450)), ((700, 500), (700, 500))])
def test_pictures_of_earlier_iterations_are_no_wider_than_they_need_be(size, expected):
    picture = embed_picture(make_png(*size)[1], 3, is_earlier=True)
    assert picture.iteration == 3
    assert (picture.width_px, picture.height_px) == expected == read_picture(picture).shape[1::-1]


def test_only_the_last_of_a_diagnostic_is_shown_in_full(reported):
    view = collect_plots(reported._paths.job("J1"))[0]
    widths = [read_picture(image).shape[1] for image in view.images]
    assert view.images[-1].iteration is None
    assert widths[-1] == view.images[-1].width_px and max(widths[:-1]) <= EARLIER_PX
    assert view.is_wide == (widths[-1] > WIDE_PX)


def test_figures_in_words():
    summary = {"wall_s": 70.2, "resolution_A": 4.1234, "n_particles": 1500, "median_error_deg": 3.456, "warnings": ["a"], "b_factor_A2": None}
    assert list_figures(summary) == [("resolution", "4.12 Å"), ("particles", "1,500"), ("median error", "3.46 °"), ("wall time", "1 min 10 s")]
    assert write_headline(summary) == "resolution 4.12 Å, particles 1,500, 1 warning"
    assert [format_duration(s) for s in (0.25, 59.94, 119.7, 7260)] == ["0.2 s", "59.9 s", "2 min 0 s", "2 h 1 min"]
    assert format_figure("box_px", [96, 128]) == "96, 128 px"
