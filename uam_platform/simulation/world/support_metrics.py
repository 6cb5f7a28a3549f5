"""What the help desk measures and asks about a ticket: satisfaction ratings and metric events.

Belongs here: ratings with comments, reply, waiting and resolution time as events, breaches of the promised reply time. Does
not belong here: the work on tickets (``support``).
"""

from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np

from uam_platform.simulation.world import lexicon
from uam_platform.simulation.world.clock import instant
from uam_platform.simulation.world.support import Desk
from uam_platform.simulation.world.support_directory import AGENT_ID
from uam_platform.simulation.world.writer import Writer

_OFFERED_SHARE, _ANSWERED_SHARE, _COMMENT_SHARE = 0.85, 0.38, 0.4
_PROMISED_REPLY = timedelta(hours=24)
_RATING_ID, _METRIC_EVENT_ID = 60_000_001, 70_000_001


def ratings(desk: Desk, days: int, writer: Writer, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Return one rating per solved ticket that was asked for one: ``offered`` until answered, then ``good`` or ``bad``."""
    end = instant(days)
    solved = {row["ticket_id"]: row["occurred_at"] for row in desk.events if row["value"] == "solved"}
    draws = rng.random((len(desk.tickets), 4))
    waits = rng.exponential(0.8, len(desk.tickets))
    rows: list[dict[str, Any]] = []
    for ticket, (mood, slowness), draw, wait in zip(desk.tickets, desk.moods, draws, waits, strict=True):
        asked = solved.get(ticket["ticket_id"])
        if asked is None or draw[0] > _OFFERED_SHARE:
            continue
        offered = asked + timedelta(hours=1)
        if offered >= end:
            continue
        answered = offered + timedelta(days=float(wait))
        is_answered = draw[1] < _ANSWERED_SHARE and answered < end
        is_bad = draw[2] < 1.0 / (1.0 + np.exp(1.6 + 2.8 * mood - 0.5 * (slowness - 1.0)))
        words = lexicon.BLAMED if is_bad else lexicon.PRAISED
        rows.append({
            "id": _RATING_ID + len(rows), "score": ("bad" if is_bad else "good") if is_answered else "offered",
            "comment": writer.line(words, writer.slots()) if is_answered and draw[3] < _COMMENT_SHARE else None,
            "ticket_id": ticket["ticket_id"], "requester_id": ticket["requester_id"],
            "assignee_id": ticket["assignee_id"], "group_id": ticket["group_id"],
            "created_at": offered, "updated_at": answered.replace(microsecond=0) if is_answered else offered,
        })  # fmt: skip
    return rows


def metric_events(desk: Desk) -> list[dict[str, Any]]:
    """Return activations, pauses, fulfilments and breaches of each ticket's clocks, in order of time."""
    rows: list[dict[str, Any]] = []
    by_ticket = sorted(desk.events, key=itemgetter("ticket_id", "event_id"))
    for ticket_id, events in groupby(by_ticket, key=itemgetter("ticket_id")):
        for at, metric, instance, kind in _clock(list(events)):
            rows.append({"ticket_id": ticket_id, "metric": metric, "instance_id": instance, "type": kind, "time": at})
    rows.sort(key=itemgetter("time", "ticket_id"))
    return [{"id": _METRIC_EVENT_ID + number} | row for number, row in enumerate(rows)]


def _clock(events: list[dict[str, Any]]) -> list[tuple[datetime, str, int, str]]:
    created = events[0]["occurred_at"]
    marks = [(created, metric, 1, "activate") for metric in ("reply_time", "requester_wait_time", "resolution_time")]
    replies = [
        row["occurred_at"] for row in events if row["comment_body"] is not None and row["updater_id"] >= AGENT_ID
    ]
    late = [] if replies and replies[0] - created <= _PROMISED_REPLY else [created + _PROMISED_REPLY]
    if late and (replies or events[-1]["occurred_at"] > late[0]):
        marks.append((late[0], "reply_time", 1, "breach"))
    if replies:
        marks.append((replies[0], "reply_time", 1, "fulfill"))
    kinds = {"pending": ("requester_wait_time", "pause"), "open": ("requester_wait_time", "activate")}
    rounds = 1
    for row in events[1:]:
        if row["field"] != "status":
            continue
        if row["value"] == "solved":
            marks += [
                (row["occurred_at"], name, rounds, "fulfill") for name in ("requester_wait_time", "resolution_time")
            ]
        elif row["value"] == "open" and row["previous_value"] == "solved":
            rounds += 1
            marks += [
                (row["occurred_at"], name, rounds, "activate") for name in ("requester_wait_time", "resolution_time")
            ]
        elif row["value"] in kinds:
            marks.append((row["occurred_at"], kinds[row["value"]][0], rounds, kinds[row["value"]][1]))
    return marks
