"""Gong's calls over HTTP: what is served, page by page, and what is refused."""

import asyncio
from typing import Any

import httpx
import pytest

from uam_platform.simulation.sandbox import server
from uam_platform.simulation.sandbox.credentials import GONG_ACCESS_KEY, GONG_ACCESS_KEY_VALUE
from uam_platform.simulation.sandbox.server import Clocks, Running
from uam_platform_tests.connectors.vendor_samples import interactions, needs_samples, openapi, problems
from uam_platform_tests.sandbox.tiny_company import CALL_COUNT, call_id

AUTH = (GONG_ACCESS_KEY, GONG_ACCESS_KEY_VALUE)
WINDOW = {"fromDateTime": "2025-01-06T00:00:00Z", "toDateTime": "2025-01-09T00:00:00Z"}
EVERYTHING = {"context": "Basic", "exposedFields": {"parties": True, "content": {"topics": True, "trackers": True}}}
SPEC = "gong/oas/openapi.json"


def post(sandbox: Running, path: str, **body: Any) -> httpx.Response:
    return httpx.post(f"{sandbox.credentials['UAM_GONG_BASE_URL']}/v2/calls/{path}", json=body, auth=AUTH, timeout=10)


def pages(sandbox: Running, path: str, **body: Any) -> list[dict[str, Any]]:
    found = [post(sandbox, path, **body).json()]
    while cursor := found[-1]["records"].get("cursor"):
        found.append(post(sandbox, path, **body, cursor=cursor).json())
    return found


def test_every_readable_call_stands_on_exactly_one_page(sandbox: Running) -> None:
    found = pages(sandbox, "extensive", filter=WINDOW, contentSelector=EVERYTHING)
    keys = [call["metaData"]["id"] for page in found for call in page["calls"]]
    assert keys == [call_id(number) for number in range(1, CALL_COUNT - 1)], (
        "private and unreadable calls are not served"
    )
    assert [page["records"]["currentPageSize"] for page in found] == [100, 100, 3]
    assert {page["records"]["totalRecords"] for page in found} == {len(keys)}


def test_windows_are_half_open(sandbox: Running) -> None:
    at = "2025-01-06T00:20:00Z"
    first = post(sandbox, "extensive", filter={"fromDateTime": at, "toDateTime": "2025-01-06T00:40:00Z"}).json()
    assert [call["metaData"]["id"] for call in first["calls"]] == [call_id(1)]
    assert (
        post(sandbox, "extensive", filter={"fromDateTime": "2025-01-06T00:00:00Z", "toDateTime": at}).status_code == 404
    )


def test_a_transcript_holds_the_monologues_of_its_voices(sandbox: Running) -> None:
    (found,) = post(sandbox, "transcript", filter={"callIds": [call_id(7)]}).json()["callTranscripts"]
    assert found["callId"] == call_id(7)
    assert [(m["speakerId"], [s["start"] for s in m["sentences"]]) for m in found["transcript"]] == [
        ("501", [0]), ("502", [1000, 2000]), ("501", [3000]),
    ]  # fmt: skip


def test_only_what_is_selected_is_told(sandbox: Running) -> None:
    plain = post(sandbox, "extensive", filter=WINDOW).json()["calls"][0]
    full = post(sandbox, "extensive", filter=WINDOW, contentSelector=EVERYTHING).json()["calls"][0]
    assert set(plain) == {"metaData"}
    assert full["context"][0]["objects"][0]["objectType"] == "Account"
    assert [party["affiliation"] for party in full["parties"]] == ["Internal", "External"]


def test_a_wrong_key_and_a_malformed_request_are_refused_in_gongs_words(sandbox: Running) -> None:
    url = f"{sandbox.credentials['UAM_GONG_BASE_URL']}/v2/calls/extensive"
    wrong = httpx.post(url, json={"filter": WINDOW}, auth=("someone", "wrong"))
    assert (wrong.status_code, list(wrong.json())) == (401, ["requestId", "errors"])
    for body in ({}, {"filter": {"fromDateTime": "soon"}}, {"filter": WINDOW, "cursor": "!"}):
        assert post(sandbox, "extensive", **body).status_code == 400


def test_the_fourth_call_of_a_second_is_throttled_with_its_wait(company, tmp_path) -> None:
    app = server.create_app(company, tmp_path, clocks=Clocks(monotonic_seconds=lambda: 0.0))

    async def ask() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://sandbox", auth=AUTH) as client:
            return [await client.get("/gong/v2/users") for _ in range(4)]

    answers = asyncio.run(ask())
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[3].headers["retry-after"] == "1"


@needs_samples
@pytest.mark.parametrize(
    ("path", "schema", "selector"),
    [("extensive", "Calls", EVERYTHING), ("transcript", "CallTranscripts", None)],
    ids=["calls", "transcripts"],
)
def test_answers_are_what_the_published_description_allows(
    sandbox: Running, path: str, schema: str, selector: Any
) -> None:
    more = {"contentSelector": selector} if selector else {}
    assert problems(openapi(SPEC), schema, post(sandbox, path, filter=WINDOW, **more).json()) == []


@needs_samples
def test_lists_have_the_keys_of_recorded_and_published_ones(sandbox: Running) -> None:
    base = sandbox.credentials["UAM_GONG_BASE_URL"]
    (recorded,) = interactions("gong/nango/list-users.json")
    users = httpx.get(f"{base}/v2/users", auth=AUTH).json()
    assert set(users) == set(recorded["response"])
    assert set(users["users"][0]) == set(recorded["response"]["users"][0])
    listed = httpx.get(f"{base}/v2/calls", params=WINDOW, auth=AUTH).json()
    assert problems(openapi(SPEC), "CallsResponse", listed) == []
    (nothing,) = interactions("gong/nango/calls.json")
    empty = httpx.get(f"{base}/v2/calls", params=dict.fromkeys(WINDOW, "2024-01-01T00:00:00Z"), auth=AUTH)
    assert (empty.status_code, empty.json()["errors"]) == (nothing["status"], nothing["response"]["errors"])
