"""The data of a diagnostic as a table, and its drawing as SVG."""

import csv
import io
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any


def write_csv(data: dict[str, Any]) -> str:
    """Return all lists of numbers or words of a diagnostic as columns of a table, and what stands alone as columns of one row.

    A column is called by the way to it: ``curves.tight``. Images, which are no tables, are left out.
    """
    columns = dict(_list_columns(data, ""))
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip_longest(*columns.values(), fillvalue=""))
    return table.getvalue()


def _list_columns(data: Any, name: str) -> Iterator[tuple[str, list]]:
    if isinstance(data, dict):
        if "uint8" not in data:
            for key, value in data.items():
                yield from _list_columns(value, f"{name}.{key}" if name else str(key))
    elif isinstance(data, list) and any(isinstance(each, (list, dict)) for each in data):
        for number, each in enumerate(data, 1):
            yield from _list_columns(each, f"{name}.{number}")
    else:
        values = data if isinstance(data, list) else [data]
        yield name, ["" if value is None else value for value in values]


def draw_svg(name: str, data: dict[str, Any]) -> bytes:
    """Return the drawing of a diagnostic as SVG, letters as letters."""
    from matplotlib import rc_context

    from triskelion.plots.registry import draw

    svg = io.BytesIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        draw(name, data).savefig(svg, format="svg", metadata={"Date": None})
    return svg.getvalue()
