"""Products that do not depend on the number of threads: torch's own do, in the numbers that do not fill a vector register."""

import pytest
import torch

from triskelion.fourier.complex_product import multiply

# so many numbers that two threads share them, in halves that end inside a vector register
SHAPE = (7, 9991)


@pytest.fixture
def numbers():
    before = torch.get_num_threads()
    generator = torch.Generator().manual_seed(1)
    yield [torch.randn(SHAPE, dtype=torch.complex64, generator=generator) for _ in range(2)]
    torch.set_num_threads(before)


def test_products_are_those_of_complex_numbers(numbers):
    one, other = numbers
    torch.testing.assert_close(multiply(one, other), one * other)
    torch.testing.assert_close(multiply(one, other[:1]), one * other[:1])


def test_two_threads_give_the_products_of_one(numbers):
    products = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        products.append(multiply(*numbers))
    assert torch.equal(*products)
