"""Counts that show at a glance whether identity resolution went wrong (R90, R91).

Here: counts of one result, for a check and its metadata. Not here: agreement with known truth (`uam_platform.evaluation`), the
resolution itself (`resolve`).
"""

from dataclasses import dataclass
from datetime import date

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc

from uam_platform.identity.evidence import ANONYMOUS, USER
from uam_platform.identity.resolve import IdentityTables

_OPEN = date(9999, 12, 31)


@dataclass(frozen=True)
class IdentityQuality:
    """Counts over all event days, as known today.

    Attributes:
        identifier_count: identifiers that belong to a person on some day.
        person_count: people they belong to.
        user_count: user ids among the identifiers.
        shared_device_count: devices that several people used.
        largest_person_identifier_count: identifiers of the person with most of them; a jump means that something merges strangers.
        unattached_event_ratio: share of events that belong to nobody; 0 without events.
    """

    identifier_count: int
    person_count: int
    user_count: int
    shared_device_count: int
    largest_person_identifier_count: int
    unattached_event_ratio: float


def quality(tables: IdentityTables, evidence: ir.Table) -> IdentityQuality:
    """Count a result.

    Args:
        tables: what `resolve` gave.
        evidence: `staging/identity_evidence`, the days it was resolved from.
    """
    people = tables.people.filter(pc.equal(tables.people["known_to_date"], pa.scalar(_OPEN)))
    pairs = people.group_by(["identifier_kind", "identifier_key", "person_key"]).aggregate([])
    identifiers = pairs.group_by(["identifier_kind", "identifier_key"]).aggregate([("person_key", "count")])
    per_person = pairs.group_by("person_key").aggregate([("identifier_key", "count")])
    return IdentityQuality(
        identifier_count=identifiers.num_rows,
        person_count=per_person.num_rows,
        user_count=_count(pc.equal(identifiers["identifier_kind"], USER)),
        shared_device_count=shared_devices(tables),
        largest_person_identifier_count=pc.max(per_person["identifier_key_count"]).as_py() or 0,
        unattached_event_ratio=_unattached(people, evidence),
    )


def shared_devices(tables: IdentityTables) -> int:
    """Devices that links of today's merge log tie to several people."""
    rows = tables.merge_log
    log = rows.filter(
        pc.and_(pc.equal(rows["identifier_kind"], ANONYMOUS), pc.equal(rows["known_to_date"], pa.scalar(_OPEN)))
    )
    owners = log.group_by(["identifier_key", "person_key"]).aggregate([]).group_by("identifier_key")
    return _count(pc.greater(owners.aggregate([("person_key", "count")])["person_key_count"], 1))


def ambiguous_counts(tables: IdentityTables) -> dict[str, int]:
    """Identifiers that stay with nobody, or are somebody's on some days only, as known today, by reason."""
    rows = tables.ambiguous_identifiers
    today = rows.filter(pc.equal(rows["known_to_date"], pa.scalar(_OPEN)))
    identifiers = today.group_by(["reason", "identifier_kind", "identifier_key"]).aggregate([])
    counted = identifiers.group_by("reason").aggregate([("identifier_key", "count")])
    return dict(sorted(zip(counted["reason"].to_pylist(), counted["identifier_key_count"].to_pylist(), strict=True)))


def _count(mask: pa.ChunkedArray) -> int:
    return pc.sum(mask).as_py() or 0


def _unattached(people: pa.Table, evidence: ir.Table) -> float:
    """Share of events whose actor is nobody on that day; every user id is somebody, so only anonymous actors are looked up."""
    total = evidence.event_count.sum().to_pyarrow().as_py() or 0
    if not total:
        return 0.0
    owned = ibis.memtable(people.select(["identifier_key", "valid_from_date", "valid_to_date"]))
    acted = evidence.filter(evidence.actor_kind != USER)
    acted = acted.group_by("actor_key", "event_date").aggregate(event_count=acted.event_count.sum())
    is_owned = [
        acted.actor_key == owned.identifier_key,
        acted.event_date >= owned.valid_from_date,
        acted.event_date < owned.valid_to_date,
    ]
    unattached = acted.anti_join(owned, is_owned).event_count.sum().to_pyarrow().as_py() or 0
    return float(unattached / total)
