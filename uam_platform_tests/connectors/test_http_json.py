"""One request: what is tried again, what is not, and what a person reads."""

import httpx
import pytest

from uam_platform.connectors.errors import PermanentError, TransientError
from uam_platform.connectors.http_json import JsonClient, retry_after
from uam_platform.connectors.retry import Retry
from uam_platform_tests.connectors.fakes import FakeVendor, quiet, reply

URL = "https://vendor.example/api/things"


def client_of(vendor: FakeVendor) -> JsonClient:
    return JsonClient(vendor.wire(), quiet, lambda status, body, where: None)


def get(vendor: FakeVendor):
    return client_of(vendor).get(URL, "vendor things", needs="things")


@pytest.mark.parametrize(
    "trouble",
    [
        reply({"error": "slow down"}, 429),
        reply({"error": "oops"}, 500),
        httpx.Response(200, text='{"things": [1, 2'),
        reply({"errors": [{"code": "InternalError"}]}),
        httpx.RemoteProtocolError("peer closed connection without sending complete message body"),
        httpx.ConnectTimeout("timed out"),
    ],
    ids=["throttled", "server error", "cut body", "error under status 200", "cut connection", "timeout"],
)
def test_a_passing_trouble_is_tried_again(trouble):
    vendor = FakeVendor(lambda request: reply({"things": [1]}), [trouble])
    assert get(vendor) == {"things": [1]}
    assert vendor.patience.waits == [1.0]


def test_waits_grow_and_the_last_failure_is_told():
    vendor = FakeVendor(lambda request: reply({"error": "down for maintenance"}, 503))
    with pytest.raises(TransientError, match=r"vendor things: status 503.*down for maintenance"):
        get(vendor)
    assert vendor.patience.waits == [1.0, 2.0, 4.0]
    assert len(vendor.requests) == 4


@pytest.mark.proves("Zendesk", "rate limits")
def test_the_vendors_own_waiting_time_is_kept():
    vendor = FakeVendor(lambda request: reply({"things": []}), [reply({}, 429, **{"retry-after": "37"})])
    get(vendor)
    assert vendor.patience.waits == [37.0]


def test_a_wait_has_an_upper_bound():
    waits: list[float] = []
    answers = [TransientError("a", "b", retry_after_seconds=86400.0)]

    def action() -> str:
        if answers:
            raise answers.pop()
        return "done"

    assert Retry(longest_wait_seconds=90, sleep=waits.append).call(action, quiet) == "done"
    assert waits == [90]


def test_retry_after_may_be_a_date_by_the_servers_clock():
    server_time = "Mon, 06 Jan 2025 00:00:00 GMT"
    assert retry_after("Mon, 06 Jan 2025 00:00:45 GMT", server_time) == 45.0
    assert retry_after("Mon, 06 Jan 2025 00:00:45 GMT", None) is None
    assert retry_after("soon", server_time) is None
    assert retry_after(None, server_time) is None


@pytest.mark.parametrize(
    ("status", "words"), [(401, "credentials"), (403, "rights"), (404, "base URL"), (301, "base URL")]
)
def test_a_refusal_is_told_once_with_what_to_do(status, words):
    vendor = FakeVendor(lambda request: reply({"error": "no"}, status))
    with pytest.raises(PermanentError, match=words):
        get(vendor)
    assert len(vendor.requests) == 1
    assert vendor.patience.waits == []


def test_requests_retries_and_bytes_are_counted():
    vendor = FakeVendor(lambda request: reply({"things": []}), [reply({}, 500)])
    client = client_of(vendor)
    client.get(URL, "vendor things", needs="things")
    assert client.counts == {"requests": 2, "retries": 1, "bytes": len('{"things": []}') + len("{}")}
