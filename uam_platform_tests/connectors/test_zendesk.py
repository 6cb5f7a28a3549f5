"""Zendesk's incremental exports: both kinds of paging, going on where the last complete load ended, and refusals."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from uam_platform.connectors import zendesk
from uam_platform.connectors.errors import PermanentError, TransientError
from uam_platform.lake.loads import RECORDS, LoadManifest
from uam_platform_tests.connectors.fakes import NOW, FakeVendor, contents, quiet, reply, rows

SOURCE = zendesk.ZendeskSource(
    "https://acme.zendesk.com", "reader@acme.example", "key", datetime(2024, 1, 1, tzinfo=UTC)
)
START = int(SOURCE.start.timestamp())


class Tickets:
    """A Zendesk with tickets and ticket events, `per_page` of each in one answer."""

    def __init__(self, tickets: int = 5, events: int = 5, per_page: int = 2) -> None:
        self.per_page = per_page
        self.tickets = [self.ticket(n) for n in range(1, tickets + 1)]
        self.events = [self.event(n, START + 60 * n) for n in range(1, events + 1)]

    @staticmethod
    def ticket(number: int) -> dict[str, Any]:
        return {
            "id": number,
            "generated_timestamp": START + number,
            "updated_at": "2024-01-01T00:00:00Z",
            "subject": f"t{number}",
        }

    @staticmethod
    def event(number: int, second: int) -> dict[str, Any]:
        created = datetime.fromtimestamp(second, UTC)
        return {"id": number, "ticket_id": 1, "timestamp": second, "created_at": f"{created:%Y-%m-%dT%H:%M:%SZ}"}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        export = request.url.path.removeprefix("/api/v2/incremental/")
        params = dict(request.url.params)
        answers: dict[str, Callable[[], dict[str, Any]]] = {
            "tickets/cursor.json": lambda: self._by_cursor(params),
            "users/cursor.json": lambda: {"users": [], "after_cursor": None, "end_of_stream": True},
            "ticket_events.json": lambda: self._by_time(params),
            "organizations.json": lambda: {
                "organizations": [],
                "end_time": None,
                "next_page": None,
                "end_of_stream": True,
            },
        }
        return reply(answers[export]())

    def _by_cursor(self, params: dict[str, str]) -> dict[str, Any]:
        first = int(params.get("cursor", "c0")[1:])
        page = self.tickets[first : first + self.per_page]
        last = first + len(page)
        return {
            "tickets": page,
            "after_cursor": f"c{last}" if last else None,
            "end_of_stream": last == len(self.tickets),
        }

    def _by_time(self, params: dict[str, str]) -> dict[str, Any]:
        start = int(params["start_time"])
        due = [event for event in self.events if event["timestamp"] >= start]
        page = due[: self.per_page]
        end = page[-1]["timestamp"] if page else None
        next_page = f"https://acme.zendesk.com/api/v2/incremental/ticket_events.json?start_time={end}" if page else None
        return {
            "ticket_events": page,
            "end_time": end,
            "next_page": next_page,
            "end_of_stream": len(due) <= self.per_page,
        }


def land(vendor: FakeVendor, manifest: LoadManifest):
    return zendesk.land(SOURCE, manifest, manifest.next_id(zendesk.NAME, NOW), NOW, quiet, wire=vendor.wire())


@pytest.fixture
def manifest(tmp_path) -> LoadManifest:
    return LoadManifest(tmp_path / "raw")


def asked(vendor: FakeVendor, export: str, key: str) -> list[str]:
    return [r.url.params[key] for r in vendor.requests if export in r.url.path and key in r.url.params]


def test_all_pages_are_landed_whole_sorted_and_once(manifest):
    load = land(FakeVendor(Tickets()), manifest)
    landed = rows(manifest, load, RECORDS)
    assert [(r["source_object"], r["record_id"]) for r in landed] == [
        *(("ticket", str(n)) for n in range(1, 6)),
        *(("ticket_event", str(n)) for n in range(1, 6)),
    ]
    assert [r["row_no"] for r in landed] == list(range(10))
    assert json.loads(landed[0]["payload"]) == Tickets.ticket(1)
    assert load.rows == {RECORDS: 10}


def test_the_export_order_field_is_landed_as_iso_time(manifest):
    load = land(FakeVendor(Tickets(tickets=1, events=1)), manifest)
    assert [r["modified_text"] for r in rows(manifest, load, RECORDS)] == [
        "2024-01-01T00:00:01Z",
        "2024-01-01T00:01:00Z",
    ]


def test_the_next_load_goes_on_after_the_cursor_and_a_little_before_the_end_time(manifest):
    tickets = Tickets()
    land(FakeVendor(tickets), manifest)
    vendor = FakeVendor(tickets)
    assert land(vendor, manifest) is None
    assert asked(vendor, "tickets/cursor", "cursor") == ["c5"]
    assert asked(vendor, "tickets/cursor", "start_time") == []
    assert asked(vendor, "ticket_events", "start_time")[0] == str(
        START
    )  # end_time - 300 s, but not before the first import


def test_only_what_is_new_is_landed_although_the_read_overlaps(manifest):
    tickets = Tickets(events=9)
    land(FakeVendor(tickets), manifest)
    tickets.events.append(Tickets.event(10, START + 600))
    tickets.tickets.append(Tickets.ticket(6))
    load = land(FakeVendor(tickets), manifest)
    assert [(r["source_object"], r["record_id"]) for r in rows(manifest, load, RECORDS)] == [
        ("ticket", "6"),
        ("ticket_event", "10"),
    ]


def test_a_record_that_changed_without_moving_its_time_is_landed_again(manifest):
    tickets = Tickets(tickets=1, events=1)
    land(FakeVendor(tickets), manifest)
    tickets.events[0]["ticket_id"] = 99
    load = land(FakeVendor(tickets), manifest)
    assert [json.loads(r["payload"])["ticket_id"] for r in rows(manifest, load, RECORDS)] == [99]


def test_an_empty_page_in_the_middle_does_not_end_the_export(manifest):
    tickets = Tickets()
    empty = reply({"ticket_events": [], "end_time": None, "next_page": None, "end_of_stream": False})
    played: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if "ticket_events" in request.url.path and not played:
            played.append(1)
            return empty
        return tickets(request)

    load = land(FakeVendor(answer), manifest)
    assert load.rows == {RECORDS: 10}


def test_an_export_that_never_moves_on_is_given_up(manifest):
    tickets = Tickets()
    stuck = {"ticket_events": [Tickets.event(1, START)], "end_time": START, "next_page": None, "end_of_stream": False}
    vendor = FakeVendor(lambda request: reply(stuck) if "ticket_events" in request.url.path else tickets(request))
    with pytest.raises(TransientError, match="did not move on"):
        land(vendor, manifest)
    assert len([r for r in vendor.requests if "ticket_events" in r.url.path]) < 10


def test_a_load_that_fails_leaves_no_trace_and_the_next_one_starts_where_it_started(manifest):
    tickets = Tickets()

    def failing(request: httpx.Request) -> httpx.Response:
        return reply({"error": "down"}, 503) if request.url.params.get("cursor") == "c4" else tickets(request)

    with pytest.raises(TransientError, match="zendesk ticket export: status 503"):
        land(FakeVendor(failing), manifest)
    assert manifest.loads() == []
    assert not list((manifest.root / "landed").glob("*/*")) if (manifest.root / "landed").exists() else True
    vendor = FakeVendor(tickets)
    assert land(vendor, manifest).rows == {RECORDS: 10}
    assert asked(vendor, "tickets/cursor", "start_time") == [str(START)]


def test_equal_answers_give_equal_bytes_however_they_are_paged(tmp_path):
    found = []
    for name, per_page in (("a", 1), ("b", 3)):
        manifest = LoadManifest(tmp_path / name)
        found.append(contents(manifest, land(FakeVendor(Tickets(per_page=per_page)), manifest)))
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (reply({"error": "Couldn't authenticate you"}, 401), "UAM_ZENDESK_API_TOKEN"),
        (httpx.Response(403, html=""), "administrator"),
        (reply({"error": "RecordNotFound"}, 404), "UAM_ZENDESK_BASE_URL"),
        (reply({"error": "InvalidValue", "description": "Too recent start_time"}, 422), "Too recent start_time"),
    ],
    ids=["401", "403 without text", "404", "422"],
)
def test_a_refusal_says_what_to_change_and_is_not_repeated(answer, words, manifest):
    vendor = FakeVendor(lambda request: answer)
    with pytest.raises(PermanentError, match=words):
        land(vendor, manifest)
    assert len(vendor.requests) == 1


def test_credentials_are_sent_as_zendesk_wants_them_and_are_not_shown(manifest):
    vendor = FakeVendor(Tickets())
    land(vendor, manifest)
    assert (
        vendor.requests[0].headers["authorization"] == httpx.BasicAuth("reader@acme.example/token", "key")._auth_header
    )
    assert "key" not in repr(SOURCE).replace("api_key", "")


def test_no_folder_of_the_loading_library_is_left_behind(manifest):
    land(FakeVendor(Tickets()), manifest)
    assert sorted(p.name for p in (manifest.root / "_dlt").iterdir()) == []
    assert sorted(p.name for p in (manifest.root / "dlt").iterdir()) == []
