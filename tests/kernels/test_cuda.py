"""The Triton kernels, interpreted on the CPU where there is no NVIDIA device, and compiled for one."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
import torch

if find_spec("triton") is None:
    pytest.skip("triton is not installed: no kernel for NVIDIA devices is tested (pip install -e '.[dev]' on Linux)", allow_module_level=True)
if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"  # read when the kernels are made, which is when they are first imported

import triton
import triton.language as tl
from benchmarks import kernels_gpu
from tests.kernels.climb_scene import CASES, make_climb_scene
from tests.refine.scene import SETTINGS, make_means, make_scene
from triton import knobs

from triskelion.errors import InputError
from triskelion.fourier.shells import fourier_disc
from triskelion.geometry import rotations
from triskelion.kernels import choice, cpu, cuda, reference
from triskelion.kernels.choice import choose_kernels
from triskelion.kernels.climb import Starts
from triskelion.kernels.cuda import poses, sampling, transfer
from triskelion.kernels.cuda.climbing import solve
from triskelion.kernels.interface import BackProjection, PoseGrid
from triskelion.refine.local import LocalRefinement

WITHOUT = ("numba", "scipy", "mrcfile", "gemmi", "pydantic", "fastapi", "matplotlib", "skimage")


@pytest.fixture(scope="module")
def errors() -> dict[str, float]:
    """What the benchmark checks before it times: done here with the same code."""
    return kernels_gpu.find_errors(2)


@pytest.mark.parametrize("what", kernels_gpu.TOLERANCES)
def test_kernels_equal_their_references(errors, what):
    assert set(errors) == set(kernels_gpu.TOLERANCES)
    assert errors[what] <= kernels_gpu.TOLERANCES[what]


@pytest.mark.parametrize("case", CASES)
def test_climbs_end_where_the_plain_ones_do(case):
    """Some steps from the last start fail, or from the first."""
    scene = make_climb_scene(case, 6)
    some = np.array([0, 11])
    starts = Starts(*(array[some] for array in scene.starts))
    found, expected = scene.climb(cuda, starts), scene.climb(reference, starts)
    np.testing.assert_allclose(found.value, expected.value, rtol=1e-4)
    assert kernels_gpu.compare_poses(found, expected) < 0.1
    np.testing.assert_allclose(found.matrix, expected.matrix, atol=1e-2 * np.abs(expected.matrix).max())


def test_local_refinement_ends_where_it_ends_on_the_processor():
    """Every kernel in its place: background, coarse starts, climbs, insertion; to rounding, as steps are taken or not by next to nothing."""
    scene, settings = make_scene(6, 0.4), replace(SETTINGS, rotation_extent_deg=13.0, shift_extent_A=7.0, max_iterations=1)
    found = []
    for device in ("cpu", "cuda"):
        refinement = LocalRefinement(scene.inputs(settings), replace(make_means(), kernels=choose_kernels(device)))
        result = refinement.run_iteration()
        found.append((result.rotations, result.shifts_px, result.covariance, *result.half_maps, *refinement.final_half_maps(result)))
    assert settings.coarse_starts
    for got, expected in zip(*found, strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-3 * np.abs(expected).max())


def test_nothing_to_do_is_done():
    case = kernels_gpu.make_case(12, 2, np.ones(1))
    none = np.zeros(0, int)
    assert cuda.slice(case.volume, case.rotations[none], np.ones(0), case.disc).shape == (0, len(case.disc))
    assert cuda.gauss_newton(case.volume, case.rotations[none], np.zeros((0, 2)), case.images, none, case.disc).value.shape == (0,)
    grid = PoseGrid(np.zeros((0, 3, 3, 3)), np.zeros((0, 3, 2)), np.zeros((4, 2)))
    assert cuda.score_grid(case.volume, grid, case.images, none, case.disc).shape == (0, 3, 4)
    sums = BackProjection.empty(5)
    cuda.insert(sums, case.rotations[none], np.zeros((0, 2)), case.images, none, case.disc)
    assert float(sums.weights.sum()) == 0
    starts, restraint, rules = kernels_gpu.make_climb(case, 2, 0.1)
    assert cuda.climb(case.volume, case.images, Starts(*(array[:0] for array in starts)), restraint, rules, case.disc).matrix.shape == (0, 5, 5)


@pytest.mark.parametrize("run", ["slice", "insert"])
def test_a_disc_beyond_the_cube_is_refused(run):
    case, disc = kernels_gpu.make_case(12, 2, np.ones(1)), fourier_disc(24)
    with pytest.raises(ValueError, match="radius"):
        if run == "slice":
            cuda.slice(case.volume, case.rotations, np.ones(2), disc)
        else:
            cuda.insert(BackProjection.empty(5), case.rotations, np.zeros((2, 2)), case.images, np.arange(2), disc)


def test_no_device_is_an_input_error(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(knobs.runtime, "interpret", False)
    with pytest.raises(InputError, match="no CUDA device"):
        transfer.choose_device()


def test_the_device_is_chosen_by_what_there_is(monkeypatch):
    has_device = torch.cuda.is_available()
    assert choose_kernels("cpu") is cpu
    assert choose_kernels("auto") is (cuda if has_device else cpu)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_kernels("auto") is cuda
    monkeypatch.setattr(choice, "find_spec", lambda name: None)
    assert choose_kernels("auto") is cpu
    with pytest.raises(InputError, match="triton is not installed"):
        choose_kernels("cuda")


@triton.jit
def _find_corners(out, x, y, z, extent, N: tl.constexpr):
    n = tl.arange(0, N)
    tl.store(out + n, sampling.find_corner(tl.load(x + n), tl.load(y + n), tl.load(z + n), extent)[0])


def test_offsets_in_large_cubes_do_not_overflow():
    extent = 1300  # of a box of 1300 px: 8.8e9 voxels
    places = torch.tensor([[1298.5, 1298.5, 1298.5], [3.0, -1300.0, 1298.0]], dtype=torch.float32, device=transfer.choose_device())
    out = torch.empty(2, dtype=torch.int64, device=places.device)
    _find_corners[1,](out, *places.T.contiguous(), extent, N=2)
    for offset, (x, y, z) in zip(out.tolist(), np.floor(places.cpu().numpy()).astype(int).tolist(), strict=True):
        assert offset == ((z + extent) * (2 * extent + 1) + y + extent) * (extent + 1) + x


@triton.jit
def _find_phases(out, turns, N: tl.constexpr):
    n = tl.arange(0, N)
    cosine, sine = sampling.find_phase(tl.load(turns + n))
    tl.store(out + n, cosine)
    tl.store(out + N + n, sine)


def test_phases_are_exact_to_a_millionth():
    turns = torch.linspace(-3.0, 3.0, 1024, device=transfer.choose_device())
    out = torch.empty((2, 1024), device=turns.device)
    _find_phases[1,](out, turns, N=1024)
    angle = 2 * np.pi * turns.double()
    assert float((out[0] - angle.cos()).abs().max()) < 1e-6 and float((out[1] - angle.sin()).abs().max()) < 1e-6


@triton.jit
def _turn_there_and_back(out, matrix, N: tl.constexpr):
    vector = poses.matrix_to_rotvec(sampling.load_tuple(matrix, 9))
    turned = poses.rotvec_to_matrix(vector)
    for n in tl.static_range(3):
        tl.store(out + n, vector[n])
    for n in tl.static_range(9):
        tl.store(out + 3 + n, turned[n])


@pytest.mark.parametrize("angle", [0.0, 1e-9, 1e-3, 1.0, 2.5, 3.1, np.pi - 1e-9, np.pi])
def test_rotation_vectors_are_those_of_geometry(angle):
    device = transfer.choose_device()
    for direction in ([1, 0, 0], [0, -1, 0], [0, 0, 1], [0.6, -0.64, 0.48], [-0.48, 0.6, 0.64]):
        matrix = rotations.rotvec_to_matrix(angle * np.array(direction))
        out = torch.empty(12, dtype=torch.float64, device=device)
        _turn_there_and_back[1,](out, torch.from_numpy(matrix.reshape(-1)).to(device), N=1)
        vector, turned = out.cpu().numpy()[:3], out.cpu().numpy()[3:].reshape(3, 3)
        np.testing.assert_allclose(turned, matrix, atol=1e-14)
        if angle < np.pi:  # there both directions of the axis are right
            np.testing.assert_allclose(vector, angle * np.array(direction), atol=1e-13)


@triton.jit
def _solve(out, state, damping, N: tl.constexpr):
    step = solve(sampling.load_tuple(state, 21), tl.load(damping))
    for n in tl.static_range(5):
        tl.store(out + n, step[n])


def test_equations_of_unlike_precision_are_solved():
    """A held coordinate beside a free one: ten orders of magnitude."""
    rng, device = np.random.default_rng(6), transfer.choose_device()
    root = rng.standard_normal((5, 5)) * np.array([1e4, 1e4, 1e4, 0.1, 0.1])[:, None]
    matrix, gradient, damping = root @ root.T + np.diag([1e-2, 1e-2, 1e-2, 1e-4, 1e-4]), rng.standard_normal(5), 0.3
    state = torch.from_numpy(np.concatenate([[0.0], gradient, matrix[np.triu_indices(5)]])).to(device)
    out = torch.empty(5, dtype=torch.float64, device=device)
    _solve[1,](out, state, torch.tensor([damping], dtype=torch.float64, device=device), N=1)
    expected = np.linalg.solve(matrix + damping * np.diag(np.diag(matrix)), gradient)
    np.testing.assert_allclose(out.cpu().numpy(), expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())


def test_nothing_but_torch_triton_and_numpy_is_needed(repository):
    code = f"import sys; sys.modules.update(dict.fromkeys({WITHOUT})); import benchmarks.kernels_gpu"
    environment = os.environ | {"PYTHONPATH": f"{repository / 'src'}:{repository}"}
    result = subprocess.run([sys.executable, "-c", code], cwd=repository, env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("architecture", [90, *(pytest.param(n, marks=pytest.mark.slow) for n in (80, 100))])
def test_the_compiler_takes_every_kernel(architecture, repository, tmp_path):
    """The interpreter forgives what a compiler does not: types, shapes, names."""
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    environment |= {"PYTHONPATH": f"{repository / 'src'}:{repository}", "TRITON_CACHE_DIR": str(tmp_path)}
    program = repository / "tests" / "kernels" / "compile_for_gpu.py"
    result = subprocess.run([sys.executable, program, str(architecture)], env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert set(found) == {"_slice", "_insert", "_gauss_newton", "_score_grid", "_climb"}
    # of 65536 registers on a multiprocessor: four programs of 128 threads at least; only a climb needs a stack
    assert all(kernel["reg"] <= 128 for kernel in found.values())
    assert {name for name, kernel in found.items() if kernel["stack"]} <= {"_climb"}
