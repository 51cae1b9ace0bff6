"""The ratios between the runs of benchmarks/whole_refinement.py on one set, the bars they are held to, and the table.

A row is what one run gave: ``set``, ``run`` and the figures of ``FIGURES``, where it has them.
"""

from typing import Any

from bars import list_missed

Row = dict[str, Any]
Ratios = dict[str, float]

# of a row -> heading, digits
FIGURES = {
    "resolution_A": ("resolution Å", 2),
    "within_5deg_percent": ("within 5° %", 1),
    "within_10deg_percent": ("within 10° %", 1),
    "median_deg": ("median °", 2),
    "truth_fsc": ("FSC truth", 3),
    "fsc0143_A": ("0.143 Å", 2),
    "fsc05_A": ("0.5 Å", 2),
    "truth05_A": ("truth Å", 2),
    "iterations": ("iterations", 0),
    "cpu_s": ("CPU s", 0),
    "wall_s": ("wall s", 0),
}
JUDGED = ("search", "input", "homogeneous")  # from a right map or right poses
# name of a ratio -> (at least, at most)
BARS = {
    **{f"within 5° (%), {run}": (97.0, None) for run in ("search", "input")},
    **{f"FSC truth, {run}'s of the oracle's": (0.95, None) for run in ("search", "input")},
    "CPU s, relion's of search's": (3.0, None),
    "FSC truth, search's of relion's": (1.0, None),
    "0.143 Å, search's of relion's": (None, 1.0),
    "0.5 Å, search's of relion's": (None, 1.0),
}


def compute_ratios(rows: list[Row]) -> Ratios:
    """Return the ratios between the runs that there are on one set."""
    by_run = {row["run"]: row for row in rows}
    ratios: Ratios = {}
    for run in (run for run in JUDGED if run in by_run):
        ratios[f"within 5° (%), {run}"] = by_run[run]["within_5deg_percent"]
        ratios[f"FSC truth, {run}'s of the oracle's"] = by_run[run]["truth_fsc"] / by_run["oracle"]["truth_fsc"]
    if {"search", "relion"} <= set(by_run):
        search, relion = by_run["search"], by_run["relion"]
        ratios["CPU s, relion's of search's"] = relion["cpu_s"] / search["cpu_s"]
        for name, figure in (("FSC truth", "truth_fsc"), ("0.143 Å", "fsc0143_A"), ("0.5 Å", "fsc05_A")):
            ratios[f"{name}, search's of relion's"] = search[figure] / relion[figure]
    return ratios


def missed_bars(ratios: Ratios) -> list[str]:
    """Say which bars the ratios of one set miss."""
    return list_missed(BARS, ratios)


def format_table(groups: list[list[Row]], ratios: list[Ratios]) -> str:
    """Make one table: a line per run, and the ratios below the runs of a set."""
    headings = [heading for heading, _ in FIGURES.values()]
    lines = ["| set | run | " + " | ".join(headings) + " |", "|---|---|" + "---:|" * len(headings)]
    for rows, found in zip(groups, ratios, strict=True):
        lines += [f"| {row['set']} | {row['run']} | " + " | ".join(_cells(row)) + " |" for row in rows]
        said = "; ".join(f"{name} {value:.3f}" for name, value in found.items())
        lines.append(f"| {rows[0]['set']} | ratios: {said} |" + " |" * len(headings))
    return "\n".join(lines)


def _cells(row: Row) -> list[str]:
    return ["" if row.get(name) is None else f"{row[name]:.{digits}f}" for name, (_, digits) in FIGURES.items()]
