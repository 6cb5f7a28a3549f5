"""Zendesk's incremental exports over HTTP."""

import json
import os
from pathlib import Path
from typing import Any

import httpx
import pytest

from uam_platform.simulation.sandbox import server
from uam_platform.simulation.sandbox.server import Running
from uam_platform_tests.sandbox.tiny_company import END, START

START_S = int(START.timestamp())


def get(sandbox: Running, path: str, **params: Any) -> httpx.Response:
    env = sandbox.credentials
    auth = (f"{env['UAM_ZENDESK_EMAIL']}/token", env["UAM_ZENDESK_API_TOKEN"])
    url = path if path.startswith("http") else f"{env['UAM_ZENDESK_BASE_URL']}/api/v2/{path}"
    return httpx.get(url, params=params or None, auth=auth, timeout=10)


def all_tickets(sandbox: Running, per_page: int) -> list[dict[str, Any]]:
    page = get(sandbox, "incremental/tickets/cursor.json", start_time=0, per_page=per_page).json()
    tickets = page["tickets"]
    while not page["end_of_stream"]:
        page = get(sandbox, "incremental/tickets/cursor.json", cursor=page["after_cursor"], per_page=per_page).json()
        tickets += page["tickets"]
    return tickets


@pytest.mark.parametrize("per_page", [1, 2, 3, 1000])
def test_cursor_pages_hold_every_ticket_once_whatever_their_size(sandbox: Running, per_page: int) -> None:
    assert [ticket["id"] for ticket in all_tickets(sandbox, per_page)] == [1, 2, 3, 4, 5, 6]


def test_the_newest_minute_is_withheld(sandbox: Running) -> None:
    assert 7 not in [ticket["id"] for ticket in all_tickets(sandbox, 1000)]


def test_the_last_cursor_starts_the_next_run_where_this_one_ended(sandbox: Running) -> None:
    last = get(sandbox, "incremental/tickets/cursor.json", start_time=0).json()["after_cursor"]
    page = get(sandbox, "incremental/tickets/cursor.json", cursor=last).json()
    assert (page["tickets"], page["end_of_stream"], page["after_cursor"]) == ([], True, last)


@pytest.mark.parametrize("start_time", [None, "soon", str(int(END.timestamp()) - 5)])
def test_a_bad_start_time_is_unprocessable(sandbox: Running, start_time: str | None) -> None:
    params = {"start_time": start_time} if start_time else {}
    answer = get(sandbox, "incremental/tickets/cursor.json", **params)
    assert (answer.status_code, answer.json()["error"]) == (422, "InvalidValue")


def test_a_wrong_token_is_not_authenticated(sandbox: Running) -> None:
    url = f"{sandbox.credentials['UAM_ZENDESK_BASE_URL']}/api/v2/incremental/tickets/cursor.json?start_time=0"
    answer = httpx.get(url, auth=("someone/token", "wrong"))
    assert (answer.status_code, answer.json()) == (401, {"error": "Couldn't authenticate you"})


def test_sideloads_hold_what_the_page_refers_to(sandbox: Running) -> None:
    include = "users,organizations,metric_sets"
    page = get(sandbox, "incremental/tickets/cursor.json", start_time=0, include=include).json()
    assert [user["id"] for user in page["users"]] == [900]
    assert [item["external_id"] for item in page["organizations"]] == ["acc_00001"]
    metrics = {item["ticket_id"]: item for item in page["metric_sets"]}
    assert (metrics[1]["reopens"], metrics[1]["solved_at"]) == (1, "2025-01-06T00:10:00Z")
    assert (metrics[5]["reopens"], metrics[5]["solved_at"]) == (0, None)


def test_time_pages_repeat_the_boundary_second_and_end(sandbox: Running) -> None:
    seen: list[list[int]] = []
    page = get(sandbox, "incremental/organizations.json", start_time=0, per_page=1).json()
    while True:
        seen.append([item["id"] for item in page["organizations"]])
        if page["end_of_stream"]:
            break
        assert len(seen) < 10
        page = get(sandbox, page["next_page"]).json()
    assert seen[0] == [50]
    assert sorted({key for keys in seen for key in keys}) == [50, 51, 52]


def test_a_time_page_is_never_cut_inside_a_second(sandbox: Running) -> None:
    page = get(sandbox, "incremental/tickets.json", start_time=START_S + 3 * 3600, per_page=1).json()
    assert [ticket["id"] for ticket in page["tickets"]] == [3, 4]
    assert (page["count"], page["end_time"]) == (2, START_S + 3 * 3600)
    assert page["next_page"].endswith(f"start_time={START_S + 3 * 3600 + 1}")


def test_a_reopen_is_told_by_events_and_by_audits(sandbox: Running) -> None:
    page = get(sandbox, "incremental/ticket_events.json", start_time=0, include="comment_events").json()
    events = page["ticket_events"]
    assert [(e["ticket_id"], e["via"]) for e in events] == [
        (1, "Web form"), (1, "Web form"), (1, "Web form"), (2, "Web form"), (2, "Web form"),
    ]  # fmt: skip
    reopen = events[2]["child_events"][0]
    assert (reopen["status"], reopen["previous_value"]) == ("open", "solved")
    audits = get(sandbox, "tickets/1/audits.json").json()["audits"]
    changes = [(e["previous_value"], e["value"]) for audit in audits for e in audit["events"] if e["type"] == "Change"]
    assert changes == [("open", "solved"), ("solved", "open")]
    assert {audit["id"] for audit in audits} == {event["id"] for event in events if event["ticket_id"] == 1}


def test_comments_come_only_when_asked_for(sandbox: Running) -> None:
    bare = get(sandbox, "incremental/ticket_events.json", start_time=0).json()["ticket_events"][0]
    full = get(sandbox, "incremental/ticket_events.json", start_time=0, include="comment_events").json()[
        "ticket_events"
    ][0]
    assert [child["event_type"] for child in bare["child_events"]] == ["Create"]
    assert [child["event_type"] for child in full["child_events"]] == ["Create", "Comment"]
    assert (full["child_events"][1]["body"], full["child_events"][1]["public"]) == ("Please <help>", True)


def test_tags_are_a_list_in_a_change(sandbox: Running) -> None:
    events = get(sandbox, "incremental/ticket_events.json", start_time=0).json()["ticket_events"]
    assert events[-1]["child_events"][0]["tags"] == ["billing", "urgent"]


def test_audits_of_an_unknown_ticket_are_not_found(sandbox: Running) -> None:
    answer = get(sandbox, "tickets/99/audits.json")
    assert (answer.status_code, answer.json()["error"]) == (404, "RecordNotFound")


def test_users_are_exported_by_cursor(sandbox: Running) -> None:
    page = get(sandbox, "incremental/users/cursor.json", start_time=0, per_page=2).json()
    rest = get(sandbox, "incremental/users/cursor.json", cursor=page["after_cursor"]).json()
    assert [user["external_id"] for user in page["users"] + rest["users"]] == ["u_0", "u_1", "u_2"]


def test_the_eleventh_export_call_in_a_minute_is_throttled(company: Path, tmp_path: Path) -> None:
    with server.running(company, tmp_path) as strict:
        answers = [get(strict, "incremental/tickets/cursor.json", start_time=0) for _ in range(11)]
        audits = get(strict, "tickets/1/audits.json")
    header = "zendesk-ratelimit-incremental-exports"
    assert [answer.status_code for answer in answers] == [200] * 10 + [429]
    assert answers[0].headers[header].startswith("total=10; remaining=9; resets=")
    assert 1 <= int(answers[10].headers["retry-after"]) <= 60
    assert audits.status_code == 200


@pytest.mark.skipif("UAM_VENDOR_SAMPLES" not in os.environ, reason="UAM_VENDOR_SAMPLES names no folder of recordings")
@pytest.mark.parametrize(
    ("file", "endpoint", "path", "items"),
    [
        ("tickets", "/api/v2/incremental/tickets", "incremental/tickets.json", "tickets"),
        ("users", "/api/v2/incremental/users/cursor", "incremental/users/cursor.json", "users"),
        ("organizations", "/api/v2/incremental/organizations", "incremental/organizations.json", "organizations"),
    ],
)
def test_answers_have_the_keys_of_recorded_ones(
    sandbox: Running, file: str, endpoint: str, path: str, items: str
) -> None:
    recording = json.loads((Path(os.environ["UAM_VENDOR_SAMPLES"]) / f"zendesk/nango/{file}.json").read_text())
    recorded = recording["interactions"]["get"][endpoint]
    recorded = (recorded[0] if isinstance(recorded, list) else recorded)["response"]
    ours = get(sandbox, path, start_time=0).json()
    assert set(ours) == set(recorded)
    assert set(ours[items][0]) == set(recorded[items][0])
