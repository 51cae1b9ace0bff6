"""Every real and odd STAR file is read as particles, or refused with file and reason."""

import re

import pytest

from triskelion.errors import DataError
from triskelion.io.particle_star import parse_particles

NUMBER_READ = {"relion31.star": 5, "relion31.v2.star": 5, "relion5.star": 17, "relion31.6opticsgroups.star": 139}
NO_ANGLES = r"has no angles \(rlnAngleRot, rlnAngleTilt, rlnAnglePsi missing\)"
REFUSED = {
    "FinalRefinement-OriginalParticles-PfCRT.star": r"does not say rlnAmplitudeContrast \(or give amplitude_contrast\)",
    "one_loop.star": r"has no CTF \(rlnDefocusU, rlnDefocusV, rlnDefocusAngle missing\)",
    "empiar_10076_7.star": NO_ANGLES,
    "rln3.1_data_style.star": NO_ANGLES,
    "single_line_end_of_multiblock.star": NO_ANGLES,
    "single_line_middle_of_multiblock.star": NO_ANGLES,
}
NO_PARTICLES = r"holds no table of particles \(no rlnImageName in data_"


def test_each_is_read_or_refused_in_words(shared_dir):
    paths = sorted((shared_dir / "data" / "formats").glob("*.star"))
    assert len(paths) > 15
    for path in paths:
        if path.name in NUMBER_READ:
            particles, impossible = parse_particles(path)
            assert (len(particles), impossible) == (NUMBER_READ[path.name], {}), path.name
        else:
            with pytest.raises(DataError, match=rf"{re.escape(path.name)} {REFUSED.get(path.name, NO_PARTICLES)}"):
                parse_particles(path)
