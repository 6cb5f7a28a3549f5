"""Edges of the identity graph that people retract and restore.

Here: recording and reading them. Not here: what follows from them (`uam_platform.identity.retractions`, which reads them as landed
facts), finding the edge a person means (`uam_platform.identity_names`).
"""

from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from uam_platform.ledger import audit
from uam_platform.ledger.engine import Ledger
from uam_platform.ledger.models import IdentityRetractionRow

RETRACTED: Final = "retracted"
RESTORED: Final = "restored"
_NAMES: Final = (
    "retraction_id",
    "edge_change",
    "identifier_kind",
    "identifier_key",
    "linked_actor_key",
    "reason",
    "by",
    "known_at",
)


class EdgeKey(NamedTuple):
    """An edge by the hashes of its ends: kind of identifier, identifier, user; of two user ids the lesser key first."""

    identifier_kind: str
    identifier_key: int
    linked_actor_key: int


def retract(ledger: Ledger, edge: EdgeKey, reason: str, by: str, at: datetime) -> int:
    """Take an edge back.

    Returns:
        Number of the retraction.

    Raises:
        ValueError: no reason, or the edge is retracted already.
    """
    return _record(ledger, edge, RETRACTED, reason, by, at)


def restore(ledger: Ledger, edge: EdgeKey, reason: str, by: str, at: datetime) -> int:
    """Withdraw a retraction.

    Raises:
        ValueError: no reason, or the edge is not retracted.
    """
    return _record(ledger, edge, RESTORED, reason, by, at)


def _record(ledger: Ledger, edge: EdgeKey, change: str, reason: str, by: str, at: datetime) -> int:
    if not reason.strip():
        raise ValueError("say why (--reason): whoever wonders about the change later reads it")
    with ledger.transaction() as session:
        last = _last(session, edge)
        if (change == RETRACTED) == (last is not None and last.edge_change == RETRACTED):
            raise ValueError(_no_change(change, last))
        row = IdentityRetractionRow(edge_change=change, **edge._asdict(), reason=reason.strip(), by=by, known_at=at)
        subject = f"{edge.identifier_kind} {edge.identifier_key:x} - user {edge.linked_actor_key:x}"
        audit.add(session, row, at, f"identity_{change}", subject, {}, by)
        return row.retraction_id


def _last(session: Session, edge: EdgeKey) -> IdentityRetractionRow | None:
    wanted = select(IdentityRetractionRow).filter_by(**edge._asdict())
    return session.scalars(wanted.order_by(IdentityRetractionRow.retraction_id.desc()).limit(1)).first()


def _no_change(change: str, last: IdentityRetractionRow | None) -> str:
    if change == RETRACTED and last is not None:
        return f"the edge was retracted already, number {last.retraction_id} of {last.known_at:%Y-%m-%d %H:%M} UTC by {last.by}"
    return "the edge is not retracted; `uam identity log --retracted` lists those that are"


def retractions(ledger: Ledger) -> list[dict[str, object]]:
    """All retractions and restorations as facts with `known_at`, oldest first."""
    with ledger.transaction() as session:
        rows = session.scalars(select(IdentityRetractionRow).order_by(IdentityRetractionRow.retraction_id)).all()
        return [{name: getattr(row, name) for name in _NAMES} for row in rows]
