"""Zendesk's incremental exports: both kinds of paging, going on where the last complete load ended, and refusals."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from uam_platform.connectors import zendesk
from uam_platform.connectors.errors import PermanentError, TransientError
from uam_platform.connectors.zendesk_session import ZendeskSource
from uam_platform.lake.loads import RECORDS, LoadManifest
from uam_platform_tests.connectors.fakes import NOW, FakeVendor, contents, quiet, reply, rows

SOURCE = ZendeskSource(
    "https://acme.zendesk.com", datetime(2024, 1, 1, tzinfo=UTC), email="reader@acme.example", api_token="key-of-acme"
)
START = int(SOURCE.start.timestamp())
SAID = {"id": "01J", "type": "Messaging::ConversationMessage", "created_at": "2024-01-02T00:00:00Z"}


class Tickets:
    """A Zendesk with tickets and ticket events, `per_page` of each in one answer."""

    def __init__(self, tickets: int = 5, events: int = 5, per_page: int = 2) -> None:
        self.per_page = per_page
        self.tickets = [self.ticket(n) for n in range(1, tickets + 1)]
        self.events = [self.event(n, START + 60 * n) for n in range(1, events + 1)]
        self.ratings: list[dict[str, Any]] = []
        self.chats: list[dict[str, Any]] = []
        self.measured: list[dict[str, Any]] = []

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
            "ticket_metric_events.json": lambda: {"ticket_metric_events": self.measured, "end_time": None, "count": 0},
            "/api/v2/satisfaction_ratings.json": lambda: self._listed(params),
            "/api/v2/chat/incremental/chats": lambda: self._chats(params),
            "/api/v2/tickets/3/conversation_log.json": lambda: {"events": [SAID], "meta": {"has_more": False}},
            "organizations.json": lambda: {
                "organizations": [],
                "end_time": None,
                "next_page": None,
                "end_of_stream": True,
            },
        }
        return reply(answers[export]())

    def _listed(self, params: dict[str, str]) -> dict[str, Any]:
        due = [
            r
            for r in self.ratings
            if int(datetime.fromisoformat(r["created_at"]).timestamp()) >= int(params["start_time"])
        ]
        first = int(params.get("page[after]", "0"))
        last = min(first + self.per_page, len(due))
        return {
            "satisfaction_ratings": due[first:last],
            "meta": {"has_more": last < len(due), "after_cursor": str(last)},
        }

    def _chats(self, params: dict[str, str]) -> dict[str, Any]:
        due = [chat for chat in self.chats if chat["second"] >= int(params["start_time"])]
        return {
            "chats": due,
            "count": len(due),
            "end_time": max((c["second"] for c in due), default=None),
            "end_id": "",
        }

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


def land(vendor: FakeVendor, manifest: LoadManifest, source: ZendeskSource = SOURCE):
    return zendesk.land(source, manifest, manifest.next_id(zendesk.NAME, NOW), NOW, quiet, wire=vendor.wire())


@pytest.fixture
def manifest(tmp_path) -> LoadManifest:
    return LoadManifest(tmp_path / "raw")


def asked(vendor: FakeVendor, export: str, key: str) -> list[str]:
    return [r.url.params[key] for r in vendor.requests if export in r.url.path and key in r.url.params]


@pytest.mark.proves("Zendesk", "paging")
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


@pytest.mark.proves("Zendesk", "cursor and look-back")
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


@pytest.mark.proves("Zendesk", "paging")
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


@pytest.mark.proves("Zendesk", "resume after interruption")
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


@pytest.mark.proves("Zendesk", "authentication")
def test_credentials_are_sent_as_zendesk_wants_them_and_are_not_shown(manifest):
    vendor = FakeVendor(Tickets())
    land(vendor, manifest)
    assert (
        vendor.requests[0].headers["authorization"]
        == httpx.BasicAuth("reader@acme.example/token", "key-of-acme")._auth_header
    )
    assert "key-of-acme" not in repr(SOURCE)
    everything = "".join(path.read_text(errors="replace") for path in manifest.root.rglob("*") if path.is_file())
    assert "key-of-acme" not in everything


def test_no_folder_of_the_loading_library_is_left_behind(manifest):
    land(FakeVendor(Tickets()), manifest)
    assert sorted(p.name for p in (manifest.root / "_dlt").iterdir()) == []
    assert sorted(p.name for p in (manifest.root / "dlt").iterdir()) == []


OAUTH = replace(SOURCE, api_token="", oauth_token="oauth-of-acme", chat_token="chat-of-acme")


def rating(number: int, created: str, score: str = "offered") -> dict[str, Any]:
    return {"id": number, "ticket_id": 1, "score": score, "created_at": created, "updated_at": created}


@pytest.mark.proves("Zendesk", "authentication")
def test_an_oauth_token_goes_before_the_api_token_and_chats_have_one_of_their_own(manifest):
    vendor = FakeVendor(Tickets())
    vendor.answer.chats = [{"id": "c1", "second": START + 60, "update_timestamp": "2024-01-01T00:01:00Z"}]
    load = land(vendor, manifest, OAUTH)
    shown = {("chat" in r.url.path, r.headers["authorization"]) for r in vendor.requests}
    assert shown == {(False, "Bearer oauth-of-acme"), (True, "Bearer chat-of-acme")}
    (chat,) = (r for r in rows(manifest, load, RECORDS) if r["source_object"] == "chat")
    assert (chat["record_id"], chat["modified_text"]) == ("c1", "2024-01-01T00:01:00Z")
    assert load.state["chat"] == {"end_time": START + 60}
    assert not [r for r in FakeVendor(Tickets()).requests if "chat" in r.url.path]


@pytest.mark.proves("Zendesk", "cursor and look-back")
def test_ratings_are_read_again_from_so_far_back_that_a_late_answer_is_seen(manifest):
    tickets = Tickets(tickets=0, events=0)
    tickets.ratings = [rating(n, f"2024-03-0{n}T00:00:00Z") for n in range(1, 6)]
    assert land(FakeVendor(tickets), manifest).rows == {RECORDS: 5}
    tickets.ratings[0] |= {"score": "good", "updated_at": "2024-03-20T00:00:00Z"}
    vendor = FakeVendor(tickets)
    load = land(vendor, manifest)
    assert [json.loads(r["payload"])["score"] for r in rows(manifest, load, RECORDS)] == ["good"]
    back = int(datetime(2024, 2, 6, tzinfo=UTC).timestamp())
    assert asked(vendor, "satisfaction", "start_time")[0] == str(back)


@pytest.mark.proves("Zendesk", "drift")
def test_a_stream_that_the_account_lacks_is_told_and_left_out(manifest):
    tickets, told = Tickets(tickets=1, events=0), []

    def answer(request: httpx.Request) -> httpx.Response:
        return reply({"error": "Forbidden"}, 403) if "satisfaction" in request.url.path else tickets(request)

    load = zendesk.land(SOURCE, manifest, "load", NOW, told.append, wire=FakeVendor(answer).wire())
    assert load.rows == {RECORDS: 1}
    assert load.drift == ["satisfaction_rating: the source has no such records"]
    assert any("satisfaction_rating export: left out" in line for line in told)


def test_what_was_said_on_a_messaging_ticket_comes_with_its_ticket(manifest):
    tickets = Tickets(tickets=3, events=0)
    tickets.tickets[2]["from_messaging_channel"] = True
    landed = rows(manifest, land(FakeVendor(tickets), manifest), RECORDS)
    (said,) = (r for r in landed if r["source_object"] == "conversation_event")
    assert json.loads(said["payload"]) == {**SAID, "ticket_id": 3}


@pytest.mark.proves("Zendesk", "resume after interruption")
def test_a_first_import_is_committed_in_parts_and_goes_on_where_it_was_cut_off(manifest):
    tickets = Tickets(tickets=5, events=1)
    source = replace(SOURCE, pages_per_load=3)
    parts = [land(FakeVendor(tickets), manifest, source)]
    with pytest.raises(TransientError):
        land(FakeVendor(lambda _: reply({"error": "down"}, 503)), manifest, source)
    while load := land(FakeVendor(tickets), manifest, source):
        parts.append(load)
    landed = [
        (r["source_object"], r["record_id"])
        for part in parts
        if sum(part.rows.values())
        for r in rows(manifest, part, RECORDS)
    ]
    assert sorted(landed) == sorted([*(("ticket", str(n)) for n in range(1, 6)), ("ticket_event", "1")])
    assert [part.state["ticket"]["cursor"] for part in parts] == ["c2", "c4", "c5"]


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ({"id": 7, "role": "admin"}, "accepted as administrator"),
        ({"id": None, "role": "end-user"}, "anonymous visitor"),
        ({"id": 7, "role": "agent"}, "need an administrator"),
    ],
)
@pytest.mark.proves("Zendesk", "doctor")
def test_the_doctors_look_knows_an_administrator_from_others(user, words):
    vendor = FakeVendor(lambda _: reply({"user": user}))
    try:
        told = zendesk.probe(SOURCE, vendor.wire())
    except PermanentError as error:
        told = str(error)
    assert words in told
    assert len(vendor.requests) == 1
