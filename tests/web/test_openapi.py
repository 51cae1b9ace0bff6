"""The API as its own description says it may be called, well and badly: whatever comes, the answer is never a defect of the server."""

import httpx2
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.web.conftest import ADDRESS

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed: pip install triskelion[dev]")

EXAMPLES = 25
LIKELY = {  # words that lead further in than any that are made up
    "p": ["tri-snrnp"],
    "j": ["J1", "J3", "J2", "J4"],
    "output": ["map", "mask", "segmented"],
    "name": ["iterations", "map.mrc", "plots/iterations.json"],
    "type": ["make", "use", "cut", "shift"],
    "job": ["J1"],
    "segmentation": ["J3"],
    "which": ["5", "3,4"],
    "regions": ["5"],
    "threshold": ["1"],
    "reach_px": ["4"],
    "sdev_A": ["3"],
    "bin": ["2"],
    "slot": ["volume", "mask"],
    "verb": ["hide", "group", "undo", "rename"],
}
ENDLESS = "/api/events"
PARTS = {"method": "method", "url": "url", "params": "params", "json": "json", "data": "content"}  # of a request, here and there


@pytest.fixture
def busy(browser, project):
    """Open the page of a project that has something of everything."""
    project.run("make", iterations=2)
    project.run("make", kind="mask")
    project.run("cut")
    project.prepare("make")
    return browser


def guide(data, given_words: dict) -> dict:
    """Replace made-up words by likely ones, often."""
    return {
        key: data.draw(st.sampled_from(LIKELY[key])) if key in LIKELY and data.draw(st.integers(0, 7)) else value
        for key, value in given_words.items()
    }


def takes_away(operation) -> bool:
    """Say whether an operation takes away what others work on: it comes last."""
    return operation.method.upper() == "DELETE" or operation.path.endswith("/clear")


def call_often(operation, client) -> set[int]:
    """Call an operation with what fits its description and with what does not; return the status codes of the answers."""
    seen: set[int] = set()

    @settings(max_examples=EXAMPLES, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(st.data(), operation.as_strategy() | operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE))
    def call(data, case):
        if case.path_parameters:
            case.path_parameters = guide(data, dict(case.path_parameters))
        if isinstance(case.body, dict):
            case.body = guide(data, case.body)
        if case.query:
            case.query = guide(data, dict(case.query))
        request = case.as_transport_kwargs(base_url=ADDRESS)
        wanted = {to: request[key] for key, to in PARTS.items() if request.get(key) is not None}
        try:
            answer = client.request(**wanted, headers={"content-type": "application/json"})
        except httpx2.InvalidURL:  # an address that no browser can ask for
            return
        assert answer.status_code < 500, f"{wanted}: {answer.text}"
        seen.add(answer.status_code)

    call()
    return seen


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_no_call_finds_a_defect(busy):
    schema = schemathesis.openapi.from_dict(busy.get("/api/openapi.json").json())
    operations = sorted((found.ok() for found in schema.get_all_operations()), key=takes_away)
    asked = {f"{each.method.upper()} {each.path}": call_often(each, busy) for each in operations if each.path != ENDLESS}
    print("\n".join(f"{label}: {sorted(seen)}" for label, seen in asked.items()))
    reached = [label for label, seen in asked.items() if seen & {200, 206}]
    assert len(reached) > 0.6 * len(asked), set(asked) - set(reached)
