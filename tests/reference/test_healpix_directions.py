"""Directions on the sphere against healpy."""

import numpy as np
import pytest

from triskelion.geometry.healpix import healpix_directions


@pytest.mark.parametrize("n_side", [1, 2, 3, 8])
def test_directions_are_the_pixel_centres_of_healpy(reference, n_side):
    np.testing.assert_allclose(healpix_directions(n_side), reference("healpix_directions")[f"n_side_{n_side}"], atol=1e-14)
