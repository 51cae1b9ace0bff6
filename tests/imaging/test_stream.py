"""Images read block by block are those that are read at once; reading ahead stops with whoever consumes or produces."""

import threading
from collections.abc import Generator

import numpy as np
import pytest
import torch
from tests.refine.scene import BOX_PX, PIXEL_A, draw_poses, make_particles

from triskelion.data.images import ArrayImages
from triskelion.errors import DataError
from triskelion.fourier.shells import fourier_disc
from triskelion.imaging import stream as stream_module
from triskelion.imaging.forward import Grid
from triskelion.imaging.stream import ImageStream, spread_rows

N, BLOCK = 50, 8
PARTICLES = make_particles(draw_poses(N, 1), 1)
PIXELS = np.random.default_rng(1).standard_normal((N, BOX_PX, BOX_PX))


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(stream_module, "batch_size", lambda n_coefficients: BLOCK)


class CountingImages(ArrayImages):
    """Remembers how many images were read; refuses the one that is ``broken``."""

    def __init__(self, broken: int | None = None):
        super().__init__(PIXELS)
        self.broken, self.n_read = broken, 0

    def read(self, rows: np.ndarray) -> np.ndarray:
        if self.broken in rows:
            raise DataError("image 20 cannot be read")
        self.n_read += len(rows)
        return super().read(rows)


def make_stream(source: ArrayImages | None = None) -> ImageStream:
    return ImageStream(PARTICLES, source or ArrayImages(PIXELS), Grid(BOX_PX, PIXEL_A), fourier_disc(BOX_PX))


def readers() -> int:
    return sum("ThreadPoolExecutor" in thread.name for thread in threading.enumerate())


def test_blocks_are_what_is_read_at_once():
    rows, advanced = np.random.default_rng(2).permutation(N)[:37], []
    blocks = list(make_stream().blocks(rows, advanced.append))
    np.testing.assert_array_equal(np.concatenate([part for part, _ in blocks]), rows)
    assert [len(images) for _, images in blocks] == [8, 8, 8, 8, 5] == advanced
    whole = make_stream().load(rows)
    for name in ("coefficients", "ctf"):
        torch.testing.assert_close(torch.cat([getattr(images, name) for _, images in blocks]), getattr(whole, name), rtol=0, atol=0)
    for name in ("contrast", "scale", "group", "premultiplied"):
        np.testing.assert_array_equal(np.concatenate([getattr(images, name) for _, images in blocks]), getattr(whole, name))
    everything = make_stream().load(np.arange(N))
    torch.testing.assert_close(whole.coefficients, everything.coefficients[rows], rtol=0, atol=0)


def test_no_rows_are_no_blocks():
    assert list(make_stream().blocks(np.array([], dtype=int))) == []


def test_one_block_is_read_ahead_and_no_more():
    source = CountingImages()
    blocks = make_stream(source).blocks(np.arange(N))
    next(blocks)
    assert isinstance(blocks, Generator)
    blocks.close()
    assert BLOCK <= source.n_read <= 2 * BLOCK


def test_reading_ends_when_nobody_consumes():
    blocks = make_stream().blocks(np.arange(N))
    next(blocks)
    assert isinstance(blocks, Generator)
    blocks.close()
    assert readers() == 0
    with pytest.raises(RuntimeError, match="enough"):
        for _ in make_stream().blocks(np.arange(N)):
            raise RuntimeError("enough")
    assert readers() == 0


def test_an_image_that_cannot_be_read_is_reported_where_it_is_wanted():
    got = []
    with pytest.raises(DataError, match="image 20"):
        for part, _ in make_stream(CountingImages(broken=20)).blocks(np.arange(N)):
            got.extend(part)
    assert got == list(range(16))
    assert readers() == 0


def test_another_contrast_belongs_to_the_same_images():
    contrast = np.linspace(0.5, 2, N)
    changed = make_stream().with_contrast(contrast)
    np.testing.assert_array_equal(changed.load(np.array([3, 7])).contrast, contrast[[3, 7]])
    np.testing.assert_array_equal(make_stream().load(np.array([3])).contrast, 1)


def test_a_sample_belongs_to_the_particles_not_to_their_places():
    uid = np.random.default_rng(3).permutation(1000).astype(np.uint64)
    rows, order = np.arange(0, 1000, 2), np.random.default_rng(4).permutation(1000)
    place = np.argsort(order)  # where each row went
    picked = uid[spread_rows(rows, uid, 60)]
    again = uid[order][spread_rows(np.sort(place[rows]), uid[order], 60)]
    assert len(picked) == 60 == len(np.unique(picked)) and np.isin(picked, uid[rows]).all()
    np.testing.assert_array_equal(np.sort(again), np.sort(picked))
    # evenly: no stretch of uids is left out
    assert np.diff(np.sort(picked.astype(int))).max() < 60
    np.testing.assert_array_equal(spread_rows(rows, uid, 500), rows)
