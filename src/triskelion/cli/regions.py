"""What ``triskelion regions`` does and prints."""

import warnings
from dataclasses import asdict
from typing import Any

import typer
from rich.markup import escape
from rich.table import Table

from triskelion.cli.arguments import print_json
from triskelion.cli.tables import make_console
from triskelion.errors import InputError
from triskelion.masks.region_places import Region
from triskelion.masks.regions import VERBS
from triskelion.project.regions import Regions

WITHOUT_REGIONS = ("invert", "undo", "redo")
ACTIONS = ("list", "find", "history", *(verb.replace("_", "-") for verb in VERBS))


def run_action(regions: Regions, action: str, which: str, name: str | None, level: int | None) -> dict[str, Any]:
    """Do one thing with the regions of a job, and return how they are then, or what was asked, as plain data.

    Raises
    ------
    InputError
        There is no such action, or it lacks what it wants.
    """
    verb = action.replace("-", "_")
    if action not in ACTIONS:
        raise InputError(f"there is no {action!r} of regions: choose one of {', '.join(ACTIONS)}")
    if action in ("list", "history", *WITHOUT_REGIONS) and which:
        raise InputError(f"{action} takes no regions, got {which!r}")
    if action == "history":
        return {"edits": [edit.describe() for edit in regions.edits]}
    if action == "find":
        return {"found": list(regions.find(_require(which, action)))}
    options = {"name": name, "level": level}
    fitting = {"group": ("name",), "rename": ("name",), "ungroup": ("level",)}.get(action, ())
    extra = [f"--{option}" for option, value in options.items() if value is not None and option not in fitting]
    if extra:
        raise InputError(f"{action} takes no {', '.join(extra)}")
    if action == "rename" and name is None:
        raise InputError("rename wants --name: one word, or '' to take the name away")
    if action != "list":
        given = () if action in WITHOUT_REGIONS else (_require(which, action),)
        getattr(regions, verb)(*given, **{option: options[option] for option in fitting})
    listed = regions.list()
    return {"regions": [asdict(region) for region in listed], "selected": [r.number for r in listed if r.selected], "n_edits": len(regions.edits)}


def print_answer(answer: dict[str, Any], action: str, title: str) -> None:
    """Print what ``run_action`` returned: a table after ``list``, one line after an edit."""
    console = make_console()
    if "edits" in answer:
        for row, edit in enumerate(answer["edits"], 1):
            console.print(f"{row:4}  {escape(_describe(edit))}")
    elif "found" in answer:
        typer.echo(",".join(map(str, answer["found"])))
    else:
        shown = [Region(**region) for region in answer["regions"]]
        if action == "list":
            console.print(_make_table(shown, title))
        hidden = sum(not region.shown for region in shown)
        chosen = f"selected {_join(answer['selected'])}" if answer["selected"] else "none selected"
        console.print(f"{len(shown)} regions, {hidden} hidden, {chosen}", soft_wrap=True)


def run_and_print(regions: Regions, action: str, which: str, *, name: str | None, level: int | None, as_json: bool) -> None:
    """Run an action, print its answer, and show warnings as such."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        answer = run_action(regions, action, which, name, level)
    for warning in caught:
        typer.secho(f"warning: {warning.message}", fg="yellow", err=True)
    if as_json:
        print_json(answer)
    else:
        print_answer(answer, action, f"{regions.segmentation.n_leaves} leaves, {regions.segmentation.box_px} px box")


def _require(which: str, action: str) -> str:
    if not which:
        raise InputError(f"{action} wants to know which regions: 3,17,head | all | shown | selected | largest 5 | within 30A of x,y,z | inside J8")
    return which


def _make_table(regions: list[Region], title: str) -> Table:
    table = Table(title=escape(title), title_justify="left", title_style="bold", show_edge=False, pad_edge=False)
    for heading in ("region", "voxels", "volume (Å³)", "leaves", "centre x,y,z (px)"):
        table.add_column(heading, justify="right", no_wrap=True)
    for heading in ("name", ""):
        table.add_column(heading, no_wrap=True)
    for region in regions:
        state = "selected" if region.selected else "" if region.shown else "hidden"
        center = ",".join(f"{value:.1f}" for value in region.center_xyz_px)
        figures = (str(region.number), f"{region.n_voxels:,}", f"{region.volume_A3:,.0f}", str(region.n_leaves), center)
        table.add_row(*figures, escape(region.name), state, style="" if region.shown else "dim")
    return table


def _describe(edit: dict[str, Any]) -> str:
    name = f" as {edit['name']}" if edit.get("name") else ""
    level = f" down to smoothing step {edit['level']}" if "level" in edit else ""
    return f"{edit['edit'].replace('_', '-')} {_join(edit.get('regions', []))}{name}{level}".rstrip()


def _join(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers))
