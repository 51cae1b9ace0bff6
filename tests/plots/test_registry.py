import importlib
import io
import json
import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_hex

from triskelion.errors import InputError
from triskelion.plots import registry, style

SHARED_PARTS = {"__init__", "encode", "frequency_axis", "histogram", "region_images", "registry", "save_png", "slices", "sphere", "style"}


def test_every_diagnostic_has_a_file_and_every_file_is_registered():
    files = {path.stem for path in Path(registry.__file__).parent.glob("*.py")} - SHARED_PARTS
    assert files == set(registry.NAMES)


@pytest.mark.parametrize("name", registry.NAMES)
def test_draws_from_json(name, plot_data):
    text = json.dumps(plot_data[name], allow_nan=False)
    assert len(text) < 200_000
    settings = dict(matplotlib.rcParams)
    file = io.BytesIO()
    figure = registry.draw(name, json.loads(text))
    figure.savefig(file, format="png")
    assert figure.dpi == 200
    assert figure.get_figwidth() <= style.DOUBLE_COLUMN_IN
    assert file.getvalue().startswith(b"\x89PNG")
    assert dict(matplotlib.rcParams) == settings


@pytest.mark.parametrize("name", registry.NAMES)
def test_no_title_or_label_leaves_the_figure(name, plot_data):
    figure = registry.draw(name, plot_data[name])
    figure.draw_without_rendering()
    whole = figure.bbox.padded(1)
    for axes in figure.findobj(matplotlib.axes.Axes):
        for text in (axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label):
            box = text.get_window_extent()
            assert not text.get_text() or (whole.contains(box.x0, box.y0) and whole.contains(box.x1, box.y1)), text.get_text()


@pytest.mark.parametrize("name", registry.NAMES)
def test_the_first_line_of_a_module_is_the_caption_of_its_plot(name):
    """Reports and the browser show it, so it is one whole sentence for people."""
    caption = importlib.import_module(f"triskelion.plots.{name}").__doc__.split("\n")[0]
    assert caption.endswith(".")
    assert "``" not in caption


def test_neither_pyplot_nor_torch_is_needed_to_draw():
    program = (
        "import sys; from triskelion.plots import registry\n"
        "assert 'matplotlib' not in sys.modules\n"
        "data = dict(n=1, n_rings=9, counts=[1] + [0] * 103)\n"
        "registry.draw('viewing_directions', data)\n"
        "assert 'matplotlib.pyplot' not in sys.modules and 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_an_unknown_plot_is_refused():
    with pytest.raises(InputError, match=r"'pie'.*gsfsc"):
        registry.draw("pie", {})


def test_the_palette_is_that_of_okabe_and_ito():
    """Every two colours differ for each kind of colour blindness (Viénot, Brettel & Mollon, 1999, on linear RGB)."""
    colors = [style.BLACK, style.ORANGE, style.SKY, style.GREEN, style.BLUE, style.VERMILLION, style.PURPLE]
    rgb = np.array([[int(to_hex(c)[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in colors]) ** 2.2
    protan = np.array([[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]])
    deutan = np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]])
    for seen in (rgb, rgb @ protan.T, rgb @ deutan.T):
        display = np.clip(seen, 0, 1) ** (1 / 2.2)
        distance = np.linalg.norm(display[:, None] - display[None], axis=-1)
        assert distance[np.triu_indices(len(colors), 1)].min() > 0.1
