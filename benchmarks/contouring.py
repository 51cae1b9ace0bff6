"""The viewer in headless Chromium: milliseconds to contour a map while its level is dragged, to draw a mask while its sliders move, to pick a point;
seconds until a map is seen.

    python benchmarks/contouring.py [--boxes 128 200 380] [--repeats 15]

The map is the built-in phantom at 4.2 Å in a field of view of 532 Å, that of the tri-snRNP; the mask is that of its head. Contours and picks
are timed in the page, from the question to the worker until its answer is there, at levels from half to twice the automatic one; graphics is
drawn in software here and is not part of them. A mask counts both of its surfaces. First contour: from opening the address of the viewer until
the map is drawn, once binned and once in full, by the server and browser of this machine. Medians. Prints JSON; ends with 1 if a bar is missed.
"""

import argparse
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bars import Bars, list_missed
from playwright.sync_api import Page, sync_playwright

from triskelion.api import Project
from triskelion.data.volume import Volume
from triskelion.io.mrc import write_volume
from triskelion.maps.edit import rescale_map
from triskelion.maps.viewing import suggest_level
from triskelion.simulate.density import compute_density
from triskelion.simulate.phantom import build_phantom

FIELD_A, MADE_PX = 532.0, 256  # 4.2 Å is the Nyquist frequency of the grid on which the map is made
DILATION_A, PADDING_A = 7.0, 24.0
CHROMIUM_OPTIONS = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
MOST_MS = {128: {"contour": 15, "mask": 20, "pick": 5}, 200: {"contour": 45, "mask": 40, "pick": 5}, 380: {"contour": 150, "mask": 90, "pick": 5}}
MOST_S = {200: 3, 380: 8}

MEASURE = """async ({map, head, level, distanceLevel, pixel_size_A, dilation_A, padding_A, repeats}) => {
  const {VolumeClient} = await import("/static/viewer/volume_client.js");
  const client = new VolumeClient();
  const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];
  const time = async (work) => { const start = performance.now(); await work(); return performance.now() - start; };
  const series = async (work) => {
    const times = [];
    for (let i = 0; i < repeats; i++) times.push(await time(() => work(i / (repeats - 1))));
    return median(times);
  };
  const load_ms = await time(() => client.ask("loadMap", {key: "map", url: `${map}?bin=1`}));
  const {header} = await client.ask("loadMap", {key: "map", url: `${map}?bin=1`});
  let faces = 0;
  const contour = async (share) => {
    const surface = await client.ask("contour", {key: "map", density: level * 2 ** (2 * share - 1), style: "surface"});
    if (Math.abs(share - 0.5) < 0.01) faces = surface.indices.length / 3;
  };
  await contour(0.5);
  const contour_ms = await series(contour);
  const [dilation, padding] = [dilation_A / pixel_size_A, padding_A / pixel_size_A];
  const reach = Math.ceil(1.5 * (dilation + padding));
  const distances = await client.ask("loadDistances", {key: "distances", url: `${head}?threshold=${distanceLevel}&reach_px=${reach}`});
  const mask = (share) => Promise.all([0, padding].map((more) =>
    client.ask("contourDistance", {key: "distances", distance_px: dilation * (0.5 + share) + more, style: "surface"})));
  await mask(0.5);
  const mask_ms = await series(mask);
  const box_A = header.shape[0] * pixel_size_A;
  const pick = (share) => client.ask("pick", {targets: [{key: "map", density: level}],
    ray: {origin: [box_A * (0.2 * share - 0.1), box_A * (0.1 - 0.2 * share), 3 * box_A], direction: [0, 0, -1]}});
  await pick(0.5);
  const pick_ms = await series(pick);
  client.close();
  return {contour_ms, mask_ms, pick_ms, load_ms, thousand_faces: Math.round(faces / 1000), mask_box_px: distances.header.shape};
}"""


def make_project(folder: Path, boxes: list[int]) -> tuple[Project, dict[int, float]]:
    """Import particle and head at every box; return the automatic levels too."""
    phantom = build_phantom()
    parts = {name: compute_density(phantom, name, MADE_PX, FIELD_A / MADE_PX) for name in ("body", "foot", "head", "arm")}
    whole = Volume(sum(part.array for part in parts.values()), FIELD_A / MADE_PX)  # pyright: ignore[reportArgumentType]
    project, levels = Project.new(folder / "contouring"), {}
    for box in boxes:
        for name, volume in (("whole", whole), ("head", parts["head"])):
            write_volume(folder / f"{name}_{box}.mrc", rescale_map(volume, box))
            project.run("import_volume", path=folder / f"{name}_{box}.mrc", kind="map")
        levels[box] = suggest_level(rescale_map(whole, box).array, is_mask=False, is_base=False)
    return project, levels


def time_first_contour(page: Page, address: str) -> dict[str, float]:
    """Open the viewer in a page that is at another place; seconds until the map is drawn binned, and in full."""
    page.goto("about:blank")
    start = time.perf_counter()
    page.goto(address)
    page.locator('.map-status:not([data-bin=""])[data-bin]').wait_for()
    binned_s = time.perf_counter() - start
    page.locator('.map-status[data-bin="1"]').wait_for()
    return {"first_contour_s": binned_s, "full_contour_s": time.perf_counter() - start}


def measure(project: Project, levels: dict[int, float], repeats: int) -> dict[int, dict[str, Any]]:
    """Start the server, open the browser, time everything for each box."""
    command = [sys.executable, "-m", "triskelion.cli.main", "serve", str(project.folder), "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        entry = next(match[0] for line in server.stdout or () if (match := re.search(r"http://\S+", line)))
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_OPTIONS)
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.set_default_timeout(300_000)
            page.goto(entry)
            page.get_by_role("heading", name=project.folder.name).first.wait_for()
            site, figures = entry.split("?")[0], {}
            for number, (box, level) in enumerate(levels.items()):
                whole, head = (f"J{2 * number + each}" for each in (1, 2))
                api = f"/api/p/{project.folder.name}/j"
                given = {"map": f"{api}/{whole}/volume/map", "head": f"{api}/{head}/distance/map", "level": level, "distanceLevel": level}
                lengths = {"pixel_size_A": FIELD_A / box, "dilation_A": DILATION_A, "padding_A": PADDING_A, "repeats": repeats}
                opened = [time_first_contour(page, f"{site}#/p/{project.folder.name}/view/{whole}") for _ in range(3)]
                seconds = {name: statistics.median(each[name] for each in opened) for name in opened[0]}
                page.goto(site)
                figures[box] = {**page.evaluate(MEASURE, {**given, **lengths}), **seconds}
            browser.close()
        return figures
    finally:
        server.terminate()
        server.wait()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--boxes", type=int, nargs="+", default=[128, 200, 380])
    parser.add_argument("--repeats", type=int, default=15)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="contouring_") as folder:
        figures = measure(*make_project(Path(folder), arguments.boxes), arguments.repeats)
    print(json.dumps(figures, indent=2, default=float))
    bars: Bars = {f"{what} at {box} (ms)": (None, most) for box, limits in MOST_MS.items() for what, most in limits.items()}
    bars |= {f"first contour at {box} (s)": (None, most) for box, most in MOST_S.items()}
    found = {f"{what} at {box} (ms)": values[f"{what}_ms"] for box, values in figures.items() for what in ("contour", "mask", "pick")}
    found |= {f"first contour at {box} (s)": values["first_contour_s"] for box, values in figures.items()}
    missed = list_missed(bars, found)
    print("\n".join(missed) or "all bars are met")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
