"""Job: poses of whole particles, searched anywhere with nothing but a map, or refined from those they have; references low-passed voxel by voxel.

Half-sets stay what they are. It stops by itself when nothing improves, and says how far the result is to be trusted. Half maps and map are not
filtered, and every resolution is that of the half maps. ``map_local`` is the map with each voxel low-passed where the half maps stop agreeing
about it: flexible parts and solvent are cleaner there, to look at, to segment and to make masks of.
"""

from triskelion.jobs.spec import JobType
from triskelion.jobs.whole_refinement import OUTPUTS, WholeRefinementParameters, run

JOB = JobType("nonuniform_refinement", "Refine whole particles, references filtered voxel by voxel", WholeRefinementParameters, run, OUTPUTS)
