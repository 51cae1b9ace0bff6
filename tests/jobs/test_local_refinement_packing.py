"""Images are packed as memory allows, and what comes out does not depend on where they lie."""

from pathlib import Path

import numpy as np
import pytest
from tests.refine.scene import SETTINGS, make_scene
from tests.refine.scene_context import InterruptedContext, SceneContext, run_local_refinement

from triskelion.errors import InputError, JobCancelled
from triskelion.geometry.symmetry import parse_symmetry
from triskelion.io.mrc import read_volume
from triskelion.refine.memory import estimate_memory

SHORT = {"max_iterations": 2}
BEGINNING = "refine the rest first"
GB = 1e9


def choose_packing(folder: Path, **parameters) -> str:
    """The line of the log that says how images are packed, of a job that goes no further."""
    context = InterruptedContext(folder, make_scene(), stop_in=BEGINNING)
    with pytest.raises(JobCancelled):
        run_local_refinement(context, **parameters)
    (line,) = (line for line in context.logs if "packed as" in line)
    return line


@pytest.fixture(scope="module")
def estimate():
    return estimate_memory(make_scene().inputs(SETTINGS), refines_rest=True)


def test_half_precision_and_then_the_disk_are_taken_as_memory_shrinks(estimate, tmp_path):
    as_float32, as_float16 = (estimate.total_bytes(dtype) for dtype in (np.float32, np.float16))
    assert estimate.working_bytes < as_float16 < as_float32
    for allowed, packing in ((as_float32 + 1, "float32"), (as_float32 - 1, "float16"), (as_float16 + 1, "float16"), (as_float16 - 1, "disk")):
        assert f"images packed as {packing}: it takes about" in choose_packing(tmp_path / "J2", memory_GB=allowed / GB)
    assert "GB on disk" in choose_packing(tmp_path / "J2", memory_GB=(estimate.working_bytes + 1) / GB)


def test_too_little_memory_even_for_the_disk_is_refused(estimate, tmp_path):
    with pytest.raises(InputError, match=r"it takes about 1\.\d GB of memory, 0\.5 GB may be taken: bin the particles, give it more memory"):
        run_local_refinement(SceneContext(tmp_path / "J2", make_scene()), memory_GB=0.5)


@pytest.mark.parametrize("packing", ["float32", "float16", "disk"])
def test_a_packing_that_was_asked_for_is_taken_or_refused(estimate, tmp_path, packing):
    assert f"packed as {packing}" in choose_packing(tmp_path / "J2", packing=packing)
    with pytest.raises(InputError, match="packing=auto"):
        run_local_refinement(SceneContext(tmp_path / "J3", make_scene()), packing=packing, memory_GB=(estimate.working_bytes - 1) / GB)


def test_numbers_that_are_kept_grow_with_particles_and_the_rest_of_the_box(estimate):
    twice = estimate_memory(make_scene(240).inputs(SETTINGS), refines_rest=True)
    assert twice.packed_values == 2 * estimate.packed_values and twice.working_bytes == estimate.working_bytes
    inputs = make_scene(box_px=48).inputs(SETTINGS)
    head, with_rest = (estimate_memory(inputs, refines_rest) for refines_rest in (False, True))
    assert head.window_px == 28 and head.packed_values < 0.5 * with_rest.packed_values


def test_a_global_search_takes_more_and_less_under_symmetry(estimate):
    inputs = make_scene().inputs(SETTINGS)
    needed = [estimate_memory(inputs, searched=parse_symmetry(name)).working_bytes for name in ("C1", "O")]
    assert needed[0] > needed[1] > estimate.working_bytes


def arrays_of(folder: Path) -> dict[str, np.ndarray]:
    """Half maps, poses and shared quantities of a job."""
    arrays = {name: read_volume(folder / f"{name}.mrc").array for name in ("half_a", "half_b", "map")}
    for name in ("poses", "shared"):
        with np.load(folder / f"{name}.npz") as stored:
            arrays |= {f"{name}.{array}": stored[array] for array in stored.files}
    return arrays


@pytest.fixture(scope="module")
def in_memory(tmp_path_factory) -> dict[str, np.ndarray]:
    """Images in memory in half precision."""
    folder = tmp_path_factory.mktemp("memory") / "J2"
    return arrays_of(run_local_refinement(SceneContext(folder, make_scene()), packing="float16", **SHORT).folder)


def test_the_disk_gives_the_result_of_memory_bit_for_bit_and_is_left_empty(in_memory, tmp_path):
    job = run_local_refinement(SceneContext(tmp_path / "J2", make_scene()), packing="disk", **SHORT)
    found = arrays_of(job.folder)
    assert found.keys() == in_memory.keys()
    assert [name for name in found if not np.array_equal(found[name], in_memory[name])] == []
    assert not [path for path in job.folder.iterdir() if "matched" in path.name or "power" in path.name]


@pytest.mark.parametrize("stop_in", ["iteration 2", "reconstruct"])
def test_a_job_with_images_on_disk_is_resumed_to_the_same_result(in_memory, tmp_path, stop_in):
    with pytest.raises(JobCancelled):
        run_local_refinement(InterruptedContext(tmp_path / "J2", make_scene(), stop_in), packing="disk", **SHORT)
    job = run_local_refinement(SceneContext(tmp_path / "J2", make_scene()), packing="disk", **SHORT)
    assert "continued from the checkpoint: 1 iterations were done" in job.logs
    found = arrays_of(job.folder)
    assert [name for name in found if not np.array_equal(found[name], in_memory[name])] == []
