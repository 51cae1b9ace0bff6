"""particle_subtraction on real files: what is left of images and maps, in the old frame and in a cropped one."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from tests.jobs.fake_context import FakeContext, run_job
from tests.refine.scene import (
    BOX_PX,
    OPTICS,
    PIXEL_A,
    Poses,
    Scene,
    atoms,
    domain_of_head,
    exact_slices,
    make_scene,
    mask_of_particle,
    render,
    true_map,
)

from triskelion.data.particles import NO_HALF, Particles
from triskelion.data.volume import Mask, Volume
from triskelion.errors import DataError, InputError
from triskelion.fourier.shells import fourier_disc
from triskelion.geometry.rotations import matrix_to_rotvec, rotvec_to_matrix
from triskelion.imaging import subtraction
from triskelion.imaging.ctf import compute_ctf
from triskelion.imaging.forward import Grid
from triskelion.imaging.stream import ImageStream
from triskelion.imaging.subtraction import PixelSubtraction
from triskelion.io.mrc import open_stack, read_mask, read_volume, write_stack, write_volume
from triskelion.io.particle_star import read_particles, write_particles
from triskelion.io.stacks import ParticleImages
from triskelion.kernels import cpu
from triskelion.maps.reconstruct import reconstruct_halves
from triskelion.resolution.fsc import fsc

N, NOISE_SD = 120, 0.2
SIGN = -1  # protein is dark in the files


FINER = replace(OPTICS, name="finer", pixel_size_A=0.8 * PIXEL_A, box_px=40, ctf_premultiplied=True, image_sign=SIGN)


@cache
def make_body_scene(box_px: int = BOX_PX, with_finer: bool = False) -> tuple[Scene, list[np.ndarray]]:
    """The scene with consensus poses that are those of the body; every other particle in finer pixels and premultiplied, if asked for."""
    scene = make_scene(N, NOISE_SD, box_px=box_px)
    optics = (replace(OPTICS, box_px=box_px, image_sign=SIGN), FINER)[: 1 + with_finer]
    at_body = {"rotvec_rad": matrix_to_rotvec(scene.body.rotations), "shift_A": scene.body.shifts_px * PIXEL_A}
    at_body |= {"consensus_rotvec_rad": at_body["rotvec_rad"], "consensus_shift_A": at_body["shift_A"]}
    group = np.arange(N) % len(optics)
    particles = replace(scene.particles, optics=optics).with_columns(**at_body, optics_group=group)
    particles = particles.with_columns(image_path=np.array([f"J1/group_{index}.mrcs" for index in group]), image_index=np.arange(N) // len(optics))
    stacks = [render_group(particles, scene, index) for index in range(len(optics))]
    return replace(scene, particles=particles), stacks


def render_group(particles: Particles, scene: Scene, index: int) -> np.ndarray:
    """Images of one group, float32 (n, box, box), the signal of unit variance in the first group, protein dark."""
    group, rows = particles.optics[index], np.flatnonzero(particles["optics_group"] == index)
    finer, disc = PIXEL_A / group.pixel_size_A, fourier_disc(group.box_px)
    ctf = compute_ctf(particles, rows, group.box_px, group.pixel_size_A, disc.kx, disc.ky).numpy()
    slices = sum(
        exact_slices(atoms(name) * finer, Poses(poses.rotations[rows], poses.shifts_px[rows] * finer), disc, 0.9 * finer) / finer
        for name, poses in (("head", scene.head), ("body", scene.body))
    )
    noise = np.array([NOISE_SD, 1j * NOISE_SD]) @ np.random.default_rng(index).standard_normal((2, ctf.size)) / np.sqrt(2)
    coefficients = (ctf * slices / 2 + noise.reshape(ctf.shape)) * (ctf if group.ctf_premultiplied else 1)
    return (SIGN * render(coefficients, disc)).astype(np.float32)


def lay_out(folder: Path, scene: Scene, stacks: list[np.ndarray]) -> None:
    """Write the particles, their images, half maps made from them, and the mask of the head as job J1."""
    (folder / "J1").mkdir(parents=True)
    for index, stack in enumerate(stacks):
        write_stack(folder / f"J1/group_{index}.mrcs", [stack], len(stack), scene.particles.optics[index].pixel_size_A)
    write_particles(folder / "J1/particles.star", scene.particles)
    for name, half in zip(("half_a", "half_b"), reconstruct(folder, scene.particles, len(scene.start.particle_mask)), strict=True):
        write_volume(folder / f"J1/{name}.mrc", Volume(half, PIXEL_A))
    write_volume(folder / "J1/mask.mrc", Mask(scene.domain.mask, PIXEL_A))


def reconstruct(folder: Path, particles: Particles, box_px: int) -> tuple[np.ndarray, np.ndarray]:
    """Half maps of a table at its current poses."""
    stream = ImageStream(particles, ParticleImages(particles, folder), Grid(box_px, PIXEL_A), fourier_disc(box_px))
    poses = rotvec_to_matrix(particles["rotvec_rad"]), particles["shift_A"] / PIXEL_A
    return reconstruct_halves(stream, particles["half_set"], *poses, cpu, lambda steps: None)[0]


def subtract(folder: Path, name: str = "J2", **parameters) -> FakeContext:
    context = FakeContext(folder, name)
    return run_job("particle_subtraction", context, **({"particles": "J1", "volume": "J1", "mask": "J1"} | parameters))


def table_of(context: FakeContext) -> Particles:
    return read_particles(context.folder / "particles.star")


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    lay_out(folder, *make_body_scene())
    return folder


@pytest.fixture(scope="module")
def job(project) -> FakeContext:
    return subtract(project, "J2", output="float32")


def power(array: np.ndarray, weight: np.ndarray | float = 1.0) -> float:
    return float((np.asarray(array, np.float64) ** 2 * weight).sum())


def test_the_body_is_gone_from_the_map_and_the_head_is_as_it_was(project, job):
    before, after = (np.mean(reconstruct(project, read_particles(project / f"{name}/particles.star"), BOX_PX), axis=0) for name in ("J1", "J2"))
    head = domain_of_head().mask
    body = mask_of_particle() * (head < 0.05)
    noise = power(before, mask_of_particle() < 0.05) / (mask_of_particle() < 0.05).sum() * body.sum()
    assert power(before, body) > 30 * noise
    assert power(after, body) < 0.1 * power(before, body)
    core = head > 0.99
    assert power((after - before)[core]) < 0.01 * power(before[core])


def test_half_maps_lose_what_the_images_lose(project, job):
    made = reconstruct(project, table_of(job), BOX_PX)
    for name, half in zip(("half_a", "half_b"), made, strict=True):
        saved = read_volume(job.folder / f"{name}.mrc").array
        scale = (saved * half).sum() / (half**2).sum()
        assert scale == pytest.approx(1, abs=0.1)  # on the scale of the images
        assert power((saved - half * scale) * domain_of_head().mask) < 0.01 * power(saved * domain_of_head().mask)
    whole = np.mean([read_volume(job.folder / f"{name}.mrc").array for name in ("half_a", "half_b")], axis=0)
    np.testing.assert_allclose(read_volume(job.folder / "map.mrc").array, whole, atol=1e-5 * np.abs(whole).max())


def test_what_is_taken_out_is_the_projection_of_the_body(project, job):
    """Against explicit sums over the atoms outside the mask, at the consensus poses."""
    scene, (stack,) = make_body_scene()
    taken = SIGN * stack - open_stack(job.folder / "subtracted_1.mrcs")  # bright
    disc = fourier_disc(BOX_PX)
    points = np.rint(atoms("body") + BOX_PX // 2).astype(int)
    outside = atoms("body")[scene.domain.mask[points[:, 2], points[:, 1], points[:, 0]] < 0.05]
    ctf = compute_ctf(scene.particles, np.arange(N), BOX_PX, PIXEL_A, disc.kx, disc.ky).numpy()
    expected = render(ctf * exact_slices(outside, scene.body, disc), disc) / 2
    assert len(outside) > 40
    correlation = (taken * expected).sum() / np.sqrt((taken**2).sum() * (expected**2).sum())
    assert correlation > 0.95


def test_the_table_says_where_images_are_and_what_they_were(project, job):
    before, after = read_particles(project / "J1/particles.star"), table_of(job)
    for column in ("uid", "half_set", "defocus_u_A", "rotvec_rad", "shift_A", "consensus_rotvec_rad", "consensus_shift_A"):
        np.testing.assert_allclose(after[column], before[column], atol=1e-9)
    assert set(after["image_path"]) == {"J2/subtracted_1.mrcs"}
    np.testing.assert_array_equal(after["image_index"], np.arange(N))
    assert after.optics[0].image_sign == 1
    assert after.kept_masks == ["J2/mask.mrc"] and before.kept_masks == []
    assert after.extra["rlnImageOriginalName"][3] == "000004@J1/group_0.mrcs"
    np.testing.assert_allclose(read_mask(project / after.kept_masks[0]).array, domain_of_head().mask, atol=1e-6)


def test_figures_and_plots(job):
    assert job.summary["n_particles"] == N and job.summary["box_px"] == BOX_PX
    assert 0.3 < job.summary["removed_power_share"] < 0.95
    assert job.summary["scale_sd"] < 0.1
    assert set(job.plots) == {"map_slices", "mask_slices", "noise_model", "scale", "subtracted_images"}
    assert all(bar.done == bar.total for bar in job.bars)
    assert not job.warnings


def test_half_precision_costs_next_to_nothing(project, job):
    half = subtract(project, "J3")
    single, rounded = (open_stack(context.folder / "subtracted_1.mrcs") for context in (job, half))
    assert single.dtype == np.float32 and rounded.dtype == np.float16
    assert power(rounded.astype(np.float64) - single) < 1e-6 * power(single)


def test_the_mask_of_what_is_removed_does_the_same(project, job):
    write_volume(project / "J1/rest.mrc", Mask(1 - domain_of_head().mask, PIXEL_A))
    other = subtract(project, "J4", mask=str(project / "J1/rest.mrc"), mask_of="removed", output="float32")
    first, second = (open_stack(context.folder / "subtracted_1.mrcs").astype(np.float64) for context in (job, other))
    _, (stack,) = make_body_scene()
    assert power(first - second) < 0.01 * power(SIGN * stack - first)


def test_a_low_pass_leaves_fine_detail_in_the_images(project, job):
    smooth = subtract(project, "J5", lowpass_A=40.0, output="float32")
    _, (stack,) = make_body_scene()
    removed = {context: np.fft.rfft2(SIGN * stack - open_stack(context.folder / "subtracted_1.mrcs")) for context in (job, smooth)}
    radius = np.hypot(np.fft.fftfreq(BOX_PX)[:, None], np.fft.rfftfreq(BOX_PX)) / PIXEL_A
    fine, coarse = (radius > 1 / 30) & (radius < 1 / 15), radius < 1 / 60
    spectra = {context: [np.square(np.abs(image[:, part])).sum() for part in (fine, coarse)] for context, image in removed.items()}
    assert spectra[smooth][0] < 0.02 * spectra[job][0]
    assert spectra[smooth][1] == pytest.approx(spectra[job][1], rel=0.05)


def test_a_cropped_frame_holds_the_same_map(tmp_path):
    """Reconstructed in the small box: the large reconstruction, cut out about the head."""
    large_px, small_px = 56, 28
    scene, stacks = make_body_scene(large_px)
    lay_out(tmp_path, scene, stacks)
    whole, cropped = subtract(tmp_path, "J2", output="float32"), subtract(tmp_path, "J3", box_px=small_px, output="float32")
    assert not cropped.warnings
    large = np.mean(reconstruct(tmp_path, table_of(whole), large_px), axis=0)
    small = Volume(np.mean(reconstruct(tmp_path, table_of(cropped), small_px), axis=0), PIXEL_A)
    cut = Volume(scene.domain.cut(large, small_px), PIXEL_A)
    mask = read_mask(cropped.folder / "mask.mrc").array
    np.testing.assert_allclose(mask, scene.domain.cut(scene.domain.mask, small_px), atol=1e-6)
    in_mask = fsc(replace(small, array=small.array * mask), replace(cut, array=cut.array * mask))
    assert in_mask[1:8].min() > 0.99
    saved = read_volume(cropped.folder / "map.mrc")
    assert saved.box_px == small_px
    assert fsc(replace(saved, array=saved.array * mask), replace(small, array=small.array * mask))[1:8].min() > 0.98
    table = table_of(cropped)
    corner = cropped.summary["corner_xyz_px"]
    assert corner == (scene.domain.center_xyz_px + large_px // 2 - small_px // 2).tolist()
    assert table.optics[0].box_px == small_px and cropped.summary["box_px"] == small_px
    assert np.abs(table["shift_A"]).max() <= PIXEL_A / 2 + 1e-6


def test_groups_keep_their_pixels_and_their_ctf(tmp_path):
    """Both lose the body, and the second stack has its own box."""
    scene, stacks = make_body_scene(with_finer=True)
    lay_out(tmp_path, scene, stacks)
    job = subtract(tmp_path, box_px=24, output="float32")
    table = table_of(job)
    assert [group.box_px for group in table.optics] == [24, 30]
    assert [group.ctf_premultiplied for group in table.optics] == [False, True]
    assert open_stack(job.folder / "subtracted_2.mrcs").shape == (N // 2, 30, 30)
    assert set(table["image_path"]) == {"J2/subtracted_1.mrcs", "J2/subtracted_2.mrcs"}
    uncropped = table_of(subtract(tmp_path, "J3", output="float32"))
    body = mask_of_particle() * (domain_of_head().mask < 0.05)
    for index in range(2):
        of_group = uncropped.select(uncropped["optics_group"] == index)
        left = np.mean(reconstruct(tmp_path, of_group, BOX_PX), axis=0)
        whole = np.mean(reconstruct(tmp_path, scene.particles.select(scene.particles["optics_group"] == index), BOX_PX), axis=0)
        assert power(left, body) < 0.1 * power(whole, body)


def test_current_poses_are_used_where_asked_for(project, job):
    table = read_particles(project / "J1/particles.star")
    turned = table.with_columns(rotvec_rad=matrix_to_rotvec(make_body_scene()[0].head.rotations))
    write_particles(project / "J1/turned.star", turned)
    stacks = [
        open_stack(subtract(project, name, particles=str(project / "J1/turned.star"), poses=poses, output="float32").folder / "subtracted_1.mrcs")
        for name, poses in (("J6", "consensus"), ("J7", "current"))
    ]
    np.testing.assert_allclose(stacks[0], open_stack(job.folder / "subtracted_1.mrcs"), atol=1e-4)
    assert power(stacks[1].astype(np.float64) - stacks[0]) > 0.01 * power(stacks[0])


def test_nothing_half_written_stays(project, monkeypatch):
    folder, project_group, begun = project / "J8", PixelSubtraction.project, []
    folder.mkdir()
    (folder / ".subtracted_1.4711.mrcs").write_bytes(b"left by a job that was killed")

    def fail_at_last(self, rows: np.ndarray) -> np.ndarray:
        if N - 1 in rows:
            begun.extend(folder.glob(".subtracted_*.mrcs"))
            raise DataError("the disk is gone")
        return project_group(self, rows)

    monkeypatch.setattr(subtraction, "batch_size", lambda n_coefficients: 50)
    monkeypatch.setattr(PixelSubtraction, "project", fail_at_last)
    with pytest.raises(DataError, match="the disk is gone"):
        subtract(project, "J8")
    assert len(begun) == 1  # the stack was being written, under another name
    assert list(folder.glob("*.star")) == list(folder.glob(".*")) == list(folder.glob("*.mrcs")) == []


@pytest.mark.parametrize(
    ("mask", "parameters", "message"),
    [
        (mask_of_particle(), {}, "nothing of the particle to subtract"),
        (mask_of_particle(), {"mask_of": "removed"}, "nothing of the particle would be left"),
        (domain_of_head().mask, {"box_px": 16}, "needs at least"),
        (domain_of_head().mask, {"box_px": BOX_PX}, "the images have 32"),
        (np.pad(domain_of_head().mask, 2), {}, "box"),
    ],
)
def test_masks_and_boxes_that_do_not_fit_are_refused(project, tmp_path, mask, parameters, message):
    write_volume(tmp_path / "mask.mrc", Mask(mask, PIXEL_A))
    with pytest.raises(InputError, match=message):
        subtract(project, "J9", mask=str(tmp_path / "mask.mrc"), **parameters)


def test_particles_without_half_sets_are_refused(project):
    table = read_particles(project / "J1/particles.star")
    write_particles(project / "J1/no_halves.star", table.with_columns(half_set=np.full(N, NO_HALF)))
    with pytest.raises(DataError, match="no half-set"):
        subtract(project, "J9", particles=str(project / "J1/no_halves.star"))


def test_a_hard_edge_and_images_subtracted_before_are_warned_of(project, job, tmp_path):
    hard = (domain_of_head().mask > 0.5).astype(np.float32)
    write_volume(tmp_path / "mask.mrc", Mask(hard, PIXEL_A))
    again = subtract(project, "J10", particles=str(job.folder / "particles.star"), mask=str(tmp_path / "mask.mrc"))
    assert [any(words in warning for warning in again.warnings) for words in ("hard edge", "already subtracted")] == [True, True]
    assert "J2/mask.mrc" in " ".join(again.warnings)


def test_pixels_on_an_odd_scale_are_kept_in_single_precision(tmp_path):
    scene, (stack,) = make_body_scene()
    lay_out(tmp_path, scene, [1e-4 * stack])
    job = subtract(tmp_path)
    assert open_stack(job.folder / "subtracted_1.mrcs").dtype == np.float32
    assert "written as float32" in job.warnings[0]


def test_the_true_head_is_what_the_kept_map_shows(job):
    kept, head = read_volume(job.folder / "map.mrc"), Volume(true_map("head"), PIXEL_A)
    mask = (domain_of_head().mask > 0.99).astype(np.float32)
    assert np.corrcoef(kept.array[mask > 0], head.array[mask > 0])[0, 1] > 0.5  # blurred by its hinge
