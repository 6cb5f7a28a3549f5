"""A tiny product for identity tests: sightings in, identity evidence and resolved tables out.

Here: builders and a lookup "who was this, on that day, as known then". Days are numbers from 2025-01-06 on.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

from uam_platform.contracts.schemas import arrow_schema, ibis_schema
from uam_platform.contracts.tables import ACCOUNTS, IDENTITY_EVIDENCE, IDENTITY_RETRACTIONS, USERS_DIRECTORY
from uam_platform.identity.resolve import IdentityTables, resolve
from uam_platform.policy.identity import IdentityPolicy
from uam_platform.policy.identity_exclusions import NO_EXCLUSIONS, ExclusionPolicy
from uam_platform.policy.load import load_section
from uam_platform.temporal.keys import anonymous_key, email_domain_key, email_key, stem_key, user_key, workspace_key

START = date(2025, 1, 6)
RULES = load_section(IdentityPolicy, "identity")
LATER = 10_000


def day(number: int) -> date:
    return START + timedelta(days=number)


def user(name: str | None) -> int:
    return user_key("product", name)


def device(name: str | None) -> int:
    return anonymous_key("product", name)


def mail(address: str | None) -> int:
    return email_key(address)


@dataclass(frozen=True)
class Seen:
    """One thing the product saw; `known` is its known day, by default its event day."""

    day: int
    user: str | None = None
    device: str | None = None
    email: str | None = None
    workspace: str | None = None
    role: str | None = None
    account: str | None = None
    kind: str = "track"
    previous_device: str | None = None
    previous_user: str | None = None
    known: int | None = None
    minute: int = 0
    source: str = "segment"

    @property
    def known_day(self) -> int:
        return self.day if self.known is None else max(self.known, self.day)

    @property
    def space(self) -> str:
        """What precedes the dash in its ids: the product it belongs to where a test has several."""
        return str(self.user or self.device).split("-")[0]

    def row(self) -> dict[str, object]:
        at = datetime.combine(day(self.day), datetime.min.time()) + timedelta(minutes=self.minute)
        us = int((at - datetime.fromisoformat("1970-01-01")) / timedelta(microseconds=1))
        previous = self.previous_device or self.previous_user  # the record does not say which kind of id it is
        linked = device(previous)
        if self.kind == "identify" and self.user:
            linked = device(self.device)
        return {
            "event_date": day(self.day),
            "known_date": day(self.known_day),
            "source": self.source,
            "event_kind": self.kind,
            "actor_key": user(self.user) or device(self.device),
            "actor_kind": "user" if self.user else "anonymous" if self.device else "none",
            "linked_actor_key": linked or None,
            "linked_user_key": user(previous) or None,
            "device_key": device(self.device),
            "email_key": mail(self.email),
            "email_domain_key": email_domain_key(self.email),
            "actor_stem_key": stem_key(self.user),
            "email_stem_key": stem_key(self.email),
            "workspace_key": workspace_key("product", self.workspace),
            "workspace_id_source": self.workspace,
            "account_id_source": self.account,
            "role": self.role,
            "event_count": 1,
            "started_us": us,
            "ended_us": us,
        }


def evidence(seen: Iterable[Seen]) -> ir.Table:
    rows = pa.Table.from_pylist([s.row() for s in seen], schema=arrow_schema(IDENTITY_EVIDENCE))
    return ibis.memtable(rows, schema=ibis_schema(IDENTITY_EVIDENCE))


def directory(*records: dict[str, object]) -> pd.DataFrame:
    """Directory records; each gives any of user, email, account, role, day, known."""
    rows = [
        {
            "source": "crm",
            "source_object": "Contact",
            "user_id_source": str(number),
            "email_key": mail(r.get("email")),  # type: ignore[arg-type]
            "email_domain_key": email_domain_key(r.get("email")),  # type: ignore[arg-type]
            "email_stem_key": stem_key(r.get("email")),  # type: ignore[arg-type]
            "actor_key": user(r.get("user")),  # type: ignore[arg-type]
            "device_key": device(r.get("device")),  # type: ignore[arg-type]
            "account_id": r.get("account"),
            "role": r.get("role"),
            "created_at": datetime.combine(day(r["day"]), datetime.min.time()),  # type: ignore[arg-type]
            "known_at": datetime.combine(day(r.get("known", r["day"])), datetime.min.time()),  # type: ignore[arg-type]
            "load_id": "1",
        }
        for number, r in enumerate(records)
    ]
    return pd.DataFrame(rows, columns=list(USERS_DIRECTORY.column_names))


def accounts(*records: tuple[str, str | None, int] | tuple[str, str | None, int, str]) -> pd.DataFrame:
    """Account history from (account, parent, day) and perhaps the name it had then."""
    rows = [
        {
            "account_id": account,
            "parent_account_id": parent,
            "account_name": name[0] if name else None,
            "valid_from_at": datetime.combine(day(number), datetime.min.time()),
            "known_date": day(number),
        }
        for account, parent, number, *name in records
    ]
    return pd.DataFrame(rows, columns=list(ACCOUNTS.column_names))


@dataclass(frozen=True)
class Retracted:
    """A person's word on an edge: kind and key of the identifier, key of the user, known day."""

    kind: str
    identifier: int
    user: int
    day: int
    is_restored: bool = False

    @classmethod
    def pair(cls, left: str, right: str, day: int) -> "Retracted":
        """The edge between two user ids."""
        low, high = sorted((user(left), user(right)))
        return cls("user", low, high, day)


def retractions(*said: Retracted) -> pd.DataFrame:
    """`staging/identity_retractions`."""
    rows = [
        {
            "source": "ledger",
            "retraction_id": f"{day(r.day)}/{number}",
            "identifier_kind": r.kind,
            "identifier_key": r.identifier,
            "linked_actor_key": r.user,
            "edge_change": "restored" if r.is_restored else "retracted",
            "known_at": datetime.combine(day(r.day), datetime.min.time()),
            "known_date": day(r.day),
            "load_id": "1",
        }
        for number, r in enumerate(said)
    ]
    return pd.DataFrame(rows, columns=list(IDENTITY_RETRACTIONS.column_names))


def resolved(
    seen: Iterable[Seen],
    people: pd.DataFrame | None = None,
    companies: pd.DataFrame | None = None,
    policy: IdentityPolicy = RULES,
    retracted: pd.DataFrame | None = None,
    exclusions: ExclusionPolicy = NO_EXCLUSIONS,
) -> IdentityTables:
    people = directory() if people is None else people
    companies = accounts() if companies is None else companies
    return resolve(evidence(seen), people, companies, retracted, policy=policy, exclusions=exclusions)


def rows_at(table: pa.Table, event: int, known: int = LATER) -> list[dict[str, object]]:
    """Rows that hold for an event day, as known on a known day."""
    return [r for r in _rows_known(table, known) if r["valid_from_date"] <= day(event) < r["valid_to_date"]]


def _rows_known(table: pa.Table, known: int) -> list[dict[str, object]]:
    as_known = day(known)
    return [r for r in table.to_pylist() if r["known_from_date"] <= as_known < r["known_to_date"]]


def person(tables: IdentityTables, identifier: int, event: int, known: int = LATER) -> int | None:
    """Whose an identifier was on an event day, as known on a known day; None if nobody's."""
    found = [r for r in rows_at(tables.people, event, known) if r["identifier_key"] == identifier]
    assert len(found) <= 1, "two persons for one identifier on one day"
    return found[0]["person_key"] if found else None  # type: ignore[return-value]


def states(
    table: pa.Table, key: list[str], value: list[str], event_days: int, known: int
) -> dict[tuple[object, ...], object]:
    """What a table says on a known day: value by event day and key."""
    rows, result = _rows_known(table, known), {}
    for event in range(event_days):
        for row in rows:
            if row["valid_from_date"] <= day(event) < row["valid_to_date"]:
                at = (event, *(row[k] for k in key))
                assert at not in result, f"two rows hold at once: {at}"
                result[at] = tuple(row[v] for v in value)
    return result
