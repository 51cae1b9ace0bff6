"""Moving to the device, for back-ends whose device is the processor: nothing moves."""

from triskelion.kernels.interface import FourierVolume, WeightedImages


def move_volume(volume: FourierVolume) -> FourierVolume:
    """See ``Kernels.move_volume``."""
    return volume


def move_images(images: WeightedImages) -> WeightedImages:
    """See ``Kernels.move_images``."""
    return images
