"""The Slack message of an alert: Block Kit, text fallback and metadata, within Slack's limits.

Here: pure layout. Not here: sending it (`slack`), the weekly digest (`slack_digest`). Limits are Slack's own (block reference) but
for the total over all blocks, which is undocumented and was observed at about 13,200 characters (slackapi/bolt-js issue 2509); we
stay below.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from uam_platform.contracts.money import dollars

HEADER_LIMIT: Final = 150
SECTION_LIMIT: Final = 3000
FIELD_LIMIT: Final = 2000
TOTAL_LIMIT: Final = 13_000
TEXT_LIMIT: Final = 4000
EVENT_TYPE: Final = "uam_alert"

_FACT: Final = 600
_SUMMARY: Final = 2800
_ESCAPES: Final = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"))
_STATUS: Final = {"updated": "Updated", "reopened": "Back again", "resolved": "Resolved"}
Payload = Mapping[str, Any]


@dataclass(frozen=True)
class SlackMessage:
    """Arguments of chat.postMessage and chat.update beside channel and ts."""

    text: str
    blocks: list[dict[str, Any]]
    metadata: dict[str, Any]


def build(payload: Payload, idempotency_key: str) -> SlackMessage:
    """The message for one action.

    Args:
        payload: what `catalogue.plan` froze, with `status` and `as_of` from the ledger.
        idempotency_key: goes into the metadata, so that the message can be found again.
    """
    headline = _headline(payload)
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": cut(headline, HEADER_LIMIT), "emoji": False}},
        _fields(payload),
        section(escaped(payload["summary"], _SUMMARY)),
        section(_duty(payload)),
        {"type": "context", "elements": [{"type": "mrkdwn", "text": _footer(payload)}]},
    ]
    return SlackMessage(
        text=cut(escaped(f"{headline}. {one_line(payload['summary'])}", TEXT_LIMIT), TEXT_LIMIT),
        blocks=blocks,
        metadata={
            "event_type": EVENT_TYPE,
            "event_payload": {
                "id": idempotency_key,
                "fingerprint": payload["fingerprint"],
                "evidence_id": payload["evidence_id"],
                "as_of": payload["as_of"],
                "status": payload["status"],
            },
        },
    )


def _headline(payload: Payload) -> str:
    prefix = _STATUS.get(str(payload["status"]))
    title = one_line(payload["title"])
    return f"{prefix}: {title}" if prefix else title


def _fields(payload: Payload) -> dict[str, Any]:
    account = payload["account_name"] or payload["account_id"]
    named = payload["account_name"] is not None
    facts = [
        ("Account", f"{account} ({payload['account_id']})" if named else account),
        ("Owner", payload["owner_name"] or payload["owner_id"] or "nobody"),
        ("At risk", f"{dollars(payload['revenue_at_risk_usd_cents'])} of {dollars(payload['arr_usd_cents'])} a year"),
        ("Expected to save by acting", dollars(payload["expected_saved_usd_cents"])),
    ]
    return {"type": "section", "fields": [mrkdwn(fact(label, value)) for label, value in facts]}


def _duty(payload: Payload) -> str:
    facts = (("Follow-up", "follow_up"), ("Threshold", "threshold"), ("System to update", "system_to_update"))
    return "\n".join(fact(label, payload[name], separator=" ") for label, name in facts)


def _footer(payload: Payload) -> str:
    detector, evidence = escaped(payload["detector"], 100), escaped(payload["evidence_id"], 64)
    return f"Snapshot {payload['as_of']} · {detector} · evidence `{evidence}`"


def fact(label: str, value: object, separator: str = "\n") -> str:
    """A bold label and an escaped value."""
    return f"*{label}*{separator}{escaped(value, _FACT)}"


def section(text: str) -> dict[str, Any]:
    """A section block of one text."""
    return {"type": "section", "text": mrkdwn(text)}


def mrkdwn(text: str) -> dict[str, Any]:
    """A text object in Slack's markup."""
    return {"type": "mrkdwn", "text": text}


def escaped(value: object, limit: int) -> str:
    """One line with &, < and > escaped, at most `limit` characters after escaping; no entity is cut in two."""
    parts: list[str] = []
    length = 0
    for character in one_line(value):
        shown = next((e for plain, e in _ESCAPES if plain == character), character)
        if length + len(shown) > limit - 1:
            return "".join(parts).rstrip() + "…"
        parts.append(shown)
        length += len(shown)
    return "".join(parts)


def one_line(value: object) -> str:
    """The value in one line, never empty."""
    return " ".join(str(value).split()) or "–"  # Slack refuses empty texts


def cut(text: str, limit: int) -> str:
    """At most `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
