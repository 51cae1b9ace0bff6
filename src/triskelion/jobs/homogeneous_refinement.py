"""Job: poses of whole particles, searched anywhere with nothing but a map, or refined from those they have; one filter for all of a reference.

It is nonuniform_refinement without its filter, to compare with, and leaves no ``map_local``.
"""

from triskelion.jobs.spec import JobType, parameter
from triskelion.jobs.whole_refinement import OUTPUTS, WholeRefinementParameters, run


class HomogeneousRefinementParameters(WholeRefinementParameters):
    """What homogeneous_refinement wants to know."""

    nonuniform: bool = parameter(False, title="Non-uniform", help="Low-pass each voxel by itself, which makes it nonuniform_refinement.")


JOB = JobType("homogeneous_refinement", "Refine whole particles, one filter for all of a reference", HomogeneousRefinementParameters, run, OUTPUTS)
