"""The figures of summary.json in words: units come from the names, as everywhere."""

from collections.abc import Mapping
from typing import Any

UNITS = {"A2": "Å²", "A": "Å", "px": "px", "deg": "°", "rad": "rad", "s": "s", "MB": "MB", "mm": "mm", "kV": "kV", "percent": "%"}
COST = ("cpu_s", "wall_s", "peak_rss_MB")
HEADLINE = ("resolution_A", "b_factor_A2", "n_particles", "iterations")
_WORDS = {
    "resolution_A": "resolution",
    "b_factor_A2": "B-factor",
    "n_particles": "particles",
    "n_dropped": "dropped",
    "cpu_s": "CPU time",
    "wall_s": "wall time",
    "peak_rss_MB": "peak memory",
}


def name_figure(name: str) -> str:
    """Return what people call a figure: ``median_error_deg`` is "median error"."""
    if name in _WORDS:
        return _WORDS[name]
    stem, _, unit = name.rpartition("_")
    return (stem if stem and unit in UNITS else name).replace("_", " ")


def format_figure(name: str, value: Any) -> str:
    """Write a figure with its unit: 4.123 of ``resolution_A`` is "4.12 Å", 70.2 of ``wall_s`` is "1 min 10 s"."""
    if value is None:
        return "–"
    unit = name.rpartition("_")[2]
    if unit == "s" and isinstance(value, (int, float)):
        return format_duration(value)
    return _format_number(value) + (f" {UNITS[unit]}" if unit in UNITS else "")


def _format_number(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(_format_number(item) for item in value)
    return str(value)


def format_duration(seconds: float) -> str:
    """Write seconds as people say them."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def list_figures(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return (name, value) of every plain figure in words, headline first, what it cost last."""
    plain = [key for key, value in summary.items() if isinstance(value, (int, float, str)) and key != "threads"]
    order = [key for key in HEADLINE if key in plain] + [key for key in plain if key not in HEADLINE + COST] + [key for key in COST if key in plain]
    return [(name_figure(key), format_figure(key, summary[key])) for key in order]


def write_headline(summary: Mapping[str, Any]) -> str:
    """Return the figures that matter most on one line."""
    parts = [f"{name_figure(key)} {format_figure(key, summary[key])}" for key in HEADLINE if summary.get(key) is not None]
    warnings = summary.get("warnings") or []
    if warnings:
        parts.append(f"{len(warnings)} warning{'s' if len(warnings) > 1 else ''}")
    return ", ".join(parts)
