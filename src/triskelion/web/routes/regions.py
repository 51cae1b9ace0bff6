"""The regions of a segmentation: what was done to them, and one more edit."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from triskelion.masks.regions import Verb
from triskelion.project.regions import Regions
from triskelion.web.asking import Body, RegionsOf

router = APIRouter(tags=["regions"], prefix="/p/{p}/j/{j}")


class RegionEdit(Body):
    """One edit; ``expect`` is the number of edits that the page knows of."""

    verb: Verb
    which: str | None = Field(None, max_length=100_000)
    name: str | None = Field(None, max_length=200)
    level: int | None = Field(None, ge=0, le=1000)
    expect: int = Field(ge=0)


@router.get("/regions")
def read_regions(regions: RegionsOf) -> dict[str, Any]:
    """Return the tree of the segmentation, all edits, and the regions they leave."""
    return describe_regions(regions)


@router.post("/regions")
def edit_regions(body: RegionEdit, regions: RegionsOf, brief: Annotated[bool, Query()] = False) -> dict[str, Any]:
    """Edit the regions, unless somebody else has meanwhile (409: load them again)."""
    regions.edit(body.verb, body.which, name=body.name, level=body.level, expected_edits=body.expect)
    return {"n_edits": len(regions.edits)} if brief else describe_regions(regions)


def describe_regions(regions: Regions) -> dict[str, Any]:
    """Return tree, edits, state and list of the regions as plain data."""
    segmentation, state, edits = regions.segmentation, regions.state, regions.edits
    return {
        "tree": {
            "n_leaves": segmentation.n_leaves,
            "parent": segmentation.parent.tolist(),
            "step": segmentation.step.tolist(),
            "names": segmentation.names,
        },
        "n_edits": len(edits),
        "edits": [{"verb": edit.verb, "regions": list(edit.regions), "name": edit.name, "level": edit.level} for edit in edits],
        "state": {
            "parent": state.parent,
            "step": state.step,
            "names": state.names,
            "hidden": sorted(state.hidden),
            "selected": sorted(state.selected),
            "next_number": state.next_number,
        },
        "list": [
            {
                "number": region.number,
                "name": region.name,
                "size": region.n_voxels,
                "volume_A3": region.volume_A3,
                "center_xyz_px": region.center_xyz_px,
                "shown": region.shown,
                "selected": region.selected,
            }
            for region in regions.list()
        ],
    }
