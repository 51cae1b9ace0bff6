"""The kernels for NVIDIA devices, in Triton; importing this package needs triton.

Tensors may lie on the host or on the device: what is not there yet is moved for the call. Whoever calls more than once moves maps and images
beforehand with ``move_volume`` and ``move_images``. A tensor comes back to where the map lies; arrays are on the host.
With TRITON_INTERPRET=1 the same kernels run on the CPU, slowly: that is how they are tested where there is no device.
Nothing of a climb returns to the host before it ends.
"""

from triskelion.kernels.cuda.climbing import climb
from triskelion.kernels.cuda.grid_scores import score_grid
from triskelion.kernels.cuda.insertion import insert
from triskelion.kernels.cuda.normal_equations import gauss_newton
from triskelion.kernels.cuda.slices import slice
from triskelion.kernels.cuda.transfer import choose_device, move_images, move_volume

__all__ = ["choose_device", "climb", "gauss_newton", "insert", "move_images", "move_volume", "score_grid", "slice"]
