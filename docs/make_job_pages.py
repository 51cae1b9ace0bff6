"""Write docs/jobs from the parameter models: ``python docs/make_job_pages.py``. A test fails where a page is stale."""

from importlib import import_module
from pathlib import Path

from triskelion.jobs.registry import NAMES, job_type
from triskelion.jobs.spec import JobType
from triskelion.project.parameters import ParameterDescription, describe_parameters, format_value

FOLDER = Path(__file__).with_name("jobs")
BOUNDS = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
INDEX_HEAD = """# Jobs

One page per job, written from the parameter models. `triskelion run JOB --help` prints the same.

| job | what it does |
|---|---|
"""


def make_pages() -> dict[str, str]:
    """Return file name -> text of every page."""
    types = [job_type(name) for name in NAMES]
    index = INDEX_HEAD + "".join(f"| [{kind.name}]({kind.name}.md) | {kind.title} |\n" for kind in types)
    return {"README.md": index} | {f"{kind.name}.md": make_page(kind) for kind in types}


def make_page(kind: JobType) -> str:
    """Return the page of one job."""
    described = describe_parameters(kind).values()
    about = (import_module(f"triskelion.jobs.{kind.name}").__doc__ or "").strip().removeprefix("Job: ")
    parts = [f"# {kind.name}: {kind.title[0].lower()}{kind.title[1:]}", about[0].upper() + about[1:]]
    parts.append("```\n" + " ".join(["triskelion run", kind.name, *(_usage(parameter) for parameter in described if parameter.required)]) + "\n```")
    inputs = [parameter for parameter in described if parameter.slot]
    if inputs:
        parts.append("## Inputs\n\n" + _table(("option", "takes", "what it is"), [(f"`{p.option}`", p.slot or "", _help(p)) for p in inputs]))
    rows = [(f"`{p.option}`", _default(p), _range(p), _help(p)) for p in described if not p.slot]
    parts.append("## Parameters\n\n" + _table(("option", "default", "range", "what it is"), rows))
    outputs = [(f"`{name}`", slot) for name, slot in kind.outputs.items()]
    if outputs:
        parts.append("## Outputs\n\n" + _table(("name", "fits slots for"), outputs))
    return "\n\n".join(parts)


def _usage(parameter: ParameterDescription) -> str:
    return f"{parameter.option} {'J1' if parameter.slot else 'FILE' if Path in parameter.kinds else '...'}"


def _help(parameter: ParameterDescription) -> str:
    need = "" if parameter.required or not parameter.slot else " Optional."
    return f"**{parameter.title}.** {parameter.help}{need}"


def _default(parameter: ParameterDescription) -> str:
    if parameter.required:
        return "required"
    if isinstance(parameter.default, bool):
        return "yes" if parameter.default else "no"
    shown = format_value(parameter.default)
    return f"{shown} {parameter.unit}" if parameter.unit and shown[:1].isdigit() else shown


def _range(parameter: ParameterDescription) -> str:
    if parameter.choices:
        return ", ".join(parameter.choices)
    bounds = [(name, getattr(each, name)) for each in parameter.bounds for name in BOUNDS if hasattr(each, name)]
    unit = f" {parameter.unit}" if parameter.unit and bounds else ""
    return ", ".join(f"{BOUNDS[name]} {value:g}" for name, value in bounds) + unit


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    pages = make_pages()
    for stale in {path.name for path in FOLDER.glob("*.md")} - set(pages):
        (FOLDER / stale).unlink()
    for name, text in pages.items():
        (FOLDER / name).write_text(text.rstrip("\n") + "\n", encoding="utf-8")
