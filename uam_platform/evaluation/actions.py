"""Was every action done exactly once?

Here: what the destinations accepted against what the outbox says was sent. Not here: whether the alert was right (`alerts`).
An action is recognised by its idempotency key: in Slack the id in the message's metadata, in Salesforce the field that names the last
action, and the external id under which a task was created, in Jira the label of an issue and the last line
of a comment, in Linear the last line of either, in the exchange the envelope's id.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import pandas as pd

from uam_platform.evaluation.results import Row, Section, ratio
from uam_platform.evaluation.run_folder import RunFolder

SLACK: Final = "slack"
SALESFORCE: Final = "salesforce"
JIRA: Final = "jira"
LINEAR: Final = "linear"
EXCHANGE: Final = "exchange"
LAST_ACTION: Final = "Uam_Last_Action__c"
"""Field of the shipped rulebook, see `policy.playbooks.SalesforceFields`."""
POST: Final = "chat.postMessage"
_LABEL: Final = re.compile(r"uam-([0-9a-f]{8,64})")
_MARK: Final = re.compile(r"uam action (\w+)")
_TITLE: Final = "Actions: what the destinations received beside the outbox"
Call = Mapping[str, Any]


def section(run: RunFolder) -> Section:
    """Twins, losses and strays; one note where the run has no ledger or no destination was recorded."""
    outbox = run.outbox()
    if outbox is None:
        return Section("actions", _TITLE, (), "The run has no ledger.")
    received = {name: run.received(name) for name in (SLACK, SALESFORCE, JIRA, LINEAR, EXCHANGE)}
    if received[SLACK] is None:
        return Section("actions", _TITLE, (), "Nothing was recorded by the destination; give the sandbox's folder.")
    rows = compare(outbox, received[SLACK])
    if (outbox["destination"] == SALESFORCE).any():
        rows += compare_records(outbox, received[SALESFORCE] or [])
    for tracker in (JIRA, LINEAR):
        if (outbox["destination"] == tracker).any():
            rows += compare_issues(outbox, received[tracker] or [], tracker)
    if (outbox["destination"] == EXCHANGE).any():
        rows += compare_envelopes(outbox, received[EXCHANGE] or [])
    return Section("actions", _TITLE, tuple(rows))


def compare(outbox: pd.DataFrame, received: Sequence[Call]) -> list[Row]:
    """Rows about Slack.

    Args:
        outbox: idempotency_key, kind (post, update), destination, state.
        received: accepted calls: method and message, oldest first.
    """
    own = outbox[outbox["destination"] == SLACK]
    return _rows("", "messages", own, received, _action_of_message, [call["method"] == POST for call in received])


def compare_records(outbox: pd.DataFrame, received: Sequence[Call]) -> list[Row]:
    """Rows about Salesforce; the arguments are those of `compare`, with the accepted writes.

    A write that is repeated under its own key changes nothing there, so only a task created again would be a twin; context on an account
    creates nothing and counts as first written by its first write.
    """
    own = outbox[outbox["destination"] == SALESFORCE]
    posts = set(own.loc[own["kind"] == "post", "idempotency_key"])
    seen: set[str] = set()
    firsts = []
    for call in received:
        key = _action_of_record(call)
        firsts.append(bool(call["created"]) or (key in posts and key not in seen))
        seen.add(key)
    return _rows("Salesforce: ", "tasks and contexts", own, received, _action_of_record, firsts)


def compare_issues(outbox: pd.DataFrame, received: Sequence[Call], tracker: str = JIRA) -> list[Row]:
    """Rows about Jira or Linear; the arguments are those of `compare`, with the accepted writes.

    An issue made again and a comment told again are twins; edits and transitions change what is there and tell nothing of their own.
    """
    own = outbox[outbox["destination"] == tracker]
    told = [call for call in received if call["created"]]
    return _rows(f"{tracker.capitalize()}: ", "issues", own, told, _action_of_issue, [True] * len(told))


def compare_envelopes(outbox: pd.DataFrame, received: Sequence[Call]) -> list[Row]:
    """Rows about the exchange; the arguments are those of `compare`, with the envelopes that the receiver took."""
    own = outbox[outbox["destination"] == EXCHANGE]
    return _rows("Exchange: ", "envelopes", own, received, lambda call: str(call["id"]), [True] * len(received))


def _rows(
    prefix: str,
    what: str,
    own: pd.DataFrame,
    received: Sequence[Call],
    action_of: Callable[[Call], str],
    is_first: Sequence[bool],
) -> list[Row]:
    posts = Counter(action_of(call) for call, first in zip(received, is_first, strict=True) if first)
    seen = {action_of(call) for call in received}
    sent = own[own["state"] == "sent"]
    sent_posts = set(sent.loc[sent["kind"] == "post", "idempotency_key"])
    known = set(own["idempotency_key"])
    once = sum(posts[key] == 1 for key in sent_posts)
    lost = len(set(sent["idempotency_key"]) - seen)
    early = (seen & known) - set(sent["idempotency_key"])
    states = ", ".join(f"{state} {n}" for state, n in sorted(Counter(own["state"]).items())) or "empty"
    return [
        Row(
            f"{prefix}first {what} sent exactly once", ratio(once, len(sent_posts)), target="1",
            note=f"{once} of {len(sent_posts)}; outbox: {states}",
        ),
        Row(f"{prefix}twins", sum(n - 1 for key, n in posts.items() if key in known), unit="count", target="0",
            note="more than one of an action that was already there"),
        Row(f"{prefix}lost", lost, unit="count", note="marked as sent, never received", target="0"),
        Row(f"{prefix}unexpected", sum(n for key, n in posts.items() if key not in known), unit="count", target="0",
            note="received, but no action of this outbox"),
        Row(f"{prefix}arrived, not yet recorded as sent", len(early), unit="count",
            note="reconciled by the next delivery"),
    ]  # fmt: skip


def _action_of_message(call: Call) -> str:
    metadata = call["message"].get("metadata") or {}
    return str((metadata.get("event_payload") or {}).get("id", ""))


def _action_of_record(call: Call) -> str:
    if call["created"]:
        return str(call["external_id"])
    return str(call["fields"].get(LAST_ACTION, call["external_id"]))


def _action_of_issue(call: Call) -> str:
    """Key of the action that made an issue or a comment, from its label or last line."""
    labels = call["fields"].get("labels", ()) if call["object"] == "issue" else ()
    found = [m for m in map(_LABEL.fullmatch, labels) if m]
    found = found or list(_MARK.finditer(str(call.get("body") or call.get("fields"))))
    return found[-1][1] if found else ""
