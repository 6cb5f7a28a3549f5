"""What people say, in the order in which it comes about: tickets, chats, calls, documents.

Belongs here: which writer uses which stream, and the tables that result. Does not belong here: any rule of a source
(``support``, ``conversations``, ``calls``, ``documents``). Each source has its own stream, so one never disturbs another.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from uam_platform.simulation.world import support, support_directory, support_metrics
from uam_platform.simulation.world.clock import Array
from uam_platform.simulation.world.commerce import Book
from uam_platform.simulation.world.dice import Dice
from uam_platform.simulation.world.difficulty import Difficulty
from uam_platform.simulation.world.health import Benign, Health, Law
from uam_platform.simulation.world.people import People
from uam_platform.simulation.world.population import Accounts
from uam_platform.simulation.world.themes import Mood, make_mood
from uam_platform.simulation.world.truth_statements import Statements
from uam_platform.simulation.world.writer import Writer

Tables = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Ground:
    """What is true of the customers before anybody speaks."""

    accounts: Accounts
    people: People
    health: Health
    law: Law
    benign: Benign
    channels: dict[str, Array]
    book: Book
    vector: Difficulty
    days: int

    def mood(self) -> Mood:
        """Return the mood of every account and week."""
        return make_mood(self.health, self.law, self.channels, self.vector)


def speak(
    ground: Ground, failures: dict[str, Array], streams: dict[str, np.random.SeedSequence],
    extra: dict[str, Array] | None = None,
) -> tuple[Tables, Statements]:  # fmt: skip
    """Return the tables of the help desk and the truth about what was said.

    Args:
        ground: The customers.
        failures: Ticket candidates, see ``support.failures_of``.
        streams: One per concern: ``support`` (work of the desk), ``words`` (its texts).
        extra: Tickets that are written in any case, see ``support.collect_reasons``.
    """
    statements = Statements()
    return _help_desk(ground, failures, streams, statements, extra), statements


def _help_desk(
    ground: Ground, failures: dict[str, Array], streams: dict[str, np.random.SeedSequence], statements: Statements,
    extra: dict[str, Array] | None,
) -> Tables:  # fmt: skip
    rng, words = np.random.default_rng(streams["support"]), np.random.default_rng(streams["words"])
    accounts, people, days = ground.accounts, ground.people, ground.days
    reasons = support.collect_reasons(
        accounts, people, ground.benign, ground.channels, ground.book.paying, failures, days, ground.mood(), rng, words, extra
    )  # fmt: skip
    writer = Writer(Dice(words), ground.vector)
    desk = support.run_desk(reasons, people, support_directory.agent_count(accounts), days, rng, writer)
    users, organizations = support_directory.directory(accounts, people, reasons.person, days, rng)
    support.tell_truth(desk, accounts, statements)
    return {
        "zendesk_tickets": desk.tickets, "zendesk_ticket_events": desk.events, "zendesk_users": users,
        "zendesk_organizations": organizations,
        "zendesk_satisfaction_ratings": support_metrics.ratings(desk, days, writer, words),
        "zendesk_ticket_metric_events": support_metrics.metric_events(desk),
    }  # fmt: skip
