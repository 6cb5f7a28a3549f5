"""What the vendors' clients mean: who acted, in which workspace, when, and by which id a repeat is recognised."""

from typing import Any

import pytest

from uam_platform.connectors.collected_events import in_segments_shape
from uam_platform.connectors.collected_vendors import epoch_text

RECEIVED = "2025-02-01T12:00:00.000000Z"


def read(dialect: str, body: Any, sent_at: str | None = None, side: str = "client") -> dict[str, Any]:
    line = {
        "source": "web",
        "side": side,
        "dialect": dialect,
        "received_at": RECEIVED,
        "sent_at": sent_at,
        "body": body,
    }
    found = in_segments_shape(line)
    return {name: value for name, value in found.items() if value not in (None, {}, {"groupId": None})}


def posthog(
    event: str, distinct_id: str = "u1", top: dict[str, Any] | None = None, **properties: Any
) -> dict[str, Any]:
    properties = {name.replace("__", "$"): value for name, value in properties.items()}
    return read("posthog", {"event": event, "distinct_id": distinct_id, "properties": properties, **(top or {})})


def amplitude(event_type: str, **fields: Any) -> dict[str, Any]:
    return read("amplitude", {"event_type": event_type, **fields})


def mixpanel(event: str, **properties: Any) -> dict[str, Any]:
    properties = {name.replace("__", "$"): value for name, value in properties.items()}
    return read("mixpanel", {"event": event, "properties": properties})


def ids(event: dict[str, Any]) -> tuple[Any, ...]:
    return event["type"], event.get("userId"), event.get("anonymousId"), event.get("previousId")


@pytest.mark.parametrize(
    ("event", "wanted"),
    [
        (posthog("e", "u1"), ("track", "u1", None, None)),
        (posthog("e", "u1", __device_id="d1", __is_identified=True), ("track", "u1", "d1", None)),
        (posthog("e", "d1", __device_id="d1", __is_identified=False), ("track", None, "d1", None)),
        (posthog("e", "d1", __device_id="d1"), ("track", None, "d1", None)),
        (posthog("$pageview", "u1", __pathname="/a"), ("page", "u1", None, None)),
        (posthog("$identify", "u1", __anon_distinct_id="d1"), ("identify", "u1", "d1", None)),
        (posthog("$create_alias", "user", alias="old"), ("alias", "user", None, "old")),
        (posthog("$create_alias", "old", alias="user", __lib="posthog-python"), ("alias", "user", None, "old")),
        (posthog("$create_alias", "d1", alias="user", __device_id="d1"), ("alias", "user", None, "d1")),
        (posthog("$groupidentify", "$company_ws1", __group_type="company", __group_key="ws1"), ("group", None, None, None)),
        (posthog("$groupidentify", "u1", __group_type="company", __group_key="ws1"), ("group", "u1", None, None)),
        (amplitude("e", user_id="u1", device_id="d1"), ("track", "u1", "d1", None)),
        (amplitude("e", device_id="d1"), ("track", None, "d1", None)),
        (amplitude("$identify", user_id="u1", device_id="d1"), ("identify", "u1", "d1", None)),
        (amplitude("[Amplitude] Page Viewed", user_id="u1"), ("page", "u1", None, None)),
        (mixpanel("e", distinct_id="u1"), ("track", "u1", None, None)),
        (mixpanel("e", distinct_id="$device:d1"), ("track", None, "d1", None)),
        (mixpanel("e", distinct_id="d1", __device_id="d1"), ("track", None, "d1", None)),
        (mixpanel("e", distinct_id="u1", __user_id="u1", __device_id="d1"), ("track", "u1", "d1", None)),
        (mixpanel("$create_alias", distinct_id="user", alias="old"), ("alias", "user", None, "old")),
        (mixpanel("$merge", __distinct_ids=["user", "old"]), ("alias", "user", None, "old")),
        (mixpanel("$identify", __identified_id="user", __anon_id="d1"), ("identify", "user", "d1", None)),
        (read("mixpanel_profile", {"$distinct_id": "u1", "$set": {"$email": "a@b.example"}}), ("identify", "u1", None, None)),
        (read("segment_webhook", {"type": "alias", "Previous ID": "p", "User ID": "u"}), ("alias", "u", None, "p")),
    ],
)  # fmt: skip
def test_who_acted(event: dict[str, Any], wanted: tuple[Any, ...]) -> None:
    assert ids(event) == wanted


def test_the_workspace_is_the_group_of_a_known_type_else_the_first_one() -> None:
    groups = {"team": "t1", "company": ["ws1", "ws2"]}
    assert posthog("e", __groups={"company": "ws1"})["context"]["groupId"] == "ws1"
    assert amplitude("e", user_id="u", groups=groups)["context"]["groupId"] == "ws1"
    assert amplitude("e", user_id="u", groups={"team": "t1"})["context"]["groupId"] == "t1"
    assert mixpanel("e", distinct_id="u", company_id=7)["context"]["groupId"] == "7"
    assert (
        amplitude("$groupidentify", groups={"company": "ws1"}, group_properties={"$set": {"a": 1}})["groupId"] == "ws1"
    )


@pytest.mark.proves("Segment's API", "repeats count once")
@pytest.mark.proves("PostHog's API", "repeats count once")
@pytest.mark.proves("Amplitude's API", "repeats count once")
@pytest.mark.proves("Mixpanel's API", "repeats count once")
def test_a_repeat_is_recognised_by_what_each_vendor_recognises_it_by() -> None:
    assert posthog("e", top={"uuid": "x"})["messageId"] == "web/x"
    assert amplitude("e", user_id="u1", device_id="d1", insert_id="x")["messageId"] == "web/d1/x"
    assert mixpanel("e", distinct_id="u1", time=5, __insert_id="x")["messageId"] == "web/e/u1/5/x"
    assert "messageId" not in mixpanel("e", distinct_id="u1", time=5)


def test_the_time_is_the_clients_else_an_age_before_receipt_else_the_receipt() -> None:
    at = "2025-02-01T11:00:00Z"
    told = read("posthog", {"event": "e", "distinct_id": "u", "timestamp": at}, sent_at="2025-02-01T11:00:05Z")
    assert (told["originalTimestamp"], told["sentAt"], told["receivedAt"]) == (at, "2025-02-01T11:00:05Z", RECEIVED)
    aged = posthog("e", top={"offset": 90_000})
    assert aged["timestamp"] == aged["originalTimestamp"] == "2025-02-01T11:58:30.000000Z"
    silent = posthog("e")
    assert (silent["timestamp"], silent.get("originalTimestamp")) == (RECEIVED, None)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1738411200, "2025-02-01T12:00:00.000000Z"),
        (1738411200123, "2025-02-01T12:00:00.123000Z"),
        ("1738411200", "2025-02-01T12:00:00.000000Z"),
        ("2025-02-01", "2025-02-01"),
        ("yesterday", "yesterday"),
        (10**30, str(10**30)),
        (True, None),
        (None, None),
    ],
)
def test_epoch_times_are_read_in_seconds_and_milliseconds_and_others_left_for_staging(
    value: Any, text: str | None
) -> None:
    assert epoch_text(value) == text


def test_traits_reach_the_place_where_identity_reads_them() -> None:
    assert posthog("$identify", __set={"$email": "a@b.example"})["traits"]["email"] == "a@b.example"
    said = amplitude("$identify", user_id="u", user_properties={"$set": {"email": "a@b.example"}, "role": "admin"})
    assert said["traits"] == {"email": "a@b.example", "role": "admin"}


def test_the_side_is_that_of_the_key() -> None:
    assert read("segment", {"type": "track", "channel": "server"})["channel"] == "client"
    assert read("segment", {"type": "track", "channel": "client"}, side="server")["channel"] == "server"
