"""Job: FSC curves, B-factor and sharpened map of two half maps."""

from triskelion.jobs.context import JobContext
from triskelion.jobs.spec import JobParameters, JobType, parameter, slot


class SharpenParameters(JobParameters):
    """What sharpen wants to know."""

    volume: str = slot("volume", title="Half maps", help="A job that made two half maps.")
    mask: str | None = slot(
        "mask", title="Mask", optional=True, help="Soft mask for the FSC and the Guinier fit; the FSC inside it, corrected, gives the resolution."
    )
    b_factor_A2: float | None = parameter(
        None,
        title="B-factor",
        unit="Å²",
        help="Positive sharpens (other programs write the same with a minus sign); left out: from the Guinier fit.",
        ge=-2000,
        le=2000,
    )


def run(parameters: SharpenParameters, context: JobContext) -> None:
    """Compute the FSC curves, fit the B-factor, sharpen."""
    from triskelion.jobs.report_maps import save_curves
    from triskelion.maps.sharpen import sharpen
    from triskelion.plots.map_slices import collect_map_slices
    from triskelion.resolution.curves import finite_or_none
    from triskelion.resolution.fsc import average_map, compute_fsc_curves

    half_a, half_b = (context.read_volume(parameters.volume, name) for name in ("half_a", "half_b"))
    mask = None if parameters.mask is None else context.read_mask(parameters.mask)
    curves = compute_fsc_curves(half_a, half_b, mask, parameters.seed)
    save_curves(context, curves)
    context.plot("gsfsc", curves.as_dict())
    for warning in curves.warnings():
        context.warn(warning)
    if parameters.b_factor_A2 is not None and parameters.b_factor_A2 < 0:
        context.warn(f"b_factor_A2 = {parameters.b_factor_A2:g} Å² blurs the map: a positive one sharpens it")

    sharpened = sharpen(half_a, half_b, curves, mask, parameters.b_factor_A2)
    if sharpened.guinier is not None:
        context.plot("guinier", sharpened.guinier.as_dict())
        if sharpened.guinier.note:
            context.warn(f"B-factor: {sharpened.guinier.note}")
    context.save_volume(sharpened.volume, "map_sharp")
    context.plot("map_slices", collect_map_slices({"map": average_map(half_a, half_b), "sharpened": sharpened.volume}))
    context.log(f"resolution {curves.resolution_A():.2f} Å ({curves.headline}, 0.143), B-factor {sharpened.b_factor_A2:.0f} Å²")
    context.summarize(resolution_A=finite_or_none(curves.resolution_A()), b_factor_A2=sharpened.b_factor_A2)


JOB = JobType("sharpen", "Sharpen a map and measure its resolution", SharpenParameters, run, {"map_sharp": "volume"})
