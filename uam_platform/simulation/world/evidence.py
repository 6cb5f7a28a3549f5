"""What people say, in the order in which it comes about: tickets, chats, calls, documents.

Belongs here: which writer uses which stream, and the tables that result. Does not belong here: any rule of a source
(``support``, ``conversations``, ``calls``, ``documents``). Each source has its own stream, so one never disturbs another.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from uam_platform.simulation.world import support, support_directory, support_metrics, support_reasons
from uam_platform.simulation.world.call_plan import plan_calls
from uam_platform.simulation.world.calls import Recorder, recorder_users
from uam_platform.simulation.world.clock import Array
from uam_platform.simulation.world.commerce import Book
from uam_platform.simulation.world.conversations import collect_chats, hold_chats
from uam_platform.simulation.world.crm import Roster
from uam_platform.simulation.world.dice import Dice
from uam_platform.simulation.world.difficulty import Difficulty
from uam_platform.simulation.world.documents import Authors
from uam_platform.simulation.world.health import Benign, Health, Law
from uam_platform.simulation.world.people import People
from uam_platform.simulation.world.population import Accounts
from uam_platform.simulation.world.presence import Presence
from uam_platform.simulation.world.themes import Mood, make_mood
from uam_platform.simulation.world.truth_statements import Statements
from uam_platform.simulation.world.writer import Writer

Records = list[dict[str, Any]]


@dataclass(frozen=True)
class Ground:
    """What is true of the customers before anybody speaks; ``owners``: the users of the CRM in the order of the roster."""

    accounts: Accounts
    people: People
    health: Health
    law: Law
    benign: Benign
    channels: dict[str, Array]
    book: Book
    vector: Difficulty
    days: int
    roster: Roster
    owners: Records


@dataclass
class _Room:
    """What all sources share: the mood of the customers, streams, who is there, the truth that grows."""

    mood: Mood
    rng: dict[str, np.random.Generator]
    presence: Presence
    statements: Statements


def speak(
    ground: Ground, failures: dict[str, Array], streams: dict[str, np.random.SeedSequence],
    extra: dict[str, Array] | None = None,
) -> tuple[dict[str, Records], Statements]:  # fmt: skip
    """Return the tables of the help desk, the call recorder and the document store, and the truth about what was said.

    Args:
        ground: The customers.
        failures: Ticket candidates, see ``support_reasons.failures_of``.
        streams: One per concern: ``support`` (work of the desk), ``words`` (its texts), ``chats``, ``calls``,
            ``documents``; ``temper`` of the accounts.
        extra: Tickets that are written in any case, see ``support_reasons.collect_reasons``.
    """
    rng = {name: np.random.default_rng(streams[name]) for name in ("support", "words", "chats", "calls", "documents")}
    mood = make_mood(
        ground.health, ground.law, ground.channels, ground.vector, np.random.default_rng(streams["temper"])
    )
    presence = Presence(ground.people, ground.accounts.count, ground.roster)
    room = _Room(mood, rng, presence, Statements())
    reasons, tables = _help_desk(ground, failures, room, extra)
    tables |= _calls(ground, reasons, tables, room) | _documents(ground, room)
    return tables, room.statements


def _help_desk(
    ground: Ground, failures: dict[str, Array], room: _Room, extra: dict[str, Array] | None
) -> tuple[support_reasons.Reasons, dict[str, Records]]:
    rng, words = room.rng["support"], room.rng["words"]
    accounts, people, days = ground.accounts, ground.people, ground.days
    paying, agents = ground.book.paying, support_directory.agent_count(ground.accounts)
    reasons = support_reasons.collect_reasons(
        accounts, people, ground.benign, ground.channels, paying, failures, days, room.mood, rng, words, extra
    )
    writer = Writer(Dice(words), ground.vector)
    desk = support.run_desk(reasons, people, agents, days, rng, writer)
    support.tell_truth(desk, accounts, room.statements)
    chats = collect_chats(
        accounts, people, ground.channels, paying, reasons, days, room.mood, ground.vector.chats_per_ticket, room.rng["chats"]
    )  # fmt: skip
    talker = Writer(Dice(room.rng["chats"]), ground.vector)
    conversations, messages = hold_chats(chats, accounts, desk.tickets, agents, days, talker, room.statements)
    writers = np.concatenate([reasons.person, chats.person])
    users, organizations = support_directory.directory(accounts, people, writers, days, rng)
    return reasons, {
        "zendesk_tickets": desk.tickets, "zendesk_ticket_events": desk.events, "zendesk_users": users,
        "zendesk_organizations": organizations,
        "zendesk_satisfaction_ratings": support_metrics.ratings(desk, days, writer, words),
        "zendesk_ticket_metric_events": support_metrics.metric_events(desk),
        "zendesk_conversations": conversations, "zendesk_conversation_messages": messages,
    }  # fmt: skip


def _calls(
    ground: Ground, reasons: support_reasons.Reasons, tables: dict[str, Records], room: _Room
) -> dict[str, Records]:
    rng, days = room.rng["calls"], ground.days
    tickets, events = tables["zendesk_tickets"], tables["zendesk_ticket_events"]
    gain = ground.vector.call_gain
    plan = plan_calls(ground.accounts, ground.book, tickets, events, reasons.account, days, gain, rng)
    writer = Writer(Dice(rng), ground.vector, is_careful=True)
    recorder = Recorder(ground.accounts, ground.people, room.presence, ground.owners, days, writer, room.statements)
    recorder.record(plan, room.mood, rng)
    return {
        "gong_users": recorder_users(ground.owners), "gong_calls": recorder.calls, "gong_transcripts": recorder.transcripts,
    }  # fmt: skip


def _documents(ground: Ground, room: _Room) -> dict[str, Records]:
    rng = room.rng["documents"]
    writer = Writer(Dice(rng), ground.vector, is_careful=True)
    authors = Authors(
        ground.accounts, ground.people, room.presence, ground.owners, ground.days, writer, room.statements
    )
    authors.write(ground.book.paying, ground.vector.documents_per_account_year, room.mood, rng)
    return {"documents": authors.documents}
