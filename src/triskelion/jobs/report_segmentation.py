"""What every job that makes a segmentation saves and shows: regions, label volume, table, pictures, figures."""

import csv
import io
from typing import TYPE_CHECKING

from triskelion.jobs.context import JobContext
from triskelion.jobs.spec import SlotKind

if TYPE_CHECKING:
    from triskelion.data.segmentation import Segmentation
    from triskelion.data.volume import Volume

OUTPUTS: dict[str, SlotKind] = {"segmentation": "segmentation"}
COLUMNS = ("region", "name", "group", "step", "n_voxels", "volume_A3", "center_x_px", "center_y_px", "center_z_px", "maximum")


def report_segmentation(segmentation: "Segmentation", volume: "Volume", context: JobContext) -> None:
    """Save segmentation.npz, labels.mrc (the region of each voxel, groups taken as one) and regions.csv; ``volume`` is what was segmented."""
    from triskelion.data.volume import Volume
    from triskelion.plots.region_slices import collect_region_slices
    from triskelion.plots.region_views import collect_region_views

    roots = segmentation.roots()
    labels = segmentation.labels_of(roots)
    context.save_segmentation(segmentation)
    context.save_volume(Volume(labels, segmentation.pixel_size_A), "labels")
    context.save_text("regions.csv", _write_table(segmentation, volume))
    context.plot("region_views", collect_region_views(labels, volume, segmentation.names))
    context.plot("region_slices", collect_region_slices(labels, volume, segmentation.names))
    enclosed_A3 = float(segmentation.n_voxels[roots].sum()) * segmentation.pixel_size_A**3
    n_groups = segmentation.n_nodes - segmentation.n_leaves
    context.log(f"{len(roots)} regions, made of {segmentation.n_leaves} watershed regions in {n_groups} groups, enclose {enclosed_A3:.4g} Å³")
    context.summarize(
        n_regions=len(roots),
        n_leaves=segmentation.n_leaves,
        n_groups=n_groups,
        level=segmentation.level,
        enclosed_A3=enclosed_A3,
        box_px=segmentation.box_px,
        pixel_size_A=segmentation.pixel_size_A,
    )


def _write_table(segmentation: "Segmentation", volume: "Volume") -> str:
    """One line per region and group: ``group`` is what it is part of, 0 for nothing."""
    table = segmentation.measure(volume)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for node in range(1, segmentation.n_nodes + 1):
        center = [f"{value:.2f}" for value in table.center_xyz_px[node]]
        size = (int(table.n_voxels[node]), f"{table.volume_A3[node]:.1f}")
        place = (int(segmentation.parent[node]), int(segmentation.step[node]))
        writer.writerow([node, segmentation.names.get(node, ""), *place, *size, *center, f"{table.maximum[node]:.5g}"])
    return text.getvalue()
