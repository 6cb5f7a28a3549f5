"""Documents about customers: research, implementation notes, transcripts of visits, notes on contracts.

Belongs here: which documents exist and what stands in them. Does not belong here: words (``phrases``, ``call_lines``). An author
knows what is known on the day; a document may name its customer only in the text.
"""

from typing import Any

import numpy as np

from uam_platform.simulation.world import call_lines
from uam_platform.simulation.world.clock import Array, instant
from uam_platform.simulation.world.people import People
from uam_platform.simulation.world.phrases import THEMES
from uam_platform.simulation.world.population import Accounts
from uam_platform.simulation.world.presence import Presence
from uam_platform.simulation.world.themes import Mood
from uam_platform.simulation.world.truth_statements import Statements
from uam_platform.simulation.world.writer import Text, Writer

_KIND_SHARE = {"research": 0.35, "transcript": 0.35, "contract_note": 0.30}
_TALK = {"research": "review", "transcript": "review", "contract_note": "renewal", "implementation_notes": "kick_off"}
_NEW_DAYS = 60
_QUOTES = 4
_UNNAMED_SHARE = 0.4


class Authors:
    """Writes documents; the tables grow with each."""

    def __init__(
        self, accounts: Accounts, people: People, presence: Presence, owners: list[dict[str, Any]], days: int,
        writer: Writer, statements: Statements,
    ) -> None:  # fmt: skip
        self.documents: list[dict[str, Any]] = []
        self._accounts, self._people, self._presence, self._owners = accounts, people, presence, owners
        self._days, self._writer, self._statements = days, writer, statements

    def write(self, paying: Array, per_year: float, mood: Mood, rng: np.random.Generator) -> None:
        """Write about ``per_year`` documents per paying account-year."""
        account, day = np.nonzero(paying[:, : self._days])
        chosen = np.flatnonzero(rng.random(len(account)) < per_year / 365.0)
        chosen = chosen[np.argsort(day[chosen], kind="stable")]
        account, begin = account[chosen], day[chosen] + rng.uniform(0.3, 0.75, len(chosen))
        kinds = self._kinds(account, begin, rng)
        every, when = np.repeat(account, _QUOTES), np.repeat(begin, _QUOTES)
        theme = mood.themes([_TALK[kind] for kind in kinds for _ in range(_QUOTES)], every, when, rng)
        sentiment = mood.sentiments(theme, every, when, rng)
        for number, kind in enumerate(kinds):
            first = number * _QUOTES
            quotes = list(zip(theme[first : first + _QUOTES], sentiment[first : first + _QUOTES], strict=True))
            self._document(kind, int(account[number]), float(begin[number]), quotes)

    def _kinds(self, account: Array, day: Array, rng: np.random.Generator) -> list[str]:
        age = day - self._accounts.start_day[account]
        drawn = rng.choice(list(_KIND_SHARE), len(account), p=list(_KIND_SHARE.values()))
        return [
            "implementation_notes" if years < _NEW_DAYS else str(kind) for years, kind in zip(age, drawn, strict=True)
        ]

    def _document(self, kind: str, account: int, day: float, quotes: list[tuple[Any, Any]]) -> None:
        writer, dice = self._writer, self._writer.dice
        company = self._accounts.name[account]
        slots, text = writer.slots(company=company), Text()
        owner = self._owners[self._presence.owner(account, day)]["Name"]
        document_id = f"doc_{len(self.documents) + 1:06d}"
        paragraphs = [writer.line(call_lines.DOCUMENT_OPENINGS[kind], slots)]
        for theme, sentiment in quotes[: 2 + dice.below(_QUOTES - 1)]:
            paragraphs.append(self._quote(document_id, THEMES[theme], float(sentiment), account, day))
            if dice.roll() < 0.6:
                paragraphs.append(writer.line(call_lines.DOCUMENT_MIDDLES, writer.slots()))
        paragraphs.append(writer.line(call_lines.DOCUMENT_CLOSINGS, slots))
        text.body = "\n\n".join(paragraphs)
        names_account = kind != "research" or dice.roll() > _UNNAMED_SHARE
        self.documents.append({
            "document_id": document_id, "kind": kind, "account_id": self._accounts.account_id[account] if names_account else None,
            "title": writer.line(call_lines.DOCUMENT_TITLES[kind], slots), "created_at": instant(day), "author": owner,
            "body": text.body,
        })  # fmt: skip

    def _quote(self, document_id: str, theme: str, sentiment: float, account: int, day: float) -> str:
        writer, text = self._writer, Text()
        quote = writer.statement(theme, sentiment, writer.slots(), text)
        there = self._presence.some(account, day, 1, writer.dice)
        person = there[0] if there else None
        if person is None or writer.dice.roll() < 0.3:
            lead = writer.dice.pick(("One participant: ", "From the discussion: ", "They told us: "))
        else:
            name = self._people.name[person]
            text.planted.append(("name", name, True))
            lead = f"{name}{writer.dice.pick((' said: ', ': ', ' put it like this: '))}"
        self._statements.add("document", document_id, self._accounts.account_id[account], person, instant(day), text)
        return f"{lead}“{quote}”"
