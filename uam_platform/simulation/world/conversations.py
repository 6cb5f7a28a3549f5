"""Chats with the help desk: a bot, an agent, a customer, a few short messages.

Belongs here: who chats when and how a chat runs. Does not belong here: tickets (``support``), wording (``writer``). Some chats
end in a ticket; they come before it and are about the same thing.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from uam_platform.simulation.world import lexicon, product
from uam_platform.simulation.world.clock import Array, instant
from uam_platform.simulation.world.people import People
from uam_platform.simulation.world.phrases import THEMES
from uam_platform.simulation.world.population import Accounts
from uam_platform.simulation.world.support_directory import AGENT_ID, ORGANIZATION_ID, USER_ID
from uam_platform.simulation.world.support_reasons import Reasons, writers_of
from uam_platform.simulation.world.themes import Mood
from uam_platform.simulation.world.truth_statements import Statements
from uam_platform.simulation.world.writer import Text, Writer

_PER_WEEK = 0.034
_BEFORE_TICKET_SHARE = 0.10
_CHANNELS = ("web_widget", "web_widget", "web_widget", "in_app", "in_app", "whatsapp")
_BOT_ID = -1
_BOT_GREETINGS = (
    "Hi, this is the support assistant. What is it about?", "Hello! Somebody joins you in a minute. Can you describe it?",
)  # fmt: skip


@dataclass(frozen=True)
class Chats:
    """One entry per chat: account, person, fractional day, theme, sentiment, workflow and error or -1, index of its ticket or -1."""

    account: Array
    person: Array
    day: Array
    theme: Array
    sentiment: Array
    workflow: Array
    error: Array
    ticket: Array


def collect_chats(
    accounts: Accounts, people: People, channels: dict[str, Array], paying: Array, reasons: Reasons, days: int, mood: Mood,
    per_ticket: float, rng: np.random.Generator,
) -> Chats:  # fmt: skip
    """Draw the chats: some before tickets, the others for themselves, ``per_ticket`` as many as tickets without a failure."""
    before = np.flatnonzero(rng.random(len(reasons.day)) < _BEFORE_TICKET_SHARE * min(1.0, per_ticket))
    began = reasons.day[before] - rng.uniform(0.008, 0.03, len(before))
    before, began = before[began >= 0], began[began >= 0]
    weeks = -(-days // 7)
    week, account = np.nonzero(
        rng.poisson(_PER_WEEK * per_ticket * np.sqrt(accounts.size)[None, :] * channels["tickets"][:weeks])
    )
    day = week * 7 + rng.integers(0, 5, len(week)) + rng.normal(0.55, 0.12, len(week))
    person = writers_of(people, account, rng)
    keep = (day >= 0) & (day < days) & paying[account, np.clip(day.astype(np.int64), 0, days - 1)]
    keep &= people.is_at(person, account, day)
    account, person, day = account[keep], person[keep], day[keep]
    theme = mood.themes(["question"] * len(day), account, day, rng)
    none = np.full(len(day), -1)
    joined = {
        "account": [reasons.account[before], account], "person": [reasons.person[before], person], "day": [began, day],
        "theme": [reasons.theme[before], theme],
        "sentiment": [reasons.sentiment[before], mood.sentiments(theme, account, day, rng)],
        "workflow": [reasons.workflow[before], none], "error": [reasons.error[before], none], "ticket": [before, none],
    }  # fmt: skip
    columns = {name: np.concatenate(parts) for name, parts in joined.items()}
    order = np.argsort(columns["day"], kind="stable")
    return Chats(**{name: values[order] for name, values in columns.items()})


def hold_chats(
    chats: Chats, accounts: Accounts, tickets: list[dict[str, Any]], agents: int, days: int, writer: Writer,
    statements: Statements,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:  # fmt: skip
    """Return conversations and their messages; both end with the world."""
    conversations: list[dict[str, Any]] = []
    messages: list[dict[str, Any]] = []
    end = instant(days)
    for index in range(len(chats.day)):
        lines = _lines(index, chats, writer, agents)
        conversation = f"{writer.dice.below(2**44):011x}c{index:012x}"
        sent: list[dict[str, Any]] = []
        for number, (who, author, day, text) in enumerate(lines):
            at = instant(day)
            if at >= end:
                break
            message = f"{conversation[:16]}{number:04x}{index:08x}"
            sent.append({
                "message_id": message, "conversation_id": conversation, "author_type": who, "author_id": author,
                "body": text.body, "sent_at": at,
            })  # fmt: skip
            account, person = int(chats.account[index]), int(chats.person[index])
            statements.add("chat", message, accounts.account_id[account], person, at, text)
        if not sent:
            continue
        ticket = int(chats.ticket[index])
        conversations.append({
            "conversation_id": conversation, "ticket_id": tickets[ticket]["ticket_id"] if ticket >= 0 else None,
            "organization_id": ORGANIZATION_ID + int(chats.account[index]), "requester_id": USER_ID + int(chats.person[index]),
            "channel": writer.dice.pick(_CHANNELS), "created_at": sent[0]["sent_at"], "updated_at": sent[-1]["sent_at"],
        })  # fmt: skip
        messages += sent
    return conversations, messages


def _lines(index: int, chats: Chats, writer: Writer, agents: int) -> list[tuple[str, int, float, Text]]:
    """Return the messages of one chat: kind of author, author, fractional day, text."""
    dice, mood = writer.dice, float(chats.sentiment[index])
    theme, workflow, error = THEMES[chats.theme[index]], int(chats.workflow[index]), int(chats.error[index])
    slots = writer.slots(
        workflow=product.WORKFLOWS[workflow] if workflow >= 0 else None,
        error=product.ERRORS[error] if error >= 0 else None,
    )
    customer, agent = USER_ID + int(chats.person[index]), AGENT_ID + dice.below(agents)
    clock = float(chats.day[index])
    opening = Text()
    opening.body = writer.statement(theme, mood, slots, opening)
    lines = [("bot", _BOT_ID, clock, Text(dice.pick(_BOT_GREETINGS))), ("end_user", customer, clock + 0.0003, opening)]
    clock += 0.0003
    for _ in range(1 + dice.below(3)):
        clock += (20 + dice.below(120)) / 86_400
        lines.append(("agent", agent, clock, Text(writer.line(lexicon.OPEN_REPLIES, slots))))
        clock += (15 + dice.below(150)) / 86_400
        felt = max(-1.0, min(1.0, mood + 0.1 + 0.3 * dice.bell()))
        options = lexicon.GOOD_REPLIES if felt > 0.1 else lexicon.BAD_REPLIES if felt < -0.3 else lexicon.PLAIN_REPLIES
        lines.append(("end_user", customer, clock, writer.reply(options, theme, felt, slots)))
    if chats.ticket[index] >= 0:
        lines.append(("agent", agent, clock + 0.0004, Text("I open a ticket for this, you get an e-mail.")))
    return lines
