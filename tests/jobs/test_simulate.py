"""The simulate job: what it leaves, that independent tools read it, and what it refuses."""

import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gemmi
import numpy as np
import pytest

from triskelion.data.particles import Particles
from triskelion.data.volume import Mask, Volume
from triskelion.errors import InputError
from triskelion.geometry.rotations import matrix_to_rotvec, rotation_difference_deg, rotvec_to_matrix
from triskelion.io.mrc import open_stack, read_mask, read_volume, write_volume
from triskelion.io.particle_star import read_particles, write_particles
from triskelion.io.stacks import ParticleImages
from triskelion.jobs.simulate import JOB, SimulateParameters, parse_assignments, run
from triskelion.plots.registry import draw
from triskelion.simulate.scoring import score_poses

SMALL: dict[str, Any] = {"n_particles": 60, "box_px": 40, "pixel_size_A": 9.5, "snr": 0.5, "seed": 3}
DOMAINS = ("body", "foot", "head", "arm")


class FolderOnlyContext:
    """A job folder without a project around it."""

    threads = 1

    def __init__(self, project_folder: Path, name: str = "J1"):
        self.project_folder, self.folder = project_folder, project_folder / name
        self.folder.mkdir()
        self.plots: dict[str, dict] = {}
        self.summary: dict[str, Any] = {}
        self.steps: dict[str, int] = {}

    def log(self, message: str) -> None:
        assert message

    @contextmanager
    def progress(self, total: int, title: str):
        self.steps[title] = 0
        yield self._bar(title)
        assert self.steps[title] == total

    def _bar(self, title: str):
        context = self

        class Bar:
            def advance(self, steps: int = 1) -> None:
                context.steps[title] += steps

        return Bar()

    def plot(self, name: str, data: dict[str, Any], iteration: int | None = None) -> None:
        self.plots[name] = json.loads(json.dumps(data, allow_nan=False))
        draw(name, data)

    def save_particles(self, particles: Particles, name: str = "particles") -> None:
        write_particles(self.folder / f"{name}.star", particles)

    def save_volume(self, volume: Volume | Mask, name: str, iteration: int | None = None) -> None:
        write_volume(self.folder / f"{name}.mrc", volume)

    def save_json(self, name: str, data: dict[str, Any]) -> None:
        (self.folder / f"{name}.json").write_text(json.dumps(data, allow_nan=False))

    def summarize(self, **figures: Any) -> None:
        self.summary |= json.loads(json.dumps(figures, allow_nan=False))


def simulate(project_folder: Path, name: str = "J1", **given: Any) -> Path:
    context = FolderOnlyContext(project_folder, name)
    run(SimulateParameters(**{**SMALL, **given}), context)  # pyright: ignore[reportArgumentType]
    return context.folder


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A project with one small simulation in J1."""
    folder = tmp_path_factory.mktemp("project")
    simulate(folder)
    return folder


def test_all_that_was_promised_is_there(project):
    names = {path.name for path in (project / "J1").iterdir()}
    suffix = {"particles": ".star", "volume": ".mrc", "mask": ".mrc"}
    assert {name + suffix[kind] for name, kind in JOB.outputs.items()} | {"particles.mrcs", "truth.json"} == names
    truth = json.loads((project / "J1" / "truth.json").read_text())
    assert truth["hinge_sigma_deg_per_axis"] == {"body": 0.0, "foot": 3.0, "head": 7.0, "arm": 10.0}
    assert truth["fulcrum_xyz_px"]["body"] == [20, 20, 20]
    assert truth["contrast"] == [1.0] * 60


def test_images_are_found_and_read_from_the_project(project):
    particles = read_particles(project / "J1" / "particles.star")
    images = ParticleImages(particles, project).read(np.arange(60))
    assert images.shape == (60, 40, 40)
    assert (images == open_stack(project / "J1" / "particles.mrcs")).all()
    noise_variance = images.var(dtype=np.float64) / (1 + SMALL["snr"])
    assert noise_variance == pytest.approx(1, rel=0.05)


def test_truth_has_the_consensus_poses_that_are_given(project):
    given = read_particles(project / "J1" / "particles.star")
    for name in DOMAINS:
        truth = read_particles(project / "J1" / f"truth_{name}.star")
        assert (truth["uid"] == given["uid"]).all() and (truth["half_set"] == given["half_set"]).all()
        turn = rotation_difference_deg(rotvec_to_matrix(truth["consensus_rotvec_rad"]), rotvec_to_matrix(given["rotvec_rad"]))
        assert turn.max() < 1e-6
        assert truth["consensus_shift_A"] == pytest.approx(given["shift_A"], abs=1e-9)


def test_domain_maps_add_up_and_lie_in_their_masks(project):
    folder = project / "J1"
    maps = {name: read_volume(folder / f"map_{name}.mrc").array for name in DOMAINS}
    assert sum(maps.values()) == pytest.approx(read_volume(folder / "map_all.mrc").array, abs=1e-3)
    truth = json.loads((folder / "truth.json").read_text())
    for name in DOMAINS:
        mask = read_mask(folder / f"mask_{name}.mrc")
        assert (maps[name] ** 2 * mask.array).sum() > 0.98 * (maps[name] ** 2).sum()
        if name != "body":
            x, y, z = np.rint(truth["fulcrum_xyz_px"][name]).astype(int)
            assert mask.array[z, y, x] > 0.5 and read_mask(folder / "mask_body.mrc").array[z, y, x] > 0.5


def test_same_seed_same_files(project, tmp_path):
    again = simulate(tmp_path)
    for name in ("particles.star", "truth_head.star", "truth.json"):
        assert (again / name).read_bytes() == (project / "J1" / name).read_bytes()
    for name in ("particles.mrcs", "map_head.mrc"):  # their headers hold the time
        assert (again / name).read_bytes()[1024:] == (project / "J1" / name).read_bytes()[1024:]


def run_tool(shared_dir: Path, tool: str, *arguments: object) -> dict:
    pytest.importorskip("finufft")
    command = [sys.executable, "-B", str(shared_dir / "tools" / tool), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_independent_pose_score_agrees(project, shared_dir):
    folder = project / "J1"
    given, truth = (read_particles(folder / f"{name}.star") for name in ("particles", "truth_head"))
    turned = given.with_columns(rotvec_rad=matrix_to_rotvec(rotvec_to_matrix(given["rotvec_rad"]) @ rotvec_to_matrix(np.array([0.1, 0.2, 0.05]))))
    write_particles(folder.parent / "turned.star", turned)
    told = run_tool(shared_dir, "score_poses.py", folder, "head", folder.parent / "turned.star")
    mask = read_mask(folder / "mask_head.mrc")
    center_A = (mask.center_xyz_px - mask.box_px // 2) * mask.pixel_size_A
    for poses, expected in ((turned, told["refined"]), (given, told["start"])):
        figures = score_poses(poses, truth, center_A).figures
        figures["over_8deg_percent"] = round(figures["over_8deg_percent"], 2)  # as the tool prints it
        assert figures == pytest.approx(expected, abs=1e-3)
    assert told["start"]["angle_median_deg"] == pytest.approx(10.5, abs=2)  # 7° about each of three axes


def test_independent_map_score_knows_the_truth(tmp_path, shared_dir):
    folder = simulate(tmp_path, n_particles=2, box_px=64, pixel_size_A=5.8)
    scored = run_tool(shared_dir, "score_maps.py", folder, "head", folder / "map_head.mrc", folder / "map_head.mrc")["refined"]
    assert scored["mean_truth_15A_nyquist"] > 0.99
    assert scored["moved_deg"] < 0.5 and scored["moved_A"] < 0.5


def test_two_optics_groups_have_two_stacks(tmp_path):
    folder = simulate(tmp_path, n_optics_groups=2, contrast="dark", float16=True, contrast_spread=0.2)
    particles = read_particles(folder / "particles.star")
    assert [group.box_px for group in particles.optics] == [40, 46]
    assert np.ptp([group.box_px * group.pixel_size_A for group in particles.optics]) < 1e-6
    images = ParticleImages(particles, tmp_path)
    for index, name in enumerate(("particles_1.mrcs", "particles_2.mrcs")):
        stack = open_stack(folder / name)
        assert stack.dtype == np.float16
        rows = np.flatnonzero(particles["optics_group"] == index)
        assert (images.read(rows) == -stack.astype(np.float32)).all()  # dark in the file, bright in hand
    assert (particles["contrast"] == 1).all()
    assert read_particles(folder / "truth_body.star")["contrast"].std() == pytest.approx(0.2, rel=0.4)


def test_an_odd_box(tmp_path):
    folder = simulate(tmp_path, box_px=41)
    assert read_volume(folder / "map_all.mrc").box_px == 41
    assert open_stack(folder / "particles.mrcs").shape == (60, 41, 41)


def test_a_symmetric_particle_is_rigid_and_its_map_symmetric(tmp_path):
    folder = simulate(tmp_path, symmetry="D2", pixel_size_A=10.0)
    truth = json.loads((folder / "truth.json").read_text())
    assert truth["symmetry"] == "D2" and truth["hinge_sigma_deg_per_axis"] == {"body": 0.0}
    density = read_volume(folder / "map_all.mrc").array[1:, 1:, 1:]
    assert density == pytest.approx(density[:, ::-1, ::-1], abs=1e-5 * float(density.max()))  # half a turn about z
    assert density == pytest.approx(density[::-1, ::-1], abs=1e-5 * float(density.max()))  # and about x
    assert not (folder / "map_head.mrc").exists()


@pytest.fixture
def model(tmp_path) -> Path:
    """A PDB file of three chains of ten carbons."""
    structure = gemmi.Structure()
    structure.add_model(gemmi.Model(1))
    generator = np.random.default_rng(0)
    for name, center in (("A", (0, 0, 0)), ("B", (40, 0, 0)), ("C", (0, 45, 0))):
        chain = gemmi.Chain(name)
        for number in range(10):
            residue, atom = gemmi.Residue(), gemmi.Atom()
            residue.name, residue.seqid = "ALA", gemmi.SeqId(str(number + 1))
            atom.name, atom.element = "CA", gemmi.Element("C")
            atom.pos = gemmi.Position(*(np.array(center) + generator.normal(0, 8, 3)))
            residue.add_atom(atom)
            chain.add_residue(residue)
        structure[0].add_chain(chain)
    path = tmp_path / "model.pdb"
    structure.write_pdb(str(path))
    return path


def test_an_atomic_model_with_domains_by_chain(tmp_path, model):
    folder = simulate(tmp_path, model=model.name, domains="head=B;foot=C", hinge_deg="head=12", hinge_scale=0.5)
    truth = json.loads((folder / "truth.json").read_text())
    assert truth["hinge_sigma_deg_per_axis"] == {"body": 0.0, "head": 6.0, "foot": 3.5}
    mask = read_mask(folder / "mask_head.mrc")
    assert mask.array[20, 20, 20 + 3] > 0.9  # chain B lies at 40 Å less the mean of all, 27 Å to the right of the centre


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"domains": "head=B"}, "atomic model"),
        ({"model": "model.pdb", "domains": "head=Z"}, "no chain 'Z'"),
        ({"model": "model.pdb", "domains": "head=B;foot=B"}, "one domain"),
        ({"model": "model.pdb", "domains": "body=B"}, "remaining chains"),
        ({"model": "model.pdb", "domains": "head=A,B,C"}, "leave it some chains"),
        ({"model": "model.pdb", "domains": "head:B"}, "name=value"),
        ({"hinge_deg": "tail=3"}, "the domains are body, foot, head, arm"),
        ({"hinge_deg": "head=much"}, "wanted degrees"),
        ({"hinge_deg": "head=-3"}, "0 to 180"),
        ({"pixel_size_A": 2.0}, "box_px"),
        ({"symmetry": "C4", "hinge_deg": "head=3"}, "the domains are body$"),
        ({"symmetry": "C4", "model": "model.pdb"}, "has its own"),
        ({"symmetry": "Q3"}, "wanted C1 to C99"),
    ],
)
def test_refusals_say_what_to_do(tmp_path, model, wrong, message):
    with pytest.raises(InputError, match=message):
        simulate(tmp_path, **wrong)


def test_assignments():
    assert parse_assignments(" head = A,B ; foot=C;", "domains") == {"head": "A,B", "foot": "C"}
    assert parse_assignments("", "domains") == {}
    with pytest.raises(InputError, match="every name once"):
        parse_assignments("head=A;head=B", "domains")
