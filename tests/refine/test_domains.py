"""Regions of a map fall into a sharp body and blurred domains: by resolution, contact, necks and size."""

import numpy as np
import pytest

from triskelion.data.segmentation import Segmentation
from triskelion.data.volume import Volume
from triskelion.errors import InputError
from triskelion.masks.small_regions import count_contacts
from triskelion.refine.domains import cut_at_necks, find_rigid_domains, measure_distance_A2, measure_excess, measure_sharpness, split_in_two

BOX_PX, PIXEL_A = 40, 3.0
Z, Y, X = np.mgrid[:BOX_PX, :BOX_PX, :BOX_PX]


def block(x: tuple[int, int], y: tuple[int, int], z: tuple[int, int] = (14, 26)) -> np.ndarray:
    return np.logical_and.reduce([(axis >= low) & (axis < high) for axis, (low, high) in zip((X, Y, Z), (x, y, z), strict=True)])


# name -> voxels, resolution in Å; blocks touch where they share a face
SCENE = {
    "body left": (block((10, 16), (14, 26)), 8.0),
    "body right": (block((16, 22), (14, 26)), 8.5),
    "body end": (block((22, 28), (14, 26)), 8.2),
    "head near": (block((10, 22), (26, 31)), 13.0),
    "head far": (block((10, 22), (31, 37)), 18.0),
    "foot": (block((10, 22), (4, 14)), 12.0),
    "speck": (block((28, 30), (18, 21), (18, 21)), 30.0),
}


def make_scene(scene: dict[str, tuple[np.ndarray, float]] = SCENE) -> tuple[Segmentation, Volume]:
    labels, resolution_A = np.zeros((BOX_PX,) * 3, dtype=np.int32), np.full((BOX_PX,) * 3, 40.0)
    for number, (voxels, found_A) in enumerate(scene.values(), 1):
        labels[voxels], resolution_A[voxels] = number, found_A
    empty = np.zeros(len(scene) + 1)
    return Segmentation(labels, empty, empty, PIXEL_A, 0.5), Volume(resolution_A, PIXEL_A)


def union(*names: str) -> np.ndarray:
    return np.any([SCENE[name][0] for name in names], axis=0)


def test_body_head_and_foot():
    found = find_rigid_domains(*make_scene())
    names = [found.segmentation.names[node] for node in found.nodes]
    assert names == ["body", "domain_1", "domain_2"]
    body, head, foot = (found.voxels_of(node) for node in found.nodes)
    assert (body == union("body left", "body right", "body end", "speck")).all()  # too small to be a domain, it joins what it touches
    assert (head == union("head near", "head far")).all() and (foot == union("foot")).all()
    sizes = np.array([SCENE[name][0].sum() for name in ("head near", "head far")])
    expected_A = np.average([13.0**-2, 18.0**-2], weights=sizes) ** -0.5
    assert found.resolution_A[1:] == pytest.approx([expected_A, 12.0])


def test_a_domain_that_moves_little_is_found_beside_one_that_moves_far():
    """Two classes take the foot for body, where the head is blurred most of all; the body then falls apart in turn."""
    far = {**SCENE, "foot": (SCENE["foot"][0], 10.5), "head near": (SCENE["head near"][0], 16.0), "head far": (SCENE["head far"][0], 25.0)}
    segmentation, resolution = make_scene(far)
    sharpness, roots = measure_sharpness(segmentation, resolution), segmentation.roots()
    number = {name: index for index, name in enumerate(far, 1)}
    assert sharpness[number["foot"]] >= split_in_two(sharpness[roots], segmentation.n_voxels[roots])
    found = find_rigid_domains(segmentation, resolution)
    assert (found.voxels_of(found.nodes[0]) == union("body left", "body right", "body end", "speck")).all()
    assert [found.segmentation.names[node] for node in found.nodes] == ["body", "domain_1", "domain_2"]


def test_an_even_spread_of_sharpness_is_no_second_domain():
    sharpness = np.linspace(8.0**-2, 10.5**-2, 8)
    blocks = {f"{x}": (block((x, x + 4), (16, 24)), value**-0.5) for x, value in zip(range(2, 34, 4), sharpness, strict=True)}
    segmentation, resolution = make_scene({**blocks, "end": (block((34, 38), (2, 38), (2, 38)), 24.0)})
    found = find_rigid_domains(segmentation, resolution)
    assert (found.voxels_of(found.nodes[0]) == np.any([voxels for voxels, _ in blocks.values()], axis=0)).all()


def test_a_particle_as_sharp_everywhere_has_no_domains():
    same = {name: (voxels, 8.0 + 0.1 * number) for number, (name, (voxels, _)) in enumerate(SCENE.items())}
    found = find_rigid_domains(*make_scene(same))
    assert [found.segmentation.names[node] for node in found.nodes] == ["body"]
    assert (found.voxels_of(found.nodes[0]) == union(*SCENE)).all()


def test_a_single_region_is_the_body():
    found = find_rigid_domains(*make_scene({"body left": SCENE["body left"]}))
    assert len(found.nodes) == 1 and found.resolution_A == pytest.approx([8.0])


def test_necks_are_cut_and_wide_contacts_are_not():
    neck = block((18, 22), (30, 31), (19, 22))
    scene = {
        "left": (block((8, 14), (24, 36)), 15.0),
        "left too": (block((14, 18), (24, 36)), 15.0),
        "right": (block((22, 32), (24, 36)) | neck, 15.0),
    }
    segmentation, _ = make_scene(scene)
    pieces = cut_at_necks([1, 2, 3], count_contacts(segmentation), segmentation.n_voxels)
    assert sorted(map(sorted, pieces)) == [[1, 2], [3]]


def test_the_split_is_the_one_of_largest_variance_between_classes():
    values, weights = np.array([1.0, 1.1, 1.2, 3.0, 3.1]), np.array([5, 5, 5, 1, 1])
    assert split_in_two(values, weights) == 3.0
    assert split_in_two(values[::-1], weights[::-1]) == 3.0
    assert split_in_two(np.full(3, 2.0), np.ones(3)) == 2.0


def test_sharpness_and_distance_are_means_over_the_voxels_of_roots():
    segmentation, resolution = make_scene()
    grouped = segmentation.with_groups([([1, 2], 1)])
    sizes, union_of = segmentation.n_voxels[1:3], union("body left", "body right")
    assert measure_sharpness(grouped, resolution)[-1] == pytest.approx(np.average([8.0**-2, 8.5**-2], weights=sizes))
    middle = np.argwhere(segmentation.labels > 0).mean(axis=0)
    expected_A2 = PIXEL_A**2 * ((np.argwhere(union_of) - middle) ** 2).sum(axis=1).mean()
    assert measure_distance_A2(grouped)[-1] == pytest.approx(expected_A2)


def test_excess_tells_motion_from_errors_of_orientation():
    """A rigid particle is blurred by u² in proportion to r²: its ends are what the trend in its middle leads to expect."""
    segmentation, _ = make_scene({f"{x}": (block((x, x + 4), (16, 24)), 1.0) for x in range(2, 38, 4)})
    distance_A2, sizes = measure_distance_A2(segmentation), segmentation.n_voxels
    squared_A2 = 64 + 0.02 * distance_A2
    rigid = 1 / np.where(distance_A2 > 0, squared_A2, 1)
    everything, end = list(range(1, 10)), [9]
    assert measure_excess(end, everything, sizes, rigid, distance_A2) == pytest.approx(1)
    assert squared_A2[9] ** 0.5 > 1.2 * squared_A2[5] ** 0.5
    moving = np.where(np.arange(10) == 9, rigid / 1.5**2, rigid)
    assert measure_excess(end, everything[:-1], sizes, moving, distance_A2) == pytest.approx(1.5, rel=0.02)


def test_other_grids_are_refused():
    segmentation, resolution = make_scene()
    with pytest.raises(InputError, match="local resolution"):
        find_rigid_domains(segmentation, Volume(resolution.array, 2 * PIXEL_A))
