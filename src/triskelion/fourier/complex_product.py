"""The product of complex numbers, the same bit for bit however many threads share the work.

torch rounds the last few numbers of each thread's share, which do not fill a vector register, in another way than the rest.
"""

import torch
from torch import Tensor


def multiply(one: Tensor, other: Tensor) -> Tensor:
    """Multiply two complex tensors that broadcast, as sums of products of real numbers."""
    return torch.complex(one.real * other.real - one.imag * other.imag, one.real * other.imag + one.imag * other.real)
