"""Faults on demand: what a client sees, and what nevertheless happened."""

from typing import Any

import httpx
import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from uam_platform.simulation.sandbox import server
from uam_platform.simulation.sandbox.faults import Fault, FaultPlan
from uam_platform.simulation.sandbox.server import Running
from uam_platform_tests.sandbox.test_salesforce import sign_in
from uam_platform_tests.sandbox.test_segment_archive import ROOT, files, s3
from uam_platform_tests.sandbox.test_zendesk import all_tickets, get
from uam_platform_tests.sandbox.tiny_company import START

TICKETS = "incremental/tickets/cursor.json"


def spoil(sandbox: Running, match: str, kind: str, **more: Any) -> None:
    httpx.post(f"{sandbox.url}/_faults", json={"match": match, "kind": kind, **more}).raise_for_status()


def post(sandbox: Running, channel: str) -> Any:
    env = sandbox.credentials
    client = WebClient(
        token=env["UAM_SLACK_BOT_TOKEN"], base_url=env["UAM_SLACK_BASE_URL"], retry_handlers=[], timeout=1
    )
    return client.chat_postMessage(channel=channel, text="x")


def recorded(sandbox: Running, channel: str) -> int:
    return sum(item["channel"] == channel for item in sandbox.recorded("slack"))


def test_a_fault_runs_out_after_its_times(sandbox: Running) -> None:
    spoil(sandbox, "/zendesk", "500", times=2, after=1)
    assert [get(sandbox, TICKETS, start_time=0).status_code for _ in range(4)] == [200, 500, 500, 200]


def test_throttling_comes_with_and_without_retry_after(sandbox: Running) -> None:
    spoil(sandbox, "/zendesk", "429", seconds=7)
    spoil(sandbox, "/zendesk", "429_no_retry_after")
    answers = [get(sandbox, TICKETS, start_time=0) for _ in range(2)]
    assert [(a.status_code, a.headers.get("retry-after")) for a in answers] == [(429, "7"), (429, None)]


def test_salesforce_throttles_with_403_and_expires_sessions_with_401(sandbox: Running) -> None:
    headers = {"Authorization": f"Bearer {sign_in(sandbox).json()['access_token']}"}
    url = f"{sandbox.credentials['UAM_SALESFORCE_BASE_URL']}/services/data/v60.0/query?q=SELECT Id FROM User"
    spoil(sandbox, "/salesforce/services/data", "429_no_retry_after")
    spoil(sandbox, "/salesforce/services/data", "expired_token")
    answers = [httpx.get(url, headers=headers) for _ in range(3)]
    assert [a.status_code for a in answers] == [403, 401, 200]
    codes = [a.json()[0]["errorCode"] for a in answers[:2]]
    assert codes == ["REQUEST_LIMIT_EXCEEDED", "INVALID_SESSION_ID"]


def test_a_500_before_the_commit_leaves_nothing_and_one_after_it_leaves_the_message(sandbox: Running) -> None:
    for kind, count in (("500", 0), ("500_after_commit", 1)):
        spoil(sandbox, "/slack/api/chat.postMessage", kind)
        channel = f"C0FAULT{count}000"
        with pytest.raises(SlackApiError) as caught:
            post(sandbox, channel)
        assert caught.value.response.status_code == 500
        assert recorded(sandbox, channel) == count


def test_an_error_can_hide_behind_http_200(sandbox: Running) -> None:
    spoil(sandbox, "/slack", "200_error")
    with pytest.raises(SlackApiError) as caught:
        post(sandbox, "C0FAULT2000")
    assert (caught.value.response.status_code, caught.value.response["error"]) == (200, "internal_error")


def test_a_cut_body_breaks_the_client_after_the_message_was_taken(sandbox: Running) -> None:
    env = sandbox.credentials
    spoil(sandbox, "/slack", "cut_body")
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.post(
            f"{env['UAM_SLACK_BASE_URL']}chat.postMessage",
            json={"channel": "C0FAULT3000", "text": "x"},
            headers={"Authorization": f"Bearer {env['UAM_SLACK_BOT_TOKEN']}"},
        )
    assert recorded(sandbox, "C0FAULT3000") == 1


def test_a_timeout_outlasts_the_client_and_does_nothing(sandbox: Running) -> None:
    spoil(sandbox, "/slack", "timeout", seconds=3)
    with pytest.raises(TimeoutError):
        post(sandbox, "C0FAULT4000")
    assert recorded(sandbox, "C0FAULT4000") == 0


def test_a_slow_answer_is_still_right(sandbox: Running) -> None:
    spoil(sandbox, "/zendesk", "slow", seconds=0.3)
    answer = get(sandbox, TICKETS, start_time=0)
    assert answer.elapsed.total_seconds() > 0.25
    assert len(answer.json()["tickets"]) == 6


def test_an_empty_page_is_not_the_end(sandbox: Running) -> None:
    spoil(sandbox, "/zendesk/api/v2/incremental/tickets", "empty_page", after=1)
    assert [ticket["id"] for ticket in all_tickets(sandbox, 2)] == [1, 2, 3, 4, 5, 6]
    headers = {"Authorization": f"Bearer {sign_in(sandbox).json()['access_token']}"}
    base = sandbox.credentials["UAM_SALESFORCE_BASE_URL"]
    spoil(sandbox, "/salesforce/services/data", "empty_page")
    page = httpx.get(
        f"{base}/services/data/v60.0/query", params={"q": "SELECT Id FROM Contract"}, headers=headers
    ).json()
    assert (page["records"], page["done"]) == ([], False)
    assert len(httpx.get(base + page["nextRecordsUrl"], headers=headers).json()["records"]) == 3


def test_an_empty_listing_of_the_archive_does_not_lose_a_file(sandbox: Running) -> None:
    spoil(sandbox, "/acme-segment", "empty_page")
    assert len(files(s3(sandbox))) == 6


def test_an_archive_file_can_be_cut_or_refused(sandbox: Running) -> None:
    fs = s3(sandbox)
    path = files(fs)[0].path
    for kind in ("cut_body", "429", "500", "expired_token"):
        spoil(sandbox, f"/{path}", kind, method="GET")
        with pytest.raises(OSError, match=r"(?s).+"), fs.open_input_file(path) as file:
            file.read()
    assert fs.open_input_file(path).read(2) == b"\x1f\x8b"
    assert path.startswith(ROOT)


def test_faults_do_not_touch_the_control_paths_and_can_be_cleared(sandbox: Running) -> None:
    spoil(sandbox, "/", "500", times=50)
    assert httpx.get(f"{sandbox.url}/healthz").status_code == 200
    assert httpx.get(f"{sandbox.url}/_faults").json()[0]["times"] == 50
    assert httpx.delete(f"{sandbox.url}/_faults").json() == []
    assert get(sandbox, TICKETS, start_time=0).status_code == 200


@pytest.mark.parametrize(
    "body", ["{", '{"kind": "500"}', '{"match": "/", "kind": "meteor"}', '{"match": "/", "kind": "500", "x": 1}', "[1]"]
)
def test_an_unusable_fault_is_refused(sandbox: Running, body: str) -> None:
    assert httpx.post(f"{sandbox.url}/_faults", content=body).status_code == 400
    assert httpx.get(f"{sandbox.url}/_faults").json() == []


def test_a_plan_can_be_given_at_the_start(company: Any, tmp_path: Any) -> None:
    plan = FaultPlan([Fault("/zendesk", "429", times=1)])
    with server.running(company, tmp_path, plan) as strict:
        assert [get(strict, TICKETS, start_time=0).status_code for _ in range(2)] == [429, 200]


def test_an_unknown_destination_is_told_the_known_ones(sandbox: Running) -> None:
    answer = httpx.get(f"{sandbox.url}/_received/pager")
    assert answer.status_code == 404
    assert "slack, salesforce" in answer.json()["error"]


def test_a_signed_write_is_refused_by_the_archive(sandbox: Running) -> None:
    with pytest.raises(OSError, match=r"(?i)access|denied"), s3(sandbox).open_output_stream(f"{ROOT}/new.gz") as out:
        out.write(b"x")


def test_a_company_folder_that_is_none_is_named(tmp_path: Any) -> None:
    with pytest.raises(FileNotFoundError, match=r"world\.json"):
        server.create_app(tmp_path, tmp_path / "state")


def test_nothing_younger_than_the_sandbox_clock_is_served(company: Any, tmp_path: Any) -> None:
    noon_of_second_day = int(START.timestamp()) + 36 * 3600
    with server.running(company, tmp_path, now=noon_of_second_day) as early:
        assert len(files(s3(early))) == 2
        assert len(all_tickets(early, 1000)) == 6
    with server.running(company, tmp_path, now=int(START.timestamp()) + 2 * 3600 + 61) as earlier:
        with pytest.raises(FileNotFoundError):  # a bucket without a key under the prefix has no such folder
            files(s3(earlier))
        assert [ticket["id"] for ticket in all_tickets(earlier, 1000)] == [1, 2]
