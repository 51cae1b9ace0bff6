"""The contour, the pick and the slices of the viewer, against shapes whose surface is known."""

import math

import pytest

BOX, CENTER, RADIUS = 40, (19.3, 20.6, 18.2), 11.0  # px; centre x, y, z

SETUP = """
  const {makeGrid} = await import("/static/viewer/bricks.js");
  const {Contourer} = await import("/static/viewer/contour.js");
  const fill = (n, value) => {
    const data = new Uint16Array(n ** 3);
    for (let z = 0, i = 0; z < n; z++) for (let y = 0; y < n; y++) for (let x = 0; x < n; x++) data[i++] = value(x, y, z);
    return makeGrid(data, [n, n, n]);
  };
  const ball = (n, [cx, cy, cz], radius) => fill(n, (x, y, z) => Math.max(0, 40000 - 1000 * (Math.hypot(x - cx, y - cy, z - cz) - radius)));
  const measure = ({positions, normals, indices}) => {
    const at = (vertex) => [...positions.slice(3 * vertex, 3 * vertex + 3)];
    const key = (vertex) => at(vertex).map((value) => value.toFixed(4)).join();
    const sides = new Map();
    let volume = 0;
    for (let i = 0; i < indices.length; i += 3) {
      const [a, b, c] = [...indices.slice(i, i + 3)];
      const [p, q, r] = [at(a), at(b), at(c)];
      volume += (p[0] * (q[1] * r[2] - q[2] * r[1]) - p[1] * (q[0] * r[2] - q[2] * r[0]) + p[2] * (q[0] * r[1] - q[1] * r[0])) / 6;
      for (const [from, to] of [[a, b], [b, c], [c, a]]) {
        const [start, end] = [key(from), key(to)];
        if (start !== end) sides.set(`${start} ${end}`, (sides.get(`${start} ${end}`) ?? 0) + 1);
      }
    }
    const isOpen = ([side, count]) => (sides.get(side.split(" ").reverse().join(" ")) ?? 0) !== count;
    return {volume, nOpen: [...sides].filter(isOpen).length, nTriangles: indices.length / 3};
  };
"""


def run(modules, script: str, argument=None):
    return modules.evaluate(f"async (given) => {{ {SETUP} {script} }}", argument)


def test_a_ball_is_closed_round_and_seen_from_outside(modules):
    found = run(
        modules,
        """
        const [center, radius] = given;
        const surface = new Contourer().contour(ball(40, center, radius), 40000);
        const off = [], tilt = [];
        for (let i = 0; i < surface.positions.length / 3; i++) {
          const away = [0, 1, 2].map((axis) => surface.positions[3 * i + axis] - center[axis]);
          const length = Math.hypot(...away);
          const normal = [...surface.normals.slice(4 * i, 4 * i + 3)];
          off.push(Math.abs(length - radius));
          tilt.push(away.reduce((sum, value, axis) => sum + (value * normal[axis]) / Math.hypot(...normal) / length, 0));
        }
        return {...measure(surface), off: Math.max(...off), tilt: Math.min(...tilt)};
        """,
        [CENTER, RADIUS],
    )
    assert found["nOpen"] == 0
    assert found["volume"] == pytest.approx(4 / 3 * math.pi * RADIUS**3, rel=0.01)  # positive: anticlockwise from outside
    assert found["off"] < 0.03  # px from the true sphere, along edges of the grid
    assert found["tilt"] > 0.999  # cosine between the normal and the radius


def test_noise_has_no_holes(modules):
    """All 256 cases meet one another."""
    found = run(
        modules,
        """
        let seed = 1;
        const random = () => (seed = (seed * 48271) % 2147483647) % 65536;
        const inside = (i) => i > 0 && i < 20;
        return measure(new Contourer().contour(fill(21, (x, y, z) => (inside(x) && inside(y) && inside(z) ? random() : 0)), 30000.5));
        """,
    )
    assert found["nTriangles"] > 15_000 and found["nOpen"] == 0


def test_a_net_has_the_lines_of_the_same_vertices(modules):
    found = run(
        modules,
        """
        const grid = ball(40, [20, 20, 20], 9);
        const contourer = new Contourer();
        const [surface, net] = ["surface", "mesh"].map((style) => contourer.contour(grid, 40000, style));
        const points = ({positions: at}) => Array.from({length: at.length / 3}, (_, i) => at.slice(3 * i, 3 * i + 3).join());
        const distinct = (contour) => new Set(points(contour)).size;
        return {nVertices: [surface, net].map(distinct), nLines: net.indices.length / 2};
        """,
    )
    assert found["nVertices"][0] == found["nVertices"][1]
    assert found["nLines"] > found["nVertices"][0]  # every vertex has lines in two planes or three, each shared by two


def test_a_pick_meets_the_surface_where_the_ray_does(modules):
    found = run(
        modules,
        """
        const {pickSurface} = await import("/static/viewer/picking.js");
        const grid = ball(40, [20, 20, 20], 9);
        const ray = [[20 + 3, 20 + 4, -70], [0, 0, 1]];
        const hidden = pickSurface(grid, 40000, ...ray, (x, y, z) => z > 20);
        return {hit: pickSurface(grid, 40000, ...ray), hidden, past: pickSurface(grid, 40000, [20, 35, -70], [0, 0, 1])};
        """,
    )
    depth = 20 - math.sqrt(9**2 - 3**2 - 4**2)
    assert found["hit"]["point"] == pytest.approx([23, 24, depth], abs=0.02)
    assert found["hit"]["distance"] == pytest.approx(depth + 70, abs=0.02)
    assert found["hidden"]["point"][2] == pytest.approx(20, abs=1e-3)  # what is hidden is passed through
    assert found["past"] is None


def test_regions_that_touch_are_closed_and_share_their_border(modules):
    found = run(
        modules,
        """
        const {cutOutRegion, measureLeafBoxes, countVoxels} = await import("/static/viewer/region_grid.js");
        const grid = ball(40, [20, 20, 20], 9);
        const data = grid.data.map((value, i) => (value < 40000 ? 0 : i % 40 < 20 ? 1 : 2));
        const labels = {data, boxes: measureLeafBoxes(data, grid.shape, 2)};
        const contourer = new Contourer();
        const part = (leaves) => {
          const cut = cutOutRegion(grid, labels, leaves, 40000);
          const surface = contourer.contour(cut.grid, 39999.5);
          const x = [...surface.positions].filter((_, i) => i % 3 === 0).map((value) => value + cut.origin[0]);
          return {...measure(surface), from: Math.min(...x), to: Math.max(...x)};
        };
        const edge = fill(9, () => 50000);
        const whole = {data: edge.data.map(() => 1), boxes: measureLeafBoxes(edge.data.map(() => 1), edge.shape, 1)};
        const atFace = measure(contourer.contour(cutOutRegion(edge, whole, [1], 40000).grid, 39999.5));
        return {left: part([1]), right: part([2]), both: part([1, 2]), atFace, counts: [...countVoxels(data, 2)]};
        """,
    )
    left, right, both = found["left"], found["right"], found["both"]
    assert left["nOpen"] == right["nOpen"] == both["nOpen"] == found["atFace"]["nOpen"] == 0  # at the faces of the box too
    assert 19 <= left["to"] <= right["from"] + 1 <= 21.01  # both end between voxels 19 and 20
    assert left["volume"] + right["volume"] == pytest.approx(both["volume"], rel=0.06)
    assert both["volume"] == pytest.approx(4 / 3 * math.pi * 9**3, rel=0.02)
    assert sum(found["counts"]) == 40**3 and found["counts"][1] > 1000


def test_a_contour_of_distances_is_the_dilated_base(modules):
    found = run(
        modules,
        """
        const {makeDistanceGrid, levelAtDistance} = await import("/static/viewer/distance_grid.js");
        const steps = new Uint8Array(40 ** 3);
        for (let z = 0, i = 0; z < 40; z++) for (let y = 0; y < 40; y++) for (let x = 0; x < 40; x++)
          steps[i++] = Math.min(255, Math.round(Math.max(0, Math.hypot(x - 20, y - 20, z - 20) - 5) / 0.1));
        const grid = makeDistanceGrid(steps, [40, 40, 40]);
        return [0, 3, 7.5].map((distance) => measure(new Contourer().contour(grid, levelAtDistance(distance, 0.1))));
        """,
    )
    radii = [(3 * each["volume"] / (4 * math.pi)) ** (1 / 3) for each in found]
    assert radii[0] == pytest.approx(5, abs=0.3)  # through the outermost voxels of the base
    assert radii[1:] == pytest.approx([8.0, 12.5], abs=0.12)
    assert all(each["nOpen"] == 0 for each in found)


def test_slices_have_the_axes_that_are_written_beside_them(modules):
    found = run(
        modules,
        """
        const {cutSlice, PLANES} = await import("/static/viewer/slice.js");
        const grid = {data: Uint16Array.from({length: 24}, (_, i) => i), shape: [2, 3, 4]};
        return PLANES.map(({normal, title}) => {
          const {values, width, height} = cutSlice(grid, normal, 1);
          return {title, values: [...values], width, height};
        });
        """,
    )
    xy, xz, yz = found
    assert xy == {"title": "XY", "values": [20, 21, 22, 23, 16, 17, 18, 19, 12, 13, 14, 15], "width": 4, "height": 3}  # y runs up
    assert xz == {"title": "XZ", "values": [16, 17, 18, 19, 4, 5, 6, 7], "width": 4, "height": 2}
    assert yz == {"title": "YZ", "values": [13, 17, 21, 1, 5, 9], "width": 3, "height": 2}


def test_points_of_binned_and_cropped_grids_lie_where_the_map_has_them(modules):
    found = run(
        modules,
        """
        const {frameOfHeader, gridToPx, pxToScene, sceneToGrid, parsePoint} = await import("/static/viewer/coordinates.js");
        const binned = frameOfHeader({bin: 2, shape: [50, 50, 50], full_shape: [100, 100, 100], pixel_size_A: 1.4});
        const cropped = frameOfHeader({shape: [8, 9, 10], full_shape: [100, 100, 100], pixel_size_A: 1.4, origin_zyx: [30, 20, 10]});
        const back = sceneToGrid(binned, pxToScene(binned, gridToPx(binned, [3, 4, 5])));
        return {
          binned: gridToPx(binned, [3, 4, 5]), cropped: gridToPx(cropped, [1, 2, 3]), center: pxToScene(binned, [50, 50, 50]), back,
          typed: ["178.2,178.6,180.9", "249.5, 250.1, 253.3 A", "1 2", "a,b,c"].map((text) => parsePoint(text, 1.4)),
        };
        """,
    )
    assert found["binned"] == [6.5, 8.5, 10.5]  # a binned voxel is the average of two, half way between them
    assert found["cropped"] == [11, 22, 33]
    assert found["center"] == [0, 0, 0]
    assert found["back"] == pytest.approx([3, 4, 5])
    assert found["typed"][0] == [178.2, 178.6, 180.9]
    assert found["typed"][1] == pytest.approx([249.5 / 1.4, 250.1 / 1.4, 253.3 / 1.4])
    assert found["typed"][2:] == [None, None]


def test_a_link_says_what_is_shown_and_nonsense_is_passed_over(modules):
    view = {
        "maps": [
            {"job": "J5", "name": "map_sharp", "level": 0.0312, "color": "#8fa7bf", "opacity": 0.5, "style": "mesh", "isVisible": False, "sdev_A": 2},
            {"job": "J7", "name": "map", "level": -1.5e-7, "color": "#e69f00", "opacity": 1, "style": "surface", "isVisible": True, "sdev_A": 0},
        ],
        "camera": {"quaternion": [0, 0.6, 0, 0.8], "target": [1.5, -2, 3], "distance_A": 812.5},
        "fulcrum_px": [178.2, 178.6, 180.9],
        "crosshair_px": [1, 2, 3],
        "hasSlices": True,
        "mask": {"dilation_px": 5, "padding_px": 17.5, "base": "chosen"},
    }
    found = run(
        modules,
        """
        const {decodeView, encodeView} = await import("/static/viewer/view_state.js");
        const link = new URLSearchParams(encodeView(given)).toString();
        const nonsense = {maps: "J5 ~~ J7~map~x~zzz~7~q~1~-3", camera: "1,2", fulcrum: "a,b,c", mask: "5~x~chosen"};
        return {again: decodeView(Object.fromEntries(new URLSearchParams(link))), nonsense: decodeView(nonsense), empty: decodeView({})};
        """,
        view,
    )
    assert found["again"] == view
    nonsense = found["nonsense"]
    assert [each["name"] for each in nonsense["maps"]] == ["map"] and nonsense["maps"][0]["level"] is None and nonsense["maps"][0]["opacity"] == 1
    assert nonsense["camera"] is nonsense["fulcrum_px"] is nonsense["mask"] is None
    assert found["empty"] == {"maps": [], "camera": None, "fulcrum_px": None, "crosshair_px": None, "hasSlices": False, "mask": None}
