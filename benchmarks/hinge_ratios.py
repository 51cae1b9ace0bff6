"""The ratios between the runs of benchmarks/local_refinement.py on one set and domain, the bars they are held to, and the table.

A row is what one run gave: ``run``, and where it has them ``poses`` (angle_median_deg, angle_rms_deg, over_8deg_percent), ``maps``
(fsc0143_A, fsc05_A, truth05_A, mean_truth_15A_nyquist) and ``cpu_s``, as the judges name them.
"""

from typing import Any

from bars import list_missed

Row = dict[str, Any]
Ratios = dict[str, float]

COLUMNS = ("median °", "rms °", "> 8° %", "FSC truth", "0.143 Å", "0.5 Å", "truth Å", "CPU s")
FIGURES = (
    ("poses", "angle_median_deg"), ("poses", "angle_rms_deg"), ("poses", "over_8deg_percent"), ("maps", "mean_truth_15A_nyquist"),
    ("maps", "fsc0143_A"), ("maps", "fsc05_A"), ("maps", "truth05_A"), (None, "cpu_s"),
)  # fmt: skip
DIGITS = (2, 2, 2, 3, 2, 2, 2, 0)

# name of a ratio -> (at least, at most), for every domain
MAP_BARS = {
    "FSC truth, of the oracle's": (0.93, None),
    "0.143 Å, of the oracle's": (None, 1.06),
    "0.5 Å, of the oracle's": (None, 1.06),
    "0.143 Å of the halves, of 0.5 Å of the truth": (0.96, 1.04),
}
RELION_BARS = {"CPU s, relion {}'s of ours": (20, None), "rms, of relion {}'s": (None, 1), "FSC truth, of relion {}'s": (1, None)}
# domain, box -> the same, of poses
POSE_BARS = {
    ("head", 128): {"rms, of that at the truth": (None, 1.5), "over 8° (%)": (None, 2)},
    ("head", 96): {"median, of the start's": (None, 0.33), "over 8° (%)": (None, 8)},
    ("foot", 128): {"rms, of Cramér-Rao": (None, 1.8)},
    ("foot", 96): {"rms, of Cramér-Rao": (None, 1.8)},
}


def compute_ratios(rows: list[Row]) -> Ratios:
    """Return the ratios of ours to the other runs that there are on one set and domain."""
    by_run = {row["run"]: row for row in rows}
    ours, oracle = by_run["ours"], by_run["oracle"]
    poses, maps = ours["poses"], ours["maps"]
    ratios = {
        "median, of the start's": poses["angle_median_deg"] / by_run["start"]["poses"]["angle_median_deg"],
        "over 8° (%)": poses["over_8deg_percent"],
        "FSC truth, of the oracle's": maps["mean_truth_15A_nyquist"] / oracle["maps"]["mean_truth_15A_nyquist"],
        "0.143 Å, of the oracle's": maps["fsc0143_A"] / oracle["maps"]["fsc0143_A"],
        "0.5 Å, of the oracle's": maps["fsc05_A"] / oracle["maps"]["fsc05_A"],
        "0.143 Å of the halves, of 0.5 Å of the truth": maps["fsc0143_A"] / maps["truth05_A"],
    }
    for name, run in (("that at the truth", "at truth"), ("Cramér-Rao", "Cramér-Rao"), ("Cramér-Rao with the prior", "Cramér-Rao, prior")):
        ratios[f"rms, of {name}"] = poses["angle_rms_deg"] / by_run[run]["poses"]["angle_rms_deg"]
    for run in (run for run in by_run if run.startswith("relion")):
        relion = by_run[run]
        # the process that only waits does not count: it would make ours look better
        ratios[f"CPU s, {run}'s of ours"] = relion["workers_cpu_s"] / ours["cpu_s"]
        ratios[f"rms, of {run}'s"] = poses["angle_rms_deg"] / relion["poses"]["angle_rms_deg"]
        ratios[f"FSC truth, of {run}'s"] = maps["mean_truth_15A_nyquist"] / relion["maps"]["mean_truth_15A_nyquist"]
    return ratios


def missed_bars(rows: list[Row], ratios: Ratios) -> list[str]:
    """Say which bars the ratios of one set and domain miss."""
    relion = {bar.format(images): limits for bar, limits in RELION_BARS.items() for images in ("whole", "subtracted")}
    bars = MAP_BARS | POSE_BARS.get((rows[0]["domain"], rows[0]["box_px"]), {}) | relion
    return list_missed(bars, ratios)


def format_table(groups: list[list[Row]], ratios: list[Ratios]) -> str:
    """Make one table: a line per run, and the ratios of ours below the runs of a set and domain."""
    lines = ["| set | domain | run | " + " | ".join(COLUMNS) + " |", "|---|---|---|" + "---:|" * len(COLUMNS)]
    for rows, found in zip(groups, ratios, strict=True):
        lines += [f"| {row['set']} | {row['domain']} | {row['run']} | " + " | ".join(_cells(row)) + " |" for row in rows]
        said = "; ".join(f"{name} {value:.2f}" for name, value in found.items())
        lines.append(f"| {rows[0]['set']} | {rows[0]['domain']} | ratios: {said} |" + " |" * len(COLUMNS))
    return "\n".join(lines)


def _cells(row: Row) -> list[str]:
    values = [(row.get(part, {}) if part else row).get(name) for part, name in FIGURES]
    return ["" if value is None else f"{value:.{digits}f}" for value, digits in zip(values, DIGITS, strict=True)]
