"""Recorded calls with customers: who takes part, what is said when, when the recording can be read.

Belongs here: calls, their users and transcripts as the recorder holds them. Does not belong here: which calls take place
(``call_plan``), words (``phrases``, ``call_lines``).
"""

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np

from uam_platform.simulation.world import call_lines
from uam_platform.simulation.world.call_plan import CALL_KINDS, ESCALATION, KICK_OFF, CallPlan
from uam_platform.simulation.world.clock import Array, instant
from uam_platform.simulation.world.names import TITLES
from uam_platform.simulation.world.people import People
from uam_platform.simulation.world.phrases import THEMES
from uam_platform.simulation.world.population import Accounts
from uam_platform.simulation.world.presence import Presence
from uam_platform.simulation.world.salesforce_ids import record_id
from uam_platform.simulation.world.themes import Mood
from uam_platform.simulation.world.truth_statements import Statements
from uam_platform.simulation.world.writer import Slots, Text, Writer

_STATEMENTS = 5
_MS_PER_CHARACTER = 58
_USER_ID, _CALL_ID, _SPEAKER_ID = 4_100_000_000_000_000_001, 7_200_000_000_000_000_001, 5_300_000_000_000_000_001
_WORKSPACE = "620000000000000017"
_UNKNOWN_VOICE_SHARE = 0.08
_FIRST_READABLE = timedelta(minutes=40)
Records = list[dict[str, Any]]


@dataclass(frozen=True)
class _Line:
    """One sentence: party number, topic, start and end in ms, text; ``said`` carries what is planted in it."""

    party: int
    topic: str
    start_ms: int
    end_ms: int
    said: Text


def recorder_users(owners: Records) -> Records:
    """Return the users of the recorder: the account owners, known there by the same address."""
    rows = []
    for number, owner in enumerate(owners):
        first, _, last = owner["Name"].partition(" ")
        rows.append({
            "id": str(_USER_ID + number * 7), "emailAddress": owner["Email"], "firstName": first, "lastName": last,
            "title": None, "phoneNumber": None, "managerId": None, "active": True, "created": owner["CreatedDate"],
        })  # fmt: skip
    return rows


class Recorder:
    """Holds the calls of a plan one after the other; the tables grow with each."""

    def __init__(
        self, accounts: Accounts, people: People, presence: Presence, owners: Records, days: int, writer: Writer,
        statements: Statements,
    ) -> None:  # fmt: skip
        self.calls: Records = []
        self.transcripts: Records = []
        self._accounts, self._people, self._presence = accounts, people, presence
        self._owners, self._users = owners, recorder_users(owners)
        self._writer, self._statements, self._end = writer, statements, instant(days)

    def record(self, plan: CallPlan, mood: Mood, rng: np.random.Generator) -> None:
        """Hold every call of the plan."""
        account, day = np.repeat(plan.account, _STATEMENTS), np.repeat(plan.day, _STATEMENTS)
        theme = mood.themes([CALL_KINDS[kind] for kind in plan.kind for _ in range(_STATEMENTS)], account, day, rng)
        sentiment = mood.sentiments(theme, account, day, rng)
        steady = sentiment.reshape(-1, _STATEMENTS)
        steady = 0.6 * steady + 0.4 * steady.mean(axis=1, keepdims=True)
        themes = theme.reshape(-1, _STATEMENTS)
        for number in range(len(plan.day)):
            self._hold(number, plan, themes[number], steady[number])

    def _hold(self, number: int, plan: CallPlan, theme: Array, sentiment: Array) -> None:
        account, day, kind = int(plan.account[number]), float(plan.day[number]), int(plan.kind[number])
        dice = self._writer.dice
        guests = self._presence.some(account, day, 1 + dice.below(3), dice)
        owner = self._presence.owner(account, day)
        if not guests:
            return
        slots = self._writer.slots(company=self._accounts.name[account])
        lines = self._talk(kind, len(guests), theme, sentiment, slots)
        started = instant(day) + timedelta(seconds=dice.below(240))
        duration = lines[-1].end_ms // 1_000 + 15
        if started + timedelta(seconds=duration) >= self._end:
            return
        call_id = str(_CALL_ID + number * 1_000_003 + dice.below(900_000))
        speakers = [str(_SPEAKER_ID + number * 100 + party) for party in range(len(guests) + 1)]
        parties = self._parties(call_id, owner, guests, speakers, day)
        readable = started + timedelta(seconds=duration) + _FIRST_READABLE * (1.0 + 3.0 * dice.roll() ** 4)
        self.calls.append({
            "id": call_id, "url": f"https://app.gong.example/call?id={call_id}",
            "title": self._writer.line(call_lines.TITLES[CALL_KINDS[kind]], slots),
            "scheduled": instant(day), "started": started, "duration": duration, "primaryUserId": self._users[owner]["id"],
            "direction": "Conference" if kind != ESCALATION or dice.roll() < 0.6 else "Outbound", "system": "Zoom",
            "scope": "External", "media": "Video" if dice.roll() < 0.85 else "Audio", "language": "eng",
            "workspaceId": _WORKSPACE, "purpose": None, "meetingUrl": f"https://zoom.example/j/{dice.below(10**10):010d}",
            "isPrivate": dice.roll() < 0.02, "calendarEventId": f"{dice.below(2**40):010x}",
            "account_sf_id": record_id("Account", account), "parties": json.dumps(parties),
            "readable_at": readable.replace(microsecond=0) if readable < self._end else None,
        })  # fmt: skip
        for line in lines:
            self._transcribe(call_id, started, speakers, guests, account, line)

    def _parties(self, call_id: str, owner: int, guests: list[int], speakers: list[str], day: float) -> Records:
        user, dice = self._owners[owner], self._writer.dice
        rows: Records = [{
            "id": f"{call_id}0", "emailAddress": user["Email"], "name": user["Name"], "title": None,
            "userId": self._users[owner]["id"], "speakerId": speakers[0], "affiliation": "Internal", "methods": ["Invitee", "Attendee"],
        }]  # fmt: skip
        for place, person in enumerate(guests, start=1):
            row = {
                "id": f"{call_id}{place}", "emailAddress": self._presence.email(person, day), "name": self._people.name[person],
                "title": TITLES[person % len(TITLES)], "affiliation": "External", "methods": ["Invitee", "Attendee"],
            }  # fmt: skip
            rows.append(row if dice.roll() < _UNKNOWN_VOICE_SHARE else row | {"speakerId": speakers[place]})
        return rows

    def _talk(self, kind: int, guests: int, theme: Array, sentiment: Array, slots: Slots) -> list[_Line]:
        writer, dice = self._writer, self._writer.dice
        said: list[tuple[int, str, Text]] = [
            (0, "Small talk", Text(writer.line(call_lines.OPENINGS, slots))),
            (0, "Agenda", Text(writer.line(call_lines.AGENDAS[CALL_KINDS[kind]], slots))),
        ]
        for place in range(2 + dice.below(_STATEMENTS - 1)):
            words = writer.slots()
            said.append((0, "Questions", Text(writer.line(call_lines.QUESTIONS, words))))
            if dice.roll() < 0.4:
                said.append((1 + dice.below(guests), "Questions", Text(writer.line(call_lines.FILLERS, words))))
            text = Text()
            name, felt = THEMES[theme[place]], float(sentiment[place])
            text.body = writer.statement(name, felt, words, text)
            if kind == ESCALATION and dice.roll() < 0.35:
                text.body += " " + writer.escalation(name, felt, words, text)
            topic = (
                "Pricing"
                if name in ("pricing", "renewal_terms", "billing")
                else "Onboarding"
                if kind == KICK_OFF
                else "Product"
            )
            said.append((1 + dice.below(guests), topic, text))
            said.append((0, topic, Text(writer.line(call_lines.NODS, words))))
        said.append((0, "Next steps", Text(writer.line(call_lines.CLOSINGS, slots))))
        return _timed(said, dice.below(9_000))

    def _transcribe(
        self, call_id: str, started: Any, speakers: list[str], guests: list[int], account: int, line: _Line
    ) -> None:
        self.transcripts.append({
            "call_id": call_id, "speaker_id": speakers[line.party], "topic": line.topic, "start_ms": line.start_ms,
            "end_ms": line.end_ms, "text": line.said.body,
        })  # fmt: skip
        if line.party > 0 and (line.said.said or line.said.planted):
            at = (started + timedelta(milliseconds=line.start_ms)).replace(microsecond=0)
            ref = f"{call_id}:{line.start_ms}"
            self._statements.add("call", ref, self._accounts.account_id[account], guests[line.party - 1], at, line.said)


def _timed(said: list[tuple[int, str, Text]], begin: int) -> list[_Line]:
    lines = []
    clock = begin
    for party, topic, text in said:
        length = 600 + len(text.body) * _MS_PER_CHARACTER
        lines.append(_Line(party, topic, clock, clock + length, text))
        clock += length + 700 + (len(text.body) * 3_701) % 67_000
    return lines
