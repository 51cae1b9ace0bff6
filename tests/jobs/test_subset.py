"""The job subset: by statistics, by changes of pose, at random."""

import numpy as np
import pytest
from pydantic import ValidationError
from tests.data.test_pose_change import FULCRUM_A
from tests.jobs.fake_context import FakeContext, run_job

from triskelion.data.particles import HALF_A, HALF_B, OpticsGroup, Particles
from triskelion.errors import InputError
from triskelion.geometry.fulcrum import rotate_about_fulcrum
from triskelion.geometry.rotations import matrix_to_rotvec, random_rotations, rotvec_to_matrix
from triskelion.io.particle_star import read_particles, write_particles

N, BOX_PX, PIXEL_A = 400, 100, 2.0
TURN_DEG = np.random.default_rng(8).permutation(np.linspace(0.01, 20, N))


def make_particles() -> Particles:
    """Particles turned by TURN_DEG about a fulcrum, 1 Å away from where it was, with statistics of all kinds."""
    generator = np.random.default_rng(7)
    rotations, shifts = random_rotations(N, generator), generator.normal(0, 4, (N, 2))
    axes = generator.normal(size=(N, 3))
    turned = rotations @ rotvec_to_matrix(np.deg2rad(TURN_DEG)[:, None] * axes / np.linalg.norm(axes, axis=1, keepdims=True))
    return Particles.build(
        (OpticsGroup("one", PIXEL_A, BOX_PX, 300.0, 2.7, 0.1),),
        {"rlnCtfMaxResolution": np.array([f"{3 + row / 100:.2f}" for row in range(N)]), "rlnMicrographName": np.full(N, "m.mrc")},
        uid=np.arange(N) * 7 + 1,
        image_path=np.full(N, "stack.mrcs"),
        image_index=np.arange(N),
        half_set=np.where(np.arange(N) % 2, HALF_B, HALF_A),
        rotvec_rad=matrix_to_rotvec(turned),
        shift_A=rotate_about_fulcrum(rotations, shifts, turned, FULCRUM_A) + np.array([1, 0]),
        consensus_rotvec_rad=matrix_to_rotvec(rotations),
        consensus_shift_A=shifts,
        contrast=generator.normal(1, 0.2, N),
    )


class RefinedContext(FakeContext):
    """J1 is a refinement: it has particles and poses.npz."""

    def read_parameters(self, reference: str):
        return {"job_type": "local_refinement"}


@pytest.fixture
def project(tmp_path):
    (tmp_path / "J1").mkdir()
    particles = make_particles()
    write_particles(tmp_path / "J1" / "particles.star", particles)
    other_order = np.random.default_rng(1).permutation(N)
    known = {
        "uid": particles["uid"],
        "log_posterior": np.arange(N, 0, -1.0),
        "covariance_rad_A": np.arange(25.0 * N).reshape(N, 5, 5),
    }
    np.savez(tmp_path / "J1" / "poses.npz", **{name: values[other_order] for name, values in known.items()})
    return tmp_path


def run_subset(project, name="J2", **parameters) -> tuple[FakeContext, np.ndarray]:
    context = run_job("subset", RefinedContext(project, name), particles="J1", **parameters)
    kept = read_particles(project / name / "particles.star")
    rows = (kept["uid"].astype(int) - 1) // 7
    assert context.summary["n_particles"] == len(kept) and context.summary["n_left_out"] == N - len(kept)
    assert np.array_equal(kept["half_set"], rows % 2) and (np.diff(rows) > 0).all()
    return context, rows


def test_best_by_a_column_of_the_table_keeps_the_halves_balanced(project):
    context, rows = run_subset(project, by="contrast", keep="best 50%")
    contrast = make_particles()["contrast"]
    assert context.summary["n_half_a"] == context.summary["n_half_b"] == 100
    for half in (0, 1):
        assert contrast[rows[rows % 2 == half]].min() > contrast[np.setdiff1d(np.arange(half, N, 2), rows)].max()
    (plot,) = context.plots["subset"]
    assert plot["n_kept"] == 200 and sum(plot["kept"]["counts"]) == 200 and sum(plot["all"]["counts"]) == N
    assert plot["cuts"] == [pytest.approx(contrast[rows].min(), rel=1e-4)]
    assert not context.warnings


def test_best_by_what_the_refinement_knows_and_the_knowledge_goes_along(project):
    _, rows = run_subset(project, by="log_posterior", keep="best 100")
    assert rows.tolist() == list(range(100))  # it falls with the row, in both halves alike
    with np.load(project / "J2" / "poses.npz") as poses:
        assert np.array_equal(poses["uid"], rows * 7 + 1) and np.array_equal(poses["covariance_rad_A"][:, 0, 0], rows * 25.0)


def test_by_pose_change_about_a_fulcrum(project):
    fulcrum = ",".join(f"{x:g}" for x in FULCRUM_A + PIXEL_A * BOX_PX / 2) + "A"
    _, rows = run_subset(project, by="rotation_change_deg", keep="2..10")
    assert np.array_equal(rows, np.flatnonzero((TURN_DEG >= 2) & (TURN_DEG <= 10)))
    _, rows = run_subset(project, "J3", by="shift_change_A", keep="..1.001", fulcrum=fulcrum)
    assert len(rows) == N
    _, about_centre = run_subset(project, "J4", by="shift_change_A", keep="..1.001")
    assert len(about_centre) < N / 4  # the box centre moved with every turn


def test_by_pose_change_from_another_table(project):
    particles = make_particles()
    now = rotvec_to_matrix(particles["rotvec_rad"][:300]) @ rotvec_to_matrix([0, 0, np.deg2rad(3.0)])
    moved = particles.select(np.arange(300)).with_columns(rotvec_rad=matrix_to_rotvec(now))
    write_particles(project / "other.star", moved.select(np.arange(300)[::-1]))
    context, rows = run_subset(project, by="rotation_change_deg", keep="2.99..3.01", reference=str(project / "other.star"))
    assert rows.tolist() == list(range(300))
    assert "100 of 400 particles are not in" in context.warnings[0]


def test_by_a_column_of_the_star_file(project):
    context, rows = run_subset(project, by="rlnCtfMaxResolution", keep="lowest 25%")
    assert rows.tolist() == list(range(100)) and context.plots["subset"][0]["by"] == "rlnCtfMaxResolution"
    with pytest.raises(InputError, match=r"holds text, 'm\.mrc'"):
        run_subset(project, by="rlnMicrographName", keep="..3")


def test_at_random_with_a_seed_and_after_a_choice(project):
    _, first = run_subset(project, n_particles=120, seed=3)
    _, again = run_subset(project, "J3", n_particles=120, seed=3)
    _, other = run_subset(project, "J4", n_particles=120, seed=4)
    assert len(first) == 120 and np.array_equal(first, again) and not np.array_equal(first, other)
    _, both = run_subset(project, "J5", by="log_posterior", keep="best 50%", n_particles=60)
    assert len(both) == 60 and both.max() < 200


def test_a_cut_that_takes_one_half_is_warned_of(project):
    particles = make_particles()
    skewed = particles.with_columns(contrast=np.where(particles["half_set"] == HALF_A, 2.0, 1.0) + np.arange(N) / 1e4)
    write_particles(project / "J1" / "particles.star", skewed)
    context, _ = run_subset(project, by="contrast", keep="1.03..3")
    assert any("differ by more than chance" in warning for warning in context.warnings)


def test_what_cannot_be_done_is_refused(project):
    with pytest.raises(InputError, match=r"no statistic 'beauty'.*rotation_change_deg.*log_posterior.*contrast.*rlnCtfMaxResolution"):
        run_subset(project, by="beauty", keep="highest 5%")
    with pytest.raises(InputError, match="no particle is left: contrast runs from"):
        run_subset(project, by="contrast", keep="50..60")
    with pytest.raises(InputError, match="are for changes of poses"):
        run_subset(project, by="contrast", keep="best 50%", fulcrum="1,2,3")
    with pytest.raises(InputError, match="1 to 400"):
        run_subset(project, n_particles=500)
    for wrong in ({}, {"by": "contrast"}, {"keep": "best 50%", "n_particles": 5}):
        with pytest.raises(ValidationError, match=r"all particles would stay|belong together"):
            run_subset(project, **wrong)


def test_without_poses_npz_the_table_is_enough(project):
    context = run_job("subset", FakeContext(project, "J6"), particles="J1", by="rotation_change_deg", keep="best 10%")
    assert context.summary["n_particles"] == 40 and not (project / "J6" / "poses.npz").exists()
