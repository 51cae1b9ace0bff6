"""Job types small enough to test the machinery around jobs; ``python fake_jobs.py FOLDER`` is a worker that knows them."""

import os
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Literal

import numpy as np

from triskelion.errors import DataError, InputError, JobError
from triskelion.jobs import registry
from triskelion.jobs.spec import JobParameters, JobType, parameter, slot


class MakeParameters(JobParameters):
    box_px: int = parameter(8, title="Box", unit="px", ge=4, le=64, help="Edge of the box.")
    level: float = parameter(1.0, title="Level", gt=0, help="Density of the cube.")
    kind: Literal["map", "mask"] = parameter("map", title="Kind", help="What to make.")
    folder_path: Path | None = parameter(None, title="Folder", help="Some folder.")
    loud: bool = parameter(False, title="Loud", help="Whether to warn.")
    iterations: int = parameter(0, title="Iterations", ge=0, help="How many times to plot.")
    gate: Path | None = parameter(None, title="Gate", help="Wait until this file is there: the job lasts as long as the test wants it to.")


def run_make(parameters: MakeParameters, context) -> None:
    from triskelion.data.volume import Mask, Volume

    context.log("making a cube")
    while parameters.gate is not None and not parameters.gate.exists():
        time.sleep(0.02)
    if parameters.loud:
        context.warn("the padding is thin [not markup]")
    cube = np.zeros((parameters.box_px,) * 3, dtype=np.float32)
    cube[2:5, 2:5, 2:5] = parameters.level
    if parameters.kind == "mask":
        context.save_volume(Mask(cube, 2.0), "mask")
    else:
        for name in ("map", "half_a", "half_b"):
            context.save_volume(Volume(cube, 2.0), name)
    with context.progress(parameters.iterations, "cutting") as bar:
        for iteration in range(1, parameters.iterations + 1):
            bar.advance()
            context.plot("iterations", _iterations(iteration), iteration)
    if parameters.iterations:
        context.plot("iterations", _iterations(parameters.iterations))
    context.summarize(resolution_A=4.1234, n_particles=1500)


def _iterations(count: int) -> dict:
    values = [float(20 - 3 * i) for i in range(count)]
    columns = ("resolution_A", "rotation_change_deg", "shift_change_A", "log_likelihood")
    return {"iteration": list(range(1, count + 1)), **{column: values for column in columns}}


class UseParameters(JobParameters):
    volume: str = slot("volume", title="Map", help="The map to use.")
    mask: str | None = slot("mask", title="Mask", optional=True, help="A mask.")
    factor: float = parameter(2.0, title="Factor", help="Multiplied with the map.")


def run_use(parameters: UseParameters, context) -> None:
    from triskelion.data.volume import Volume

    half = context.read_volume(parameters.volume, "half_a")
    context.save_volume(Volume(half.array * parameters.factor, half.pixel_size_A), "map")


class FailParameters(JobParameters):
    how: Literal["input", "data", "defect", "silence", "sleep", "wait", "memory", "nothing", "child", "grandchild", "child first"] = parameter(
        "input", title="How", help="How to fail."
    )


def run_child(context, type_name: str, **parameters) -> str:
    """Run one other job; fail if it does."""
    ((_, outcome),) = context.run_children([(type_name, parameters)])
    if isinstance(outcome, JobError):
        raise outcome
    return outcome


def run_fail(parameters: FailParameters, context) -> None:
    if parameters.how == "child":
        run_child(context, "fail", how="input")
    if parameters.how == "grandchild":
        run_child(context, "fail", how="sleep")
    if parameters.how == "child first":
        context.save_text("child.txt", run_child(context, "climb"))
    context.save_text("early.txt", "left behind")
    if parameters.how == "input":
        raise InputError("got a fulcrum outside the box, wanted one inside")
    if parameters.how == "data":
        raise DataError("stack.mrcs, row 7: the image holds NaN")
    if parameters.how == "defect":
        raise ZeroDivisionError("a slip")
    if parameters.how == "silence":
        os.kill(os.getpid(), signal.SIGKILL)
    if parameters.how == "sleep":
        context.log("asleep")
        time.sleep(60)
    if parameters.how == "wait":
        with context.progress(1000, "waiting") as bar:
            for _ in range(1000):
                time.sleep(0.05)
                bar.advance()


class ManyParameters(JobParameters):
    levels: tuple[float, ...] = parameter((1.0, 2.0, 3.0), title="Levels", help="Cubes to make, side by side where that can be.")
    gate: Path | None = parameter(None, title="Gate", help="They wait until this file is there.")
    fails: bool = parameter(False, title="Fails", help="Whether one job more is started, which fails.")


def run_many(parameters: ManyParameters, context) -> None:
    jobs = [("make", {"level": level, "gate": parameters.gate}) for level in parameters.levels]
    jobs += [("fail", {"how": "input"})] if parameters.fails else []
    outcomes = {number: str(outcome) for number, outcome in context.run_children(jobs)}
    context.summarize(outcomes=[outcomes[number] for number in range(len(jobs))])


class ResumeParameters(JobParameters):
    pass


def run_resume(parameters: ResumeParameters, context) -> None:
    done = context.load_checkpoint()
    if done is None:
        context.save_checkpoint({"steps": np.arange(3)})
        raise InputError("stopped half way")
    context.save_text("result.txt", str(int(done["steps"].sum())))


class ClimbParameters(JobParameters):
    steps: int = parameter(60, title="Steps", help="How many times to add.")


def run_climb(parameters: ClimbParameters, context) -> None:
    """Adds random numbers step by step, with a map and a checkpoint after each, as a refinement does."""
    from triskelion.data.volume import Volume

    state = context.load_checkpoint() or {"step": np.array(0), "sum": np.zeros((24,) * 3)}
    step, total = int(state["step"]), state["sum"]
    while step < parameters.steps:
        total = total + np.random.default_rng((parameters.seed, step)).normal(size=total.shape)
        step += 1
        context.save_volume(Volume(total.astype(np.float32), 2.0), "map", step)
        context.plot("iterations", _iterations(step), step)
        context.save_checkpoint({"step": np.array(step), "sum": total})
        time.sleep(0.01)
    context.save_volume(Volume(total.astype(np.float32), 2.0), "map")


class CutParameters(JobParameters):
    pass


def run_cut(parameters: CutParameters, context) -> None:
    """Leaves 1 to 4 of 40, 30, 20 and 10 voxels along x in planes z = 1, 3, 5, 7 of a box of 12; 1 and 2 are joined as 5."""
    from triskelion.data.segmentation import Segmentation

    labels = np.zeros((12,) * 3, dtype=np.int32)
    for leaf in (1, 2, 3, 4):
        labels[2 * leaf - 1, 1 : 6 - leaf, 1:11] = leaf
    context.save_segmentation(Segmentation(labels, np.array([0, 5, 5, 0, 0, 0]), np.array([0, 0, 0, 0, 0, 1]), 2.0, 0.5, {4: "foot"}))


class BringParameters(JobParameters):
    raw: Path = parameter(title="Folder", help="Where the stacks lie.")


def run_bring(parameters: BringParameters, context) -> None:
    """Links all stacks of a folder and writes a table of their images."""
    from triskelion.data.particles import OpticsGroup, Particles
    from triskelion.io.link_stacks import link_stacks
    from triskelion.io.mrc import read_header

    raw = context.project_folder / parameters.raw
    stacks = {str(path.relative_to(raw)): path for path in sorted(raw.rglob("*.mrcs"))}
    shapes = {name: read_header(path).shape for name, path in stacks.items()}
    links = link_stacks(stacks, context.folder / "images")
    rows = [(f"{context.folder.name}/images/{links[name]}", index) for name in stacks for index in range(shapes[name][0])]
    optics = (OpticsGroup("optics", 2.0, next(iter(shapes.values()))[1], 300.0, 2.7, 0.1),)
    paths, places = zip(*rows)
    rotvec_rad = np.random.default_rng(parameters.seed).normal(size=(len(rows), 3))
    columns = {"uid": np.arange(len(rows)), "image_path": np.array(paths), "image_index": np.array(places), "rotvec_rad": rotvec_rad}
    context.save_particles(Particles.build(optics, **columns))


class ShiftParameters(JobParameters):
    particles: str = slot("particles", title="Particles", help="The particles to shift.")
    drift: bool = parameter(False, title="Drift", help="Whether the result changes from run to run.")


def run_shift(parameters: ShiftParameters, context) -> None:
    particles = context.read_particles(parameters.particles)
    shift_A = particles["shift_A"] + (time.time() % 1000 if parameters.drift else 1.0)
    context.save_particles(particles.with_columns(shift_A=shift_A))


FAKES = {
    "make": JobType("make", "Make a cube", MakeParameters, run_make, {"map": "volume", "half_a": "volume", "half_b": "volume", "mask": "mask"}),
    "use": JobType("use", "Use a map", UseParameters, run_use, {"map": "volume"}),
    "fail": JobType("fail", "Fail in some way", FailParameters, run_fail, {"map": "volume"}),
    "many": JobType("many", "Start jobs", ManyParameters, run_many, {}, starts_jobs=True),
    "resume": JobType("resume", "Stop half way", ResumeParameters, run_resume, {}),
    "bring": JobType("bring", "Bring images", BringParameters, run_bring, {"particles": "particles"}),
    "shift": JobType("shift", "Shift particles", ShiftParameters, run_shift, {"particles": "particles"}),
    "climb": JobType("climb", "Climb step by step", ClimbParameters, run_climb, {"map": "volume"}),
    "cut": JobType("cut", "Cut a box into regions", CutParameters, run_cut, {"segmentation": "segmentation"}),
}
WORKER = (sys.executable, __file__)


def install(set_attribute, set_item) -> None:
    """Put the fakes in place of the real job types, with ``monkeypatch.setattr`` and ``.setitem`` or for good."""
    set_attribute(registry, "NAMES", tuple(FAKES))
    for name, fake in FAKES.items():
        set_item(sys.modules, f"triskelion.jobs.{name}", SimpleNamespace(JOB=fake))


if __name__ == "__main__":
    from functools import partial

    from triskelion.runners import local, worker

    install(setattr, dict.__setitem__)
    local.LocalRunner = partial(local.LocalRunner, worker=WORKER)  # for the children of a job
    sys.exit(worker.main())
