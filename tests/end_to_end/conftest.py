"""One chain of jobs on plain images, which several tests compare with."""

import pytest
from tests.end_to_end.chain import Chain, make_chain


@pytest.fixture(scope="session")
def plain(tmp_path_factory) -> Chain:
    """Bright protein, one optics group, even box, every particle of the same contrast."""
    return make_chain(tmp_path_factory.mktemp("plain") / "project")
