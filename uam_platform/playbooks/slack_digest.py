"""The Slack message of a review: figures, the first risks, what is overdue, where the pack lies.

Here: pure layout. Not here: what a review finds (`uam_platform.reviews`), sending it (`slack`), alerts (`slack_message`).
"""

from collections.abc import Mapping
from typing import Any, Final

from uam_platform.playbooks.slack_message import (
    EVENT_TYPE,
    HEADER_LIMIT,
    TEXT_LIMIT,
    SlackMessage,
    cut,
    escaped,
    fact,
    mrkdwn,
    one_line,
    section,
)

LAYOUT: Final = "review_digest"
"""Value of `layout` in the payload of such an action."""
_LINE: Final = 300
_MOST_FACTS: Final = 10
_MOST_LINES: Final = 8


def build(payload: Mapping[str, Any], idempotency_key: str) -> SlackMessage:
    """The message of one digest.

    Args:
        payload: title, as_of, facts (label, value), lines, footer.
        idempotency_key: goes into the metadata, so that the message can be found again.
    """
    title = one_line(payload["title"])
    facts = [mrkdwn(fact(label, value)) for label, value in payload["facts"][:_MOST_FACTS]]
    lines = "\n".join(f"• {escaped(line, _LINE)}" for line in payload["lines"][:_MOST_LINES]) or "Nothing is due."
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": cut(title, HEADER_LIMIT), "emoji": False}},
        {"type": "section", "fields": facts},
        section(lines),
        {"type": "context", "elements": [mrkdwn(escaped(payload["footer"], _LINE))]},
    ]
    shown = ", ".join(f"{label} {value}" for label, value in payload["facts"])
    return SlackMessage(
        text=cut(escaped(f"{title}. {shown}", TEXT_LIMIT), TEXT_LIMIT),
        blocks=blocks,
        metadata={
            "event_type": EVENT_TYPE,
            "event_payload": {"id": idempotency_key, "as_of": payload["as_of"], "status": LAYOUT},
        },
    )
