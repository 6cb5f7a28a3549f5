"""News of an alert in the thread of its Slack message: an edit in place tells nobody, an answer does.

Here: which changes are news, and what the answer says. Not here: sending it (`slack`), the message itself (`slack_message`).
"""

from collections.abc import Mapping
from typing import Any, Final

from uam_platform.playbooks import issue
from uam_platform.playbooks.slack_message import EVENT_TYPE, TEXT_LIMIT, escaped

NEWS: Final = frozenset({"reopened", "resolved"})
"""A refreshed figure is not worth a notification."""


def is_news(kind: str, payload: Mapping[str, Any]) -> bool:
    """Whether an action is told in the thread beside the edit."""
    return kind != "post" and payload.get("status") in NEWS


def answer(payload: Mapping[str, Any], idempotency_key: str) -> dict[str, Any]:
    """Content of the answer; its metadata carries the action's key."""
    told = {"id": idempotency_key, "as_of": payload["as_of"], "status": payload["status"]}
    return {
        "text": escaped(issue.change(payload), TEXT_LIMIT),
        "metadata": {"event_type": EVENT_TYPE, "event_payload": told},
    }
