"""Was every action done exactly once?

Here: what Slack accepted against what the outbox says was sent. Not here: whether the alert was right (`alerts`). An action is
recognised by the id in the message's metadata, which is its idempotency key.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pandas as pd

from uam_platform.evaluation.results import Row, Section, ratio
from uam_platform.evaluation.run_folder import RunFolder

DESTINATION: Final = "slack"
POST: Final = "chat.postMessage"
_TITLE: Final = "Actions: what Slack received beside the outbox"


def section(run: RunFolder) -> Section:
    """Twins, losses and strays; one note where the run has no ledger or no destination was recorded."""
    outbox, received = run.outbox(), run.received()
    if outbox is None:
        return Section("actions", _TITLE, (), "The run has no ledger.")
    if received is None:
        return Section("actions", _TITLE, (), "Nothing was recorded by the destination; give the sandbox's folder.")
    return Section("actions", _TITLE, tuple(compare(outbox, received)))


def compare(outbox: pd.DataFrame, received: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Rows of the section.

    Args:
        outbox: idempotency_key, kind (post, update), destination, state.
        received: accepted calls: method and message, oldest first.
    """
    own = outbox[outbox["destination"] == DESTINATION]
    posts = Counter(_action_id(call) for call in received if call["method"] == POST)
    seen = {_action_id(call) for call in received}
    sent = own[own["state"] == "sent"]
    sent_posts = set(sent.loc[sent["kind"] == "post", "idempotency_key"])
    known = set(own["idempotency_key"])
    once = sum(posts[key] == 1 for key in sent_posts)
    lost = len(set(sent["idempotency_key"]) - seen)
    early = (seen & known) - set(sent["idempotency_key"])
    states = ", ".join(f"{state} {n}" for state, n in sorted(Counter(own["state"]).items())) or "empty"
    return [
        Row(
            "first messages sent exactly once", ratio(once, len(sent_posts)), target="1",
            note=f"{once} of {len(sent_posts)}; outbox: {states}",
        ),
        Row("twins", sum(n - 1 for key, n in posts.items() if key in known), unit="count", target="0",
            note="further messages of an action that was already there"),
        Row("lost", lost, unit="count", note="marked as sent, never received", target="0"),
        Row("unexpected", sum(n for key, n in posts.items() if key not in known), unit="count", target="0",
            note="received, but no action of this outbox"),
        Row("arrived, not yet recorded as sent", len(early), unit="count", note="reconciled by the next delivery"),
    ]  # fmt: skip


def _action_id(call: Mapping[str, Any]) -> str:
    metadata = call["message"].get("metadata") or {}
    return str((metadata.get("event_payload") or {}).get("id", ""))
