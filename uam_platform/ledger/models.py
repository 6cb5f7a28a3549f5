"""Tables of the ledger: operational state that must survive, because it cannot be computed again.

Here: alerts and their transitions, the outbox, verdicts, accepted thresholds, silences, retracted edges, controls and the audit trail.
Not here: the rules that move them (`lifecycle`, `outbox`, `feedback`, `auditing`), analytical tables (`uam_platform.contracts`).
Times are naive UTC and passed in; money is
integer cents; JSON is canonical text. A change here needs a migration in `migrations/versions`.
"""

from datetime import date, datetime
from typing import Final

from sqlalchemy import BigInteger, ForeignKey, Index, MetaData, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

ALERT_STATES: Final = ("open", "resolved")
TRANSITIONS: Final = ("opened", "seen", "held", "absent", "kept", "resolved", "reopened")
"""held: present but not to be sent; kept: absent, but the detector failed on too many accounts to tell."""

OUTBOX_STATES: Final = (
    "pending",  # to be sent, not before due_at
    "sending",  # claimed; if the lease runs out the attempt counts as interrupted
    "unknown",  # sent perhaps; must be looked up at the destination before anything else
    "sent",  # at the destination, external_ref says where
    "failed",  # refused for good; release after the cause is repaired
    "parked",  # tried or looked up too often; a person must look
    "superseded",  # a later update of the same message carries its content
    "planned_no_destination",  # prescribed, but this platform cannot deliver to that system
)
VERDICTS: Final = ("useful", "false_positive", "expected", "already_known", "too_late")
AUDIT_VERDICTS: Final = ("in_trouble", "fine", "cannot_tell")
"""Was something wrong in that month that somebody should have been told?"""

Key = String(64)
Name = String(200)


class Base(DeclarativeBase):
    """Base of all ledger tables; constraint names are fixed so that migrations can address them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class SnapshotRow(Base):
    """Grain: one snapshot whose candidates were applied."""

    __tablename__ = "snapshots"
    as_of: Mapped[date] = mapped_column(primary_key=True)
    is_acted: Mapped[bool]
    candidate_count: Mapped[int]
    applied_at: Mapped[datetime]


class AlertRow(Base):
    """Grain: one alert from its opening on, however often it is seen, resolved and reopened within the reopen time."""

    __tablename__ = "alerts"
    __table_args__ = (UniqueConstraint("fingerprint", "opened_as_of"),)
    alert_id: Mapped[str] = mapped_column(Key, primary_key=True)
    fingerprint: Mapped[str] = mapped_column(Key, index=True)
    detector: Mapped[str] = mapped_column(Name)
    audience: Mapped[str] = mapped_column(Name)
    account_id: Mapped[str] = mapped_column(Name, index=True)
    owner_id: Mapped[str | None] = mapped_column(Name)
    state: Mapped[str] = mapped_column(String(20), index=True)
    opened_as_of: Mapped[date]
    seen_as_of: Mapped[date]
    resolved_as_of: Mapped[date | None]
    reopened_count: Mapped[int]
    absent_count: Mapped[int]
    arr_usd_cents: Mapped[int] = mapped_column(BigInteger)
    revenue_at_risk_usd_cents: Mapped[int] = mapped_column(BigInteger)
    expected_saved_usd_cents: Mapped[int] = mapped_column(BigInteger)
    evidence_id: Mapped[str] = mapped_column(Key)
    title: Mapped[str] = mapped_column(Text)


class TransitionRow(Base):
    """Grain: one fingerprint and snapshot; the key that makes a repeat a no-op."""

    __tablename__ = "transitions"
    fingerprint: Mapped[str] = mapped_column(Key, primary_key=True)
    as_of: Mapped[date] = mapped_column(primary_key=True)
    alert_id: Mapped[str] = mapped_column(ForeignKey("alerts.alert_id"), index=True)
    transition: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str | None] = mapped_column(Name)
    evidence_id: Mapped[str | None] = mapped_column(Key)
    at: Mapped[datetime]


class EvidenceRow(Base):
    """Grain: one frozen evidence bundle, under its content hash."""

    __tablename__ = "evidence"
    evidence_id: Mapped[str] = mapped_column(Key, primary_key=True)
    evidence_json: Mapped[str] = mapped_column(Text)


class OutboxRow(Base):
    """Grain: one action that must happen at a destination exactly once; a review's digest belongs to no alert."""

    __tablename__ = "outbox"
    __table_args__ = (Index("ix_outbox_state_due_at", "state", "due_at"),)
    idempotency_key: Mapped[str] = mapped_column(Key, primary_key=True)
    alert_id: Mapped[str | None] = mapped_column(ForeignKey("alerts.alert_id"), index=True)
    action: Mapped[str] = mapped_column(Name)
    kind: Mapped[str] = mapped_column(String(20))
    destination: Mapped[str] = mapped_column(Name)
    target: Mapped[str] = mapped_column(Name)
    as_of: Mapped[date]
    priority: Mapped[int]
    payload: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(30))
    created_at: Mapped[datetime]
    due_at: Mapped[datetime]
    lease_until_at: Mapped[datetime | None]
    attempt_count: Mapped[int]
    rejection_count: Mapped[int]
    reconcile_count: Mapped[int]
    attempted_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    external_ref: Mapped[str | None] = mapped_column(Name)
    last_error: Mapped[str | None] = mapped_column(Text)


class VerdictRow(Base):
    """Grain: one judgement of a person on an alert, with the reason."""

    __tablename__ = "verdicts"
    verdict_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    alert_id: Mapped[str] = mapped_column(ForeignKey("alerts.alert_id"), index=True)
    verdict: Mapped[str] = mapped_column(String(30))
    reason: Mapped[str] = mapped_column(Text)
    by: Mapped[str] = mapped_column(Name)
    at: Mapped[datetime]


class AuditVerdictRow(Base):
    """Grain: one judgement of a person on an account drawn for an audit, whether or not an alert was sent."""

    __tablename__ = "audit_verdicts"
    audit_verdict_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    sample_id: Mapped[str] = mapped_column(Key, index=True)
    audit_month: Mapped[date]
    account_id: Mapped[str] = mapped_column(Name)
    verdict: Mapped[str] = mapped_column(String(30))
    reason: Mapped[str] = mapped_column(Text)
    by: Mapped[str] = mapped_column(Name)
    at: Mapped[datetime]


class ThresholdRow(Base):
    """Grain: one threshold of a detector that a person accepted, with the arithmetic that was shown."""

    __tablename__ = "thresholds"
    threshold_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    detector: Mapped[str] = mapped_column(Name)
    threshold_column: Mapped[str] = mapped_column(Name)
    value: Mapped[float]
    value_before: Mapped[float]
    arithmetic: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    by: Mapped[str] = mapped_column(Name)
    known_at: Mapped[datetime]


class SilenceRow(Base):
    """Grain: one period in which findings on an account, of a detector, or both are not sent."""

    __tablename__ = "silences"
    silence_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    account_id: Mapped[str | None] = mapped_column(Name)
    detector: Mapped[str | None] = mapped_column(Name)
    from_at: Mapped[datetime]
    until_at: Mapped[datetime]
    reason: Mapped[str] = mapped_column(Text)
    by: Mapped[str] = mapped_column(Name)
    known_at: Mapped[datetime]


class IdentityRetractionRow(Base):
    """Grain: one retraction of an edge between two identifiers, or its withdrawal; identifiers are hashes."""

    __tablename__ = "identity_retractions"
    retraction_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    edge_change: Mapped[str] = mapped_column(String(20))
    identifier_kind: Mapped[str] = mapped_column(String(20))
    identifier_key: Mapped[int] = mapped_column(BigInteger, index=True)
    linked_actor_key: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str] = mapped_column(Text)
    by: Mapped[str] = mapped_column(Name)
    known_at: Mapped[datetime]


class ControlRow(Base):
    """Grain: one switch, e.g. deliveries."""

    __tablename__ = "controls"
    name: Mapped[str] = mapped_column(Name, primary_key=True)
    is_on: Mapped[bool]
    reason: Mapped[str] = mapped_column(Text)
    by: Mapped[str] = mapped_column(Name)
    at: Mapped[datetime]


class AuditRow(Base):
    """Grain: one thing done by the platform or a person; rows are only ever added."""

    __tablename__ = "audit"
    audit_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    at: Mapped[datetime]
    by: Mapped[str] = mapped_column(Name)
    event: Mapped[str] = mapped_column(Name)
    subject: Mapped[str] = mapped_column(Name, index=True)
    detail: Mapped[str] = mapped_column(Text)
