"""Slack's answers and the outcome class each of them means."""

from datetime import datetime
from typing import Any
from urllib.error import URLError

import pytest
from slack_sdk.errors import SlackApiError

from uam_platform.ledger.catalogue import plan
from uam_platform.ledger.outbox import OutboxAction
from uam_platform.playbooks.destination import Presence, Result, Scope
from uam_platform.playbooks.slack import deliver, reconcile
from uam_platform_tests.ledger.findings import CHANNEL, MONDAY, PLAYBOOKS, finding, morning
from uam_platform_tests.playbooks.fake_slack import Answer, FakeSlack

NOW: datetime = morning(MONDAY)


def action(key: str = "k1", kind: str = "post", ref: str | None = None) -> OutboxAction:
    payload = {**plan(finding(1), PLAYBOOKS)[0].payload, "status": "open", "as_of": "2025-06-02"}
    return OutboxAction(key, 1, 0, kind, "slack", CHANNEL, ref, payload, "alert1", MONDAY)


class Refusing(FakeSlack):
    """Answers every call with one error."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def _call(self, *_: Any) -> dict[str, Any]:
        raise self.error


def says(status: int, word: str, headers: dict[str, str] | None = None) -> SlackApiError:
    return SlackApiError("", Answer(status, {"ok": False, "error": word}, headers))


@pytest.mark.parametrize(
    ("error", "result", "scope"),
    [
        (says(200, "invalid_blocks"), Result.PERMANENT, Scope.ACTION),
        (says(200, "msg_blocks_too_long"), Result.PERMANENT, Scope.ACTION),
        (says(200, "a_word_never_seen"), Result.PERMANENT, Scope.ACTION),
        (says(200, "is_archived"), Result.PERMANENT, Scope.TARGET),
        (says(200, "not_in_channel"), Result.PERMANENT, Scope.TARGET),
        (says(200, "invalid_auth"), Result.PERMANENT, Scope.DESTINATION),
        (says(200, "missing_scope"), Result.PERMANENT, Scope.DESTINATION),
        (says(200, "ratelimited"), Result.TRANSIENT, Scope.ACTION),
        (says(200, "rate_limited"), Result.TRANSIENT, Scope.ACTION),
        (says(429, "Received a response in a non-JSON format: "), Result.TRANSIENT, Scope.ACTION),
        (says(200, "request_timeout"), Result.TRANSIENT, Scope.ACTION),
        (says(200, "internal_error"), Result.UNKNOWN, Scope.ACTION),
        (says(200, "fatal_error"), Result.UNKNOWN, Scope.ACTION),
        (says(200, "service_unavailable"), Result.UNKNOWN, Scope.ACTION),
        (says(500, "Received a response in a non-JSON format: <html>"), Result.UNKNOWN, Scope.ACTION),
        (says(200, 'Received a response in a non-JSON format: {"ok": tr'), Result.UNKNOWN, Scope.ACTION),
        (says(403, "Received a response in a non-JSON format: <html>"), Result.PERMANENT, Scope.ACTION),
        (TimeoutError("timed out"), Result.UNKNOWN, Scope.ACTION),
        (ConnectionResetError("reset"), Result.UNKNOWN, Scope.ACTION),
        (URLError(ConnectionResetError("reset")), Result.UNKNOWN, Scope.ACTION),
        (ConnectionRefusedError("refused"), Result.TRANSIENT, Scope.ACTION),
        (URLError(ConnectionRefusedError("refused")), Result.TRANSIENT, Scope.ACTION),
    ],
    ids=lambda v: str(v)[-40:].replace("\n", " ") if isinstance(v, Exception) else None,
)
@pytest.mark.proves("Slack", "authentication")
def test_an_answer_has_the_class_of_what_may_have_happened(error: Exception, result: Result, scope: Scope) -> None:
    outcome = deliver(Refusing(error), action(), NOW)
    assert (outcome.result, outcome.scope) == (result, scope)
    assert outcome.error


def test_the_pause_that_slack_asks_for_is_kept() -> None:
    assert deliver(Refusing(says(429, "ratelimited", {"retry-after": "7"})), action(), NOW).retry_after_seconds == 7.0
    assert deliver(Refusing(says(429, "ratelimited")), action(), NOW).retry_after_seconds is None


def test_an_acceptance_without_ts_is_unclear() -> None:
    class Silent(FakeSlack):
        def _call(self, *_: Any) -> dict[str, Any]:
            return {"ok": True}

    assert deliver(Silent(), action(), NOW).result is Result.UNKNOWN


@pytest.mark.proves("Slack", "update")
def test_an_update_edits_the_message_it_names() -> None:
    slack = FakeSlack()
    posted = deliver(slack, action(), NOW)
    assert posted.result is Result.SENT
    updated = deliver(slack, action("k2", "update", posted.external_ref), NOW)
    assert updated.external_ref == posted.external_ref
    assert len(slack.messages) == 1


def test_a_message_is_found_on_any_page_of_the_history() -> None:
    slack = FakeSlack(page_size=2)
    for number in range(5):
        deliver(slack, action(f"k{number}"), NOW)
    look = reconcile(slack, action("k0"))
    assert (look.presence, look.external_ref) == (Presence.FOUND, f"{CHANNEL}/{slack.messages[0]['ts']}")
    assert reconcile(slack, action("k9")).presence is Presence.ABSENT


@pytest.mark.parametrize(
    "error", [says(200, "missing_scope"), says(429, "ratelimited"), says(500, "<"), TimeoutError("timed out")]
)
def test_a_history_that_cannot_be_read_decides_nothing(error: Exception) -> None:
    assert reconcile(Refusing(error), action()).presence is Presence.UNDECIDED


def test_an_empty_page_in_the_middle_is_not_the_end() -> None:
    class Stalling(FakeSlack):
        def conversations_history(self, **arguments: Any) -> dict[str, Any]:
            if "cursor" not in arguments:
                return {"messages": [], "has_more": True, "response_metadata": {"next_cursor": "0"}}
            return super().conversations_history(**arguments)

    slack = Stalling()
    deliver(slack, action("k1"), NOW)
    assert reconcile(slack, action("k1")).presence is Presence.FOUND


def test_a_history_that_says_more_follows_without_a_way_on_decides_nothing() -> None:
    class Stuck(FakeSlack):
        def conversations_history(self, **arguments: Any) -> dict[str, Any]:
            return {"messages": [], "has_more": True}

    assert reconcile(Stuck(), action("k1")).presence is Presence.UNDECIDED
