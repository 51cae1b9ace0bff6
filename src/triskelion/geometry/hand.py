"""The other hand: the map mirrored through the plane x = 0 of the box centre, and the poses at which it has the same images.

With M = diag(-1, 1, 1) the mirror image is V'(x) = V(M x). A point x of it stands in the image where M x stood, P(R' x) = P(R M x), so R' is R M
but for its third row, whose sign makes it a rotation again: R' = diag(1, 1, -1) R M. Shifts stay. A symmetric map stays symmetric about the
same axes (not so T mirrored through z = 0), but for I3 and I4, which become each other (``mirror_group``).
"""

import numpy as np

MIRROR = np.diag([-1.0, 1.0, 1.0])  # of x, as relion_image_handler --invert_hand has it
OTHER_WAY = np.diag([1.0, 1.0, -1.0])  # seen from the other side


def mirror_rotations(rotations: np.ndarray) -> np.ndarray:
    """Return the rotations R' (n, 3, 3) of poses R of a map, for its mirror image; the shifts are the same."""
    return OTHER_WAY @ rotations @ MIRROR
