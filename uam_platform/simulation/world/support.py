"""The help desk: how tickets are worked, and their events.

Belongs here: status, priority, group, comments. Does not belong here: why tickets are written (``support_reasons``), wording
(``writer``), users and organisations (``support_directory``), ratings and metric events (``support_metrics``). Facts after
the end of the world do not exist.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from uam_platform.simulation.world import lexicon, product
from uam_platform.simulation.world.clock import instant
from uam_platform.simulation.world.people import People
from uam_platform.simulation.world.phrases import THEMES
from uam_platform.simulation.world.population import Accounts
from uam_platform.simulation.world.support_directory import AGENT_ID, ORGANIZATION_ID, USER_ID
from uam_platform.simulation.world.support_reasons import Reasons
from uam_platform.simulation.world.truth_statements import Statements
from uam_platform.simulation.world.writer import Slots, Text, Writer

_FRONT, _TECHNICAL, _ESCALATIONS = 301, 302, 303
_TYPES = ("question", "problem", "incident", "task")
_NAMED_ERROR_SHARE = 0.35


@dataclass
class Desk:
    """The help-desk tables as row dictionaries; ``spoken``: event, person, account and text of every customer's words."""

    tickets: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    spoken: list[tuple[dict[str, Any], int, int, Text]] = field(default_factory=list)
    moods: list[tuple[float, float]] = field(default_factory=list)
    """Per ticket: sentiment of its writer, slowness of the desk."""


def run_desk(
    reasons: Reasons, people: People, agents: int, days: int, rng: np.random.Generator, writer: Writer
) -> Desk:
    """Write and work every ticket in order of creation; status and tags are those at the end of the world."""
    desk = Desk()
    worker = _Worker(desk, people, agents, days, rng, writer)
    for index in range(len(reasons.account)):
        worker.work(index, reasons)
    desk.events.sort(key=lambda row: (row["occurred_at"], row["event_id"]))
    for number, row in enumerate(desk.events):
        row["event_id"] = 80_000_001 + number
    return desk


def tell_truth(desk: Desk, accounts: Accounts, statements: Statements) -> None:
    """Note what customers said in descriptions (the first words of a ticket) and comments; call it after ``run_desk``."""
    opened: set[int] = set()
    for event, person, account, text in desk.spoken:
        is_first = event["ticket_id"] not in opened
        opened.add(event["ticket_id"])
        source, ref = ("ticket", event["ticket_id"]) if is_first else ("ticket_comment", event["event_id"])
        statements.add(source, str(ref), accounts.account_id[account], person, event["occurred_at"], text)


class _Worker:
    """Works one ticket after the other and appends to the desk."""

    def __init__(
        self, desk: Desk, people: People, agents: int, days: int, rng: np.random.Generator, writer: Writer
    ) -> None:
        self.desk, self.people, self.agents, self.rng, self.writer = desk, people, agents, rng, writer
        self.end = instant(days)

    def work(self, index: int, reasons: Reasons) -> None:
        rng, day, roll = self.rng, float(reasons.day[index]), self.writer.dice.roll
        slots = self._slots(index, reasons)
        ticket = self._open(index, reasons, slots)
        mood = float(reasons.sentiment[index])
        self.desk.moods.append((mood, float(reasons.slowness[index])))
        replied = day + rng.lognormal(-2.2, 0.9) * reasons.slowness[index]
        self._change(ticket, replied, "status", "pending", ticket["assignee_id"])
        rng.integers(0, 4)
        self._comment(ticket, replied, ticket["assignee_id"], Text(self.writer.line(lexicon.OPEN_REPLIES, slots)))
        if rng.random() < reasons.raise_chance[index]:
            raised = replied + rng.exponential(0.8)
            if roll() < 0.6:
                self._demand(ticket, raised - 0.02 * (raised - replied), index, reasons, slots)
            self._raise(ticket, raised)
            replied += 0.8
        answered = replied + rng.lognormal(-1.2, 0.8)
        rng.integers(0, 4)
        self._comment(
            ticket, answered, ticket["requester_id"], self._answer(index, reasons, slots, mood), index, reasons
        )
        self._change(ticket, answered, "status", "open", ticket["requester_id"])
        solved = answered + rng.lognormal(-0.6, 0.9) * reasons.slowness[index]
        self._change(ticket, solved, "status", "solved", ticket["assignee_id"])
        if rng.random() < 0.07 * reasons.slowness[index]:
            reopened = solved + rng.exponential(2.0) + 0.05
            theme = THEMES[reasons.theme[index]]
            text = self.writer.reply(lexicon.REOPENINGS, theme, min(mood, 0.0) - 0.3, slots)
            self._comment(ticket, reopened, ticket["requester_id"], text, index, reasons)
            self._change(ticket, reopened, "status", "open", ticket["requester_id"])
            solved = reopened + rng.lognormal(0.0, 0.8)
            self._change(ticket, solved, "status", "solved", ticket["assignee_id"])
        self._change(ticket, solved + 14.0, "status", "closed", -1)

    def _slots(self, index: int, reasons: Reasons) -> Slots:
        workflow, error = int(reasons.workflow[index]), int(reasons.error[index])
        return self.writer.slots(
            workflow=product.WORKFLOWS[workflow] if workflow >= 0 else None,
            error=product.ERRORS[error] if error >= 0 else None,
        )

    def _answer(self, index: int, reasons: Reasons, slots: Slots, mood: float) -> Text:
        felt = mood + 0.15 + 0.35 * self.writer.dice.bell()
        felt = max(-1.0, min(1.0, felt - 0.12 * (float(reasons.slowness[index]) - 1.0)))
        options = lexicon.GOOD_REPLIES if felt > 0.1 else lexicon.BAD_REPLIES if felt < -0.3 else lexicon.PLAIN_REPLIES
        return self.writer.reply(options, THEMES[reasons.theme[index]], felt, slots)

    def _demand(self, ticket: dict[str, Any], day: float, index: int, reasons: Reasons, slots: Slots) -> None:
        text = Text()
        text.body = self.writer.escalation(
            THEMES[reasons.theme[index]], float(reasons.sentiment[index]) - 0.3, slots, text
        )
        self._comment(ticket, day, ticket["requester_id"], text, index, reasons)

    def _open(self, index: int, reasons: Reasons, slots: Slots) -> dict[str, Any]:
        rng, person, account = self.rng, int(reasons.person[index]), int(reasons.account[index])
        rng.integers(0, 4)
        subject = self.writer.subject(THEMES[reasons.theme[index]], slots)
        text = self._letter(index, reasons, slots)
        contact = rng.random()
        if contact < 0.03:
            text.body += " " + self.writer.plant("email", self.people.email[person], text)
        elif contact < 0.06:
            text.body += " " + self.writer.plant("phone", f"+1 555 01{int(rng.integers(0, 100)):02d}", text)
        created = instant(float(reasons.day[index]))
        has_organization = rng.random() < 0.94
        ticket: dict[str, Any] = {
            "ticket_id": 1_001 + index, "created_at": created, "updated_at": created, "status": "open",
            "priority": "normal" if rng.random() < 0.7 else None, "subject": subject, "description": text.body,
            "type": _TYPES[int(rng.integers(0, 4))] if rng.random() < 0.8 else None,
            "requester_id": USER_ID + person, "organization_id": ORGANIZATION_ID + account if has_organization else None,
            "assignee_id": AGENT_ID + int(rng.integers(0, self.agents)), "group_id": _FRONT,
            "tags": [reasons.kind[index]], "via_channel": "web" if rng.random() < 0.6 else "email",
        }  # fmt: skip
        self.desk.tickets.append(ticket)
        self._event(ticket, created, "status", "open", None, ticket["requester_id"])
        if ticket["priority"] is not None:
            self._event(ticket, created, "priority", "normal", None, ticket["requester_id"])
        self._comment(ticket, float(reasons.day[index]), ticket["requester_id"], text, index, reasons)
        return self._stamp(ticket, created)

    def _letter(self, index: int, reasons: Reasons, slots: Slots) -> Text:
        mood = float(reasons.sentiment[index])
        escalates = mood < -0.6 and self.writer.dice.roll() < 0.35
        name = self.people.name[int(reasons.person[index])]
        is_new = bool(reasons.is_new[index])
        names_error = reasons.error[index] >= 0 and self.writer.dice.roll() < _NAMED_ERROR_SHARE
        remark = self.writer.line(lexicon.ERROR_REMARKS, slots) if names_error else ""
        return self.writer.letter(THEMES[reasons.theme[index]], mood, slots, name, is_new, escalates, remark)

    def _raise(self, ticket: dict[str, Any], day: float) -> None:
        level = "urgent" if self.rng.random() < 0.35 else "high"
        if instant(day) >= self.end:
            return
        self._change(ticket, day, "priority", level, ticket["assignee_id"])
        before = " ".join(ticket["tags"])
        self._event(ticket, instant(day), "tags", f"{before} escalated", before, ticket["assignee_id"])
        ticket["tags"] = [*ticket["tags"], "escalated"]
        group = _ESCALATIONS if level == "urgent" else _TECHNICAL
        self._change(ticket, day, "group_id", group, ticket["assignee_id"])

    def _change(self, ticket: dict[str, Any], day: float, what: str, value: Any, by: int) -> None:
        at = instant(day)
        if at >= self.end or ticket[what] == value:
            return
        before = ticket[what]
        ticket[what] = value
        self._event(ticket, at, what, str(value), None if before is None else str(before), by)
        self._stamp(ticket, at)

    def _comment(
        self, ticket: dict[str, Any], day: float, by: int, text: Text, index: int = -1, reasons: Reasons | None = None
    ) -> None:
        at = instant(day)
        if at >= self.end:
            return
        event = self._event(ticket, at, None, None, None, by, text.body)
        if reasons is not None:
            self.desk.spoken.append((event, int(reasons.person[index]), int(reasons.account[index]), text))
        self._stamp(ticket, at)

    def _stamp(self, ticket: dict[str, Any], at: datetime) -> dict[str, Any]:
        ticket["updated_at"] = max(at, ticket["updated_at"])
        late = timedelta(seconds=5 + ticket["ticket_id"] % 40)
        ticket["generated_at"] = min(ticket["updated_at"] + late, self.end - timedelta(seconds=1))
        return ticket

    def _event(
        self, ticket: dict[str, Any], at: datetime, what: str | None, value: str | None, before: str | None, by: int,
        body: str | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        event = {
            "event_id": len(self.desk.events), "ticket_id": ticket["ticket_id"], "occurred_at": at,
            "updater_id": by, "via": ticket["via_channel"] if by >= 0 else "rule", "field": what, "value": value,
            "previous_value": before, "comment_body": body, "is_public": True if body is not None else None,
        }  # fmt: skip
        self.desk.events.append(event)
        return event
