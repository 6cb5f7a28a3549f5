"""The help desk: tickets, their events, its users and organisations.

Belongs here: why a ticket is written and how it goes on. Does not belong here: failures in the product (``actions``);
they arrive as candidates. Facts after the end of the world do not exist.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from uam_platform.simulation.world.clock import START_US, Array, instant
from uam_platform.simulation.world.drivers import LOOKALIKES
from uam_platform.simulation.world.health import Benign, Health
from uam_platform.simulation.world.names import (
    AGENT_REPLIES,
    CUSTOMER_REPLIES,
    FIRST_NAMES,
    LAST_NAMES,
    TICKET_TEXTS,
)  # fmt: skip
from uam_platform.simulation.world.people import People
from uam_platform.simulation.world.population import Accounts

_PER_WEEK = 0.034
_AFTER_FAILURE = 0.08
_ROLLOUT = next(index for index, each in enumerate(LOOKALIKES) if each.name == "rollout")
_SUPPORT_INCIDENT = 3
_AGENT_ID, _USER_ID, _ORGANIZATION_ID = 9_000_001, 5_000_001, 7_000_001
_FRONT, _TECHNICAL, _ESCALATIONS = 301, 302, 303
_TYPES = ("question", "problem", "incident", "task")


@dataclass
class Desk:
    """The four help-desk tables as row dictionaries."""

    tickets: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    users: list[dict[str, Any]] = field(default_factory=list)
    organizations: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Reasons:
    """Why tickets are written, one entry each: account, person, fractional day, kind of text, odds of a raise."""

    account: Array
    person: Array
    day: Array
    kind: list[str]
    raise_chance: Array
    slowness: Array


def collect_reasons(
    accounts: Accounts, people: People, health: Health, benign: Benign, channels: dict[str, Array], paying: Array,
    failures: dict[str, Array], days: int, rng: np.random.Generator,
) -> Reasons:  # fmt: skip
    """Draw who writes a ticket and why: from failures in the product and from everything else."""
    weeks = -(-days // 7)
    is_rollout = np.zeros(channels["tickets"].shape, dtype=bool)
    for index in np.flatnonzero(benign.kind == _ROLLOUT):
        is_rollout[benign.first_week[index] : benign.last_week[index], benign.account[index]] = True
    rate = _PER_WEEK * np.sqrt(accounts.size)[None, :] * channels["tickets"][:weeks]
    week, account = np.nonzero(rng.poisson(rate))
    day = week * 7 + rng.integers(0, 5, len(week)) + rng.normal(0.55, 0.12, len(week))
    person = _writer(people, account, rng)
    failed = rng.random(len(failures["account"])) < _AFTER_FAILURE * np.sqrt(
        channels["tickets"][failures["week"], failures["account"]]
    )
    wait = rng.exponential(0.25, int(failed.sum())) + 0.01
    account = np.concatenate([account, failures["account"][failed]])
    person = np.concatenate([person, failures["person"][failed]])
    day = np.concatenate([day, failures["day"][failed] + wait])
    keep = (day >= 0) & (day < days) & paying[account, np.clip(day.astype(np.int64), 0, days - 1)]
    keep &= (people.join_day[person] <= day) & (people.leave_day[person] > day)
    order = np.flatnonzero(keep)[np.argsort(day[keep], kind="stable")]
    is_failure = np.arange(len(day)) >= len(week)
    account, person, day, is_failure = account[order], person[order], day[order], is_failure[order]
    when = day.astype(np.int64) // 7
    harm = health.level[when, account, _SUPPORT_INCIDENT]
    kinds = _kinds(is_failure, is_rollout[when, account], harm, rng)
    chance = np.clip(0.05 * channels["escalation"][when, account], 0.0, 0.8)
    return Reasons(account, person, day, kinds, chance, 1.0 + 4.0 * harm)


def _writer(people: People, account: Array, rng: np.random.Generator) -> Array:
    order = np.argsort(people.account, kind="stable")
    number = np.bincount(people.account, minlength=int(people.account.max()) + 1)
    first = np.concatenate([[0], np.cumsum(number)[:-1]]).astype(np.int64)
    place = np.floor(rng.random(len(account)) ** 1.5 * number[account]).astype(np.int64)
    return np.asarray(order[first[account] + place])


def _kinds(is_failure: Array, is_rollout: Array, harm: Array, rng: np.random.Generator) -> list[str]:
    draw = rng.random(len(is_failure))
    kinds = []
    for failure, rollout, level, lot in zip(is_failure, is_rollout, harm, draw, strict=True):
        if failure:
            kinds.append("failure")
        elif level > 0.2 and lot < 0.7:
            kinds.append("incident")
        elif rollout and lot < 0.8:
            kinds.append("rollout")
        else:
            kinds.append("billing" if lot > 0.88 else "question")
    return kinds


def run_desk(reasons: Reasons, accounts: Accounts, people: People, days: int, rng: np.random.Generator) -> Desk:
    """Write and work every ticket in order of creation; status and tags are those at the end of the world."""
    desk = Desk()
    agents = 3 + accounts.count // 150
    worker = _Worker(desk, accounts, people, agents, days, rng)
    for index in range(len(reasons.account)):
        worker.work(index, reasons)
    _directory(desk, accounts, people, reasons, agents, days, rng)
    desk.events.sort(key=lambda row: (row["occurred_at"], row["event_id"]))
    for number, row in enumerate(desk.events):
        row["event_id"] = 80_000_001 + number
    return desk


class _Worker:
    """Works one ticket after the other and appends to the desk."""

    def __init__(
        self, desk: Desk, accounts: Accounts, people: People, agents: int, days: int, rng: np.random.Generator
    ) -> None:
        self.desk, self.accounts, self.people, self.agents, self.rng = desk, accounts, people, agents, rng
        self.end = instant(days)

    def work(self, index: int, reasons: Reasons) -> None:
        rng, day = self.rng, float(reasons.day[index])
        ticket = self._open(index, reasons)
        replied = day + rng.lognormal(-2.2, 0.9) * reasons.slowness[index]
        self._change(ticket, replied, "status", "pending", ticket["assignee_id"])
        self._comment(ticket, replied, ticket["assignee_id"], str(rng.choice(AGENT_REPLIES)))
        if rng.random() < reasons.raise_chance[index]:
            self._raise(ticket, replied + rng.exponential(0.8))
            replied += 0.8
        answered = replied + rng.lognormal(-1.2, 0.8)
        self._comment(ticket, answered, ticket["requester_id"], str(rng.choice(CUSTOMER_REPLIES)))
        self._change(ticket, answered, "status", "open", ticket["requester_id"])
        solved = answered + rng.lognormal(-0.6, 0.9) * reasons.slowness[index]
        self._change(ticket, solved, "status", "solved", ticket["assignee_id"])
        if rng.random() < 0.07 * reasons.slowness[index]:
            reopened = solved + rng.exponential(2.0) + 0.05
            self._comment(ticket, reopened, ticket["requester_id"], "It still does not work.")
            self._change(ticket, reopened, "status", "open", ticket["requester_id"])
            solved = reopened + rng.lognormal(0.0, 0.8)
            self._change(ticket, solved, "status", "solved", ticket["assignee_id"])
        self._change(ticket, solved + 14.0, "status", "closed", -1)

    def _open(self, index: int, reasons: Reasons) -> dict[str, Any]:
        rng, person, account = self.rng, int(reasons.person[index]), int(reasons.account[index])
        texts = TICKET_TEXTS[reasons.kind[index]]
        subject, description = texts[int(rng.integers(0, len(texts)))]
        contact = rng.random()
        if contact < 0.03:
            description += f" You can reach me at {self.people.email[person]}."
        elif contact < 0.06:
            description += f" Please call +1 555 01{int(rng.integers(0, 100)):02d}."
        created = instant(float(reasons.day[index]))
        has_organization = rng.random() < 0.94
        ticket: dict[str, Any] = {
            "ticket_id": 1_001 + index, "created_at": created, "updated_at": created, "status": "open",
            "priority": "normal" if rng.random() < 0.7 else None, "subject": subject, "description": description,
            "type": _TYPES[int(rng.integers(0, 4))] if rng.random() < 0.8 else None,
            "requester_id": _USER_ID + person, "organization_id": _ORGANIZATION_ID + account if has_organization else None,
            "assignee_id": _AGENT_ID + int(rng.integers(0, self.agents)), "group_id": _FRONT,
            "tags": [reasons.kind[index]], "via_channel": "web" if rng.random() < 0.6 else "email",
        }  # fmt: skip
        self.desk.tickets.append(ticket)
        self._event(ticket, created, "status", "open", None, ticket["requester_id"])
        if ticket["priority"] is not None:
            self._event(ticket, created, "priority", "normal", None, ticket["requester_id"])
        self._comment(ticket, float(reasons.day[index]), ticket["requester_id"], description)
        return self._stamp(ticket, created)

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

    def _comment(self, ticket: dict[str, Any], day: float, by: int, body: str) -> None:
        at = instant(day)
        if at < self.end:
            self._event(ticket, at, None, None, None, by, body)
            self._stamp(ticket, at)

    def _stamp(self, ticket: dict[str, Any], at: datetime) -> dict[str, Any]:
        ticket["updated_at"] = max(at, ticket["updated_at"])
        late = timedelta(seconds=5 + ticket["ticket_id"] % 40)
        ticket["generated_at"] = min(ticket["updated_at"] + late, self.end - timedelta(seconds=1))
        return ticket

    def _event(
        self, ticket: dict[str, Any], at: datetime, what: str | None, value: str | None, before: str | None, by: int,
        body: str | None = None,
    ) -> None:  # fmt: skip
        self.desk.events.append({
            "event_id": len(self.desk.events), "ticket_id": ticket["ticket_id"], "occurred_at": at,
            "updater_id": by, "via": ticket["via_channel"] if by >= 0 else "rule", "field": what, "value": value,
            "previous_value": before, "comment_body": body, "is_public": True if body is not None else None,
        })  # fmt: skip


def _directory(
    desk: Desk, accounts: Accounts, people: People, reasons: Reasons, agents: int, days: int, rng: np.random.Generator
) -> None:
    for number in range(agents):
        name = f"{FIRST_NAMES[number % len(FIRST_NAMES)]} {LAST_NAMES[(number * 7) % len(LAST_NAMES)]}"
        desk.users.append({
            "zendesk_user_id": _AGENT_ID + number, "name": name, "email": f"agent{number}@acme-support.example",
            "role": "admin" if number == 0 else "agent", "created_at": instant(-900), "updated_at": instant(-900),
        })  # fmt: skip
    wrote = np.zeros(people.count, dtype=bool)
    wrote[reasons.person] = True
    known = wrote | (rng.random(people.count) < 0.3)
    linked = rng.random(people.count) < 0.8
    for person in np.flatnonzero(known & (people.join_day < days)):
        joined = instant(min(max(float(people.join_day[person]), -700.0), days - 0.01))
        desk.users.append({
            "zendesk_user_id": _USER_ID + int(person), "name": people.name[person], "email": people.email[person],
            "role": "end-user", "organization_id": _ORGANIZATION_ID + int(people.account[person]),
            "external_id": people.user_id(int(person)) if linked[person] else None,
            "created_at": joined, "updated_at": joined,
        })  # fmt: skip
    for index in np.flatnonzero(accounts.start_day < days):
        created = instant(float(accounts.start_day[index]) + 0.3)
        has_link = rng.random() < 0.92
        desk.organizations.append({
            "organization_id": _ORGANIZATION_ID + int(index), "name": accounts.name[index],
            "external_id": accounts.account_id[index] if has_link else None, "created_at": created, "updated_at": created,
        })  # fmt: skip


def failures_of(person: Array, account: Array, occurred_us: Array) -> dict[str, Array]:
    """Return ticket candidates from failures in the product: person, account, fractional day, week."""
    day = (occurred_us - START_US) / 86_400e6
    return {"person": person, "account": account, "day": day, "week": np.maximum(0, day // 7).astype(np.int64)}
