"""Bars that ratios are held to: name of a ratio -> (at least, at most), None where there is no such limit."""

Bars = dict[str, tuple[float | None, float | None]]


def list_missed(bars: Bars, ratios: dict[str, float]) -> list[str]:
    """Say which bars are missed; one whose ratio was not measured is passed over."""
    missed = []
    for name, (least, most) in bars.items():
        value = ratios.get(name)
        if value is not None and least is not None and value < least:
            missed.append(f"{name} {value:.3f}, wanted at least {least:g}")
        if value is not None and most is not None and value > most:
            missed.append(f"{name} {value:.3f}, wanted at most {most:g}")
    return missed
