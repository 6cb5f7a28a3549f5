"""Slack as a destination: one attempt, its outcome class, and looking up what arrived.

Here: Slack's answers. Not here: layout (`slack_message`), pacing and retries (`deliver`).

Slack has no idempotency key. So a message carries ours in its metadata; an unclear outcome is looked up in the channel's history before
anything is sent again. The SDK's own retries must be off: its default handler repeats a post after a dropped connection, which
may have been accepted.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.error import URLError

from uam_platform.ledger.outbox import OutboxAction
from uam_platform.playbooks import slack_digest, slack_message, slack_thread
from uam_platform.playbooks.destination import Lookup, Outcome, Presence, Result, Scope

if TYPE_CHECKING:
    from slack_sdk.errors import SlackApiError
    from slack_sdk.web.client import WebClient

TRANSIENT_ERRORS: Final = frozenset({"request_timeout"})
"""The request was cut on its way in, so nothing was done."""
THROTTLED_ERRORS: Final = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
UNCLEAR_ERRORS: Final = frozenset({"internal_error", "fatal_error", "service_unavailable", "team_added_to_org"})
"""Slack documents that part of the call may have succeeded before an internal or fatal error."""
TARGET_ERRORS: Final = frozenset(
    "channel_not_found not_in_channel is_archived restricted_action restricted_action_read_only_channel "
    "restricted_action_non_threadable_channel messages_tab_disabled".split()
)
DESTINATION_ERRORS: Final = frozenset(
    "invalid_auth not_authed token_revoked token_expired account_inactive missing_scope no_permission not_allowed_token_type "
    "access_denied org_login_required ekm_access_denied team_access_not_granted two_factor_setup_required accesslimited".split()
)
NO_THREADS: Final = frozenset({"restricted_action_non_threadable_channel", "restricted_action_thread_locked"})
"""The message is edited, and an answer is not allowed: that has to do."""
_PAGE_SIZE: Final = 200
_MAX_PAGES: Final = 50
_NEVER_SENT: Final = (ConnectionRefusedError,)
_REF: Final = re.compile(r"(?P<channel>[^/]+)/(?P<ts>\d+\.\d+)")


class SlackDestination:
    """Slack behind the `Destination` protocol.

    Args:
        client: a slack_sdk WebClient, e.g. from dagster-slack's resource; its retry handlers are removed.
    """

    def __init__(self, client: "WebClient") -> None:
        client.retry_handlers.clear()
        self._client = client

    def deliver(self, action: OutboxAction, now: datetime) -> Outcome:
        """See `deliver`."""
        return deliver(self._client, action, now)

    def reconcile(self, action: OutboxAction) -> Lookup:
        """See `reconcile`."""
        return reconcile(self._client, action)


def deliver(client: "WebClient", action: OutboxAction, now: datetime) -> Outcome:
    """Post a message, or edit the one posted before, once.

    Args:
        client: slack_sdk WebClient without retry handlers.
        action: the claimed action; an update names its message as "channel/ts".
        now: unused by Slack, which stamps messages itself.

    Returns:
        SENT with "channel/ts"; a rejection by class; UNKNOWN for time-outs, dropped connections, 5xx and unreadable answers.
    """
    from slack_sdk.errors import SlackApiError

    layout = slack_digest if action.payload.get("layout") == slack_digest.LAYOUT else slack_message
    message = layout.build(action.payload, action.idempotency_key)
    content: dict[str, Any] = {"text": message.text, "blocks": message.blocks, "metadata": message.metadata}
    try:
        if action.kind != "post":
            return _edited(client, action, content)
        answer = client.chat_postMessage(channel=action.target, unfurl_links=False, unfurl_media=False, **content)
    except SlackApiError as error:
        return _refused(error)
    except Exception as error:
        return _broken(error)
    return _accepted(answer)


def _edited(client: "WebClient", action: OutboxAction, content: Mapping[str, Any]) -> Outcome:
    """Edit the message in place; news is told in its thread as well, last, unless it is there already."""
    from slack_sdk.errors import SlackApiError

    channel, ts = _parts(action.message_ref)
    is_news = slack_thread.is_news(action.kind, action.payload)
    if is_news:
        look = reconcile(client, action)
        if look.presence is Presence.FOUND:
            return Outcome(Result.SENT, external_ref=look.external_ref)
        if look.presence is Presence.UNDECIDED:  # nothing was changed
            pause, word = look.retry_after_seconds, look.error
            return Outcome(Result.TRANSIENT, error=word, retry_after_seconds=pause, is_throttled=look.is_throttled)
    answer = client.chat_update(channel=channel, ts=ts, **content)
    if is_news:
        told = slack_thread.answer(action.payload, action.idempotency_key)
        try:
            client.chat_postMessage(channel=channel, thread_ts=ts, unfurl_links=False, unfurl_media=False, **told)
        except SlackApiError as error:
            refused = _refused(error)
            if refused.error not in NO_THREADS:
                return refused
    return _accepted(answer)


def reconcile(client: "WebClient", action: OutboxAction) -> Lookup:
    """Look for the action's key in the metadata of the channel's messages, newest first; for news in those of its thread.

    The whole channel is read, up to 10,000 messages, rather than a time range: Slack's clock need not agree with ours, and a
    message overlooked would be sent twice. Scope `channels:history` is needed.

    Returns:
        FOUND; ABSENT if the channel was read to its end; otherwise UNDECIDED.
    """
    from slack_sdk.errors import SlackApiError

    channel, thread = _parts(action.message_ref) if action.message_ref else (action.target, "")
    is_news = slack_thread.is_news(action.kind, action.payload)
    try:
        for messages, is_last in _pages(client, channel, thread if is_news else None):
            for message in messages:
                if _key_of(message) == action.idempotency_key and (not is_news or message["ts"] != thread):
                    return Lookup(Presence.FOUND, f"{channel}/{thread if is_news else message['ts']}")
            if is_last:
                return Lookup(Presence.ABSENT)
    except SlackApiError as error:
        refused = _refused(error)
        return Lookup(
            Presence.UNDECIDED,
            error=refused.error,
            retry_after_seconds=refused.retry_after_seconds,
            is_throttled=refused.is_throttled,
        )
    except Exception as error:
        return Lookup(Presence.UNDECIDED, error=_short(error))
    return Lookup(Presence.UNDECIDED, error="history longer than what is read")


def _pages(client: "WebClient", channel: str, thread: str | None) -> Iterator[tuple[list[dict[str, Any]], bool]]:
    cursor = ""
    for _ in range(_MAX_PAGES):
        arguments: dict[str, Any] = {"channel": channel, "include_all_metadata": True, "limit": _PAGE_SIZE}
        arguments |= {"cursor": cursor} if cursor else {}
        answer: Any = (
            client.conversations_replies(ts=thread, **arguments)
            if thread
            else client.conversations_history(**arguments)
        )
        following = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
        has_more = bool(answer.get("has_more")) or bool(following)
        yield list(answer.get("messages") or []), not has_more
        if not has_more:
            return
        if not following or following == cursor:
            raise ValueError("history page without a way on")
        cursor = following


def _accepted(answer: Any) -> Outcome:
    ts, channel = answer.get("ts"), answer.get("channel")
    if not ts or not channel:
        return Outcome(Result.UNKNOWN, error="accepted without ts")
    return Outcome(Result.SENT, external_ref=f"{channel}/{ts}")


def _refused(error: "SlackApiError") -> Outcome:
    status = int(getattr(error.response, "status_code", 0) or 0)
    data = getattr(error.response, "data", None)
    word = str(data.get("error", "")) if isinstance(data, Mapping) else ""
    if status == 429 or word in THROTTLED_ERRORS:
        pause = _retry_after(getattr(error.response, "headers", None) or {})
        return Outcome(Result.TRANSIENT, error=word or "429", retry_after_seconds=pause, is_throttled=True)
    if status >= 500 or status == 408 or word in UNCLEAR_ERRORS:
        return Outcome(Result.UNKNOWN, error=_word(word, status))
    if word in TRANSIENT_ERRORS:
        return Outcome(Result.TRANSIENT, error=word)
    if not re.fullmatch(r"[a-z0-9_]+", word):  # no answer of Slack's: a cut body, a proxy's page
        clear = 400 <= status < 500
        return Outcome(Result.PERMANENT if clear else Result.UNKNOWN, error=_word("", status))
    return Outcome(Result.PERMANENT, error=word, scope=_scope(word))


def _scope(word: str) -> Scope:
    if word in DESTINATION_ERRORS:
        return Scope.DESTINATION
    return Scope.TARGET if word in TARGET_ERRORS else Scope.ACTION


def _broken(error: Exception) -> Outcome:
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, _NEVER_SENT):
        return Outcome(Result.TRANSIENT, error=_short(error))
    return Outcome(Result.UNKNOWN, error=_short(error))


def _retry_after(headers: Mapping[str, Any]) -> float | None:
    for name, value in headers.items():
        if name.lower() == "retry-after":
            text = str(value[0] if isinstance(value, list) else value)
            return float(text) if re.fullmatch(r"\d+(\.\d+)?", text) else None
    return None


def _key_of(message: Mapping[str, Any]) -> str | None:
    metadata = message.get("metadata") or {}
    if metadata.get("event_type") != slack_message.EVENT_TYPE:
        return None
    return str((metadata.get("event_payload") or {}).get("id"))


def _parts(reference: str | None) -> tuple[str, str]:
    found = _REF.fullmatch(reference or "")
    if found is None:
        raise ValueError(f"{reference!r} names no Slack message; expected channel/ts")
    return found["channel"], found["ts"]


def _word(word: str, status: int) -> str:
    return word if re.fullmatch(r"[a-z0-9_]+", word) else f"unreadable answer, HTTP {status}"


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]
