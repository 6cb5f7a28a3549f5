"""The truth about everything that was said: planted statements and planted personal data, wherever they stand.

Belongs here: the two truth tables and their collection. Does not belong here: texts (``writer``) or who speaks
(``support``, ``conversations``, ``calls``, ``documents``).
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from uam_platform.simulation.world.deliveries import person_id
from uam_platform.simulation.world.writer import Text


@dataclass
class Statements:
    """Rows of ``truth/statements`` and ``truth/pii`` while they are collected.

    ``source_ref`` names the text: the ticket id (its description), the event id (a comment), the message id (a chat), the
    call id, a colon and the start of the line in ms (a call), the document id.
    """

    statements: list[dict[str, Any]] = field(default_factory=list)
    pii: list[dict[str, Any]] = field(default_factory=list)

    def add(
        self, source: str, source_ref: str, account_id: str | None, person: int | None, at: datetime, text: Text
    ) -> None:
        """Note what is planted in one text that was written or said at ``at``."""
        where = {"source": source, "source_ref": source_ref}
        for said in text.said:
            self.statements.append(where | {
                "account_id": account_id, "person_id": None if person is None else person_id(person), "said_at": at,
                "theme": said.theme, "sentiment": said.sentiment, "is_escalation": said.is_escalation,
                "is_renewal_concern": said.is_renewal_concern, "is_buying_signal": said.is_buying_signal,
                "quote": said.quote, "pii_kinds": list(said.pii_kinds),
            })  # fmt: skip
        for kind, value, is_pii in text.planted:
            self.pii.append(where | {"kind": kind, "value": value, "is_pii": is_pii})

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Return both tables, statements in the order in which they were said and numbered."""
        ordered = sorted(self.statements, key=lambda row: (row["said_at"], row["source"], row["source_ref"]))
        numbered = [{"statement_id": f"st_{number + 1:07d}"} | row for number, row in enumerate(ordered)]
        return {"statements": numbered, "pii": self.pii}
