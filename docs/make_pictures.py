"""Write docs/images from the project that ``make demo`` leaves: ``python docs/make_pictures.py demo``."""

import argparse
import json
from pathlib import Path

from triskelion.api import Project
from triskelion.io.mrc import read_mask, read_volume
from triskelion.plots.before_after import collect_before_after, draw

TARGET = Path(__file__).with_name("images") / "head_before_after.png"


def main() -> None:
    """Draw the head before and after refinement and with the true poses."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("project", type=Path, help="folder of the demo")
    project = Project.around(parser.parse_args().project)
    sharpened = [job for job in project.jobs if job.type == "sharpen"]
    stages = dict(zip(("consensus", "refined", "oracle"), sharpened, strict=True))
    (mask,) = (job for job in project.jobs if job.type == "volume_tools")
    curves = {label: json.loads(job.path("fsc").read_text(encoding="utf-8")) for label, job in stages.items()}
    data = collect_before_after(
        {label: read_volume(job.path("map_sharp")) for label, job in stages.items()},
        fsc={label: curve["curves"][curve["headline"]] for label, curve in curves.items()},
        resolution_A={label: curve["headline_resolution_A"] for label, curve in curves.items()},
        mask=read_mask(mask.path("mask")),
    )
    draw(data).savefig(TARGET)
    print(TARGET)


if __name__ == "__main__":
    main()
