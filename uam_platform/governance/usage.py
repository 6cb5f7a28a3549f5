"""What each event costs and who uses it: the audit of low-value events, and deliveries under deprecated names (R71, R80, R81).

Here: one scan of the stored events, then arithmetic on counts of names and days. Not here: who consumes an event
(`uam_platform.policy.consumers`), the thresholds (`uam_platform.policy.taxonomy_rules`), the Dagster face (`assets`).

All days are event days, counted back from the last one that is stored: the clock plays no part.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis.backends.duckdb import Backend

from uam_platform.contracts.tables import EVENT_USAGE, EVENTS, UNKNOWN_EVENTS
from uam_platform.lake.store import Lake
from uam_platform.policy.consumers import Consumer, Consumers
from uam_platform.policy.event_names import normalise
from uam_platform.policy.rulebook import Rulebook
from uam_platform.policy.taxonomy import DEPRECATED_NAME, Taxonomy

_SHOWN: Final = 3
_IDENTITY: Final = ("identify", "group", "alias")


def counted(events: ir.Table) -> pd.DataFrame:
    """Rows of each name and day: event_name, event_name_source, event_date, rows, carried.

    Args:
        events: EVENTS of all days.
    """
    is_call = events.event_kind != "track"  # its name is by its kind; what it was delivered with is a title
    spelled = ibis.ifelse(is_call, events.event_name, events.event_name_source)
    carries = (events.feature_bits != 0) | events.amount_usd_cents.notnull() | events.event_kind.isin(_IDENTITY)
    named = events.select("event_name", "event_date", event_name_source=spelled, carries=carries)
    grouped = named.group_by("event_name", "event_name_source", "event_date").aggregate(
        rows=named.count(), carried=named.count(where=named.carries)
    )
    return grouped.to_pandas().sort_values(["event_name", "event_name_source", "event_date"], ignore_index=True)


def event_usage(
    rows: pd.DataFrame, bytes_by_day: Mapping[date, int], taxonomy: Taxonomy, registry: Consumers
) -> pd.DataFrame:
    """Rows of EVENT_USAGE: one per event that is declared or stored.

    Args:
        rows: as `counted` gives them.
        bytes_by_day: bytes of the event table on each day.
        taxonomy: the rules in use.
        registry: consumers, read off the rulebook.
    """
    days = rows.assign(event_date=pd.to_datetime(rows["event_date"]).dt.date)
    last = max(days["event_date"], default=None)
    window = days.loc[days["event_date"] > last - timedelta(days=taxonomy.audit.window_days)] if last else days
    stored = _stored_bytes(window, bytes_by_day)
    names = sorted({*taxonomy.events, *days["event_name"]})
    made = [_row(name, days, window, stored, last, taxonomy, registry) for name in names]
    return pd.DataFrame(made, columns=list(EVENT_USAGE.column_names))


def _stored_bytes(window: pd.DataFrame, bytes_by_day: Mapping[date, int]) -> Mapping[str, int]:
    """Bytes of each name: its share of the rows of each day, in whole bytes."""
    rows_of_day: Counter[date] = Counter()
    rows_of: Counter[tuple[date, str]] = Counter()
    for day, name, rows in _triples(window):
        rows_of_day[day] += rows
        rows_of[day, name] += rows
    found: Counter[str] = Counter()
    for (day, name), rows in rows_of.items():
        found[name] += bytes_by_day.get(day, 0) * rows // rows_of_day[day]
    return found


def _triples(rows: pd.DataFrame) -> list[tuple[date, str, int]]:
    return list(zip(rows["event_date"], rows["event_name"], (int(n) for n in rows["rows"]), strict=True))


def _row(
    name: str,
    days: pd.DataFrame,
    window: pd.DataFrame,
    stored: Mapping[str, int],
    last: date | None,
    taxonomy: Taxonomy,
    registry: Consumers,
) -> dict[str, Any]:
    own, lately, rule = (
        days.loc[days["event_name"] == name],
        window.loc[window["event_name"] == name],
        taxonomy.events.get(name),
    )
    used = registry.of_event(name, rule) if rule else registry.of_words([name])
    row = {
        "event_name": name,
        "is_declared": rule is not None,
        "event_owner": taxonomy.owner_of(name) if rule else None,
        "event_tier": (rule.tier if rule else None) or "none",
        "marker": rule.marker if rule else "none",
        "window_event_count": int(lately["rows"].sum()),
        "stored_bytes": stored.get(name, 0),
        "stored_ratio": stored.get(name, 0) / max(sum(stored.values()), 1),
        "used_from_date": min(own["event_date"], default=None),
        "used_until_date": max(own["event_date"], default=None),
        "consumer_count": len(used),
        "consumers": in_words(used),
        "carried_count": int(lately["carried"].sum()),
    }
    return row | {"proposal": _proposal(row, last, taxonomy)}


def _proposal(row: Mapping[str, Any], last: date | None, taxonomy: Taxonomy) -> str:
    rule = taxonomy.audit
    if not row["is_declared"]:
        return "declare"
    since = taxonomy.since_of(row["event_name"]) or date.min
    if last is None or last - timedelta(days=rule.new_days) < since <= last:
        return "keep" if row["consumer_count"] else "too_new"
    if row["used_until_date"] is None:
        return "remove_never_seen"
    if row["used_until_date"] <= last - timedelta(days=rule.idle_days):
        return "remove_idle"
    if row["consumer_count"]:
        return "keep"
    return "keep_for_what_it_carries" if row["carried_count"] else "remove_unused"


def in_words(consumers: tuple[Consumer, ...]) -> str:
    """Consumers by kind, of each kind the first three."""
    kinds: dict[str, list[str]] = {}
    for consumer in consumers:
        kinds.setdefault(consumer.kind, []).append(consumer.name)
    parts = []
    for kind, names in kinds.items():
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        parts.append(f"{kind}: {', '.join(names[:_SHOWN])}{more}")
    return "; ".join(parts)


@dataclass(frozen=True)
class Deprecated:
    """Deliveries under a deprecated name, and the rules that still name it.

    Attributes:
        name: the deprecated event.
        successor: what it counts as; empty where nothing takes its place.
        taken: events on or after `deprecated_on` that were taken.
        refused: events set aside because of `refused_from`.
        last: last event day with one.
        refused_from: event day from which it is set aside.
        consumers: rules that name it.
    """

    name: str
    successor: str
    taken: int
    refused: int
    last: date | None
    refused_from: date | None
    consumers: tuple[Consumer, ...]

    @property
    def says(self) -> str:
        """One line for people."""
        end = f"set aside from {self.refused_from} on" if self.refused_from else "never refused"
        counts = f"{self.taken:,} events taken, {self.refused:,} set aside, the last on {self.last}"
        named = f"; still named by {in_words(self.consumers)}" if self.consumers else ""
        return f"{self.name} ({f'counts as {self.successor}' if self.successor else 'no successor'}, {end}): {counts}{named}"


def deprecated_deliveries(
    rows: pd.DataFrame, refused: pd.DataFrame, taxonomy: Taxonomy, registry: Consumers
) -> Iterator[Deprecated]:
    """Deprecated events that are still delivered, or that rules still name.

    Args:
        rows: as `counted` gives them.
        refused: event_name_source, event_date and rows of what was set aside as deprecated.
        taxonomy: the rules in use.
        registry: consumers, read off the rulebook.
    """
    names = taxonomy.canonical_names()
    meant = rows["event_name_source"].map(lambda spelled: names.get(normalise(spelled)))
    aside = refused["event_name_source"].map(lambda spelled: names.get(normalise(spelled)))
    for name, rule in taxonomy.events.items():
        if rule.deprecated_on is None:
            continue
        taken = rows.loc[(meant == name) & (pd.to_datetime(rows["event_date"]).dt.date >= rule.deprecated_on)]
        refusals = refused.loc[aside == name]
        seen = pd.to_datetime(pd.concat([taken["event_date"], refusals["event_date"]])).dt.date
        found = Deprecated(
            name=name,
            successor=rule.deprecated_by or "",
            taken=int(taken["rows"].sum()),
            refused=int(refusals["rows"].sum()),
            last=max(seen, default=None),
            refused_from=rule.refused_from,
            consumers=registry.of_words([name]),
        )
        if found.taken or found.refused or found.consumers:
            yield found


def stored_usage(lake: Lake, connection: Backend, rulebook: Rulebook) -> pd.DataFrame:
    """Rows of EVENT_USAGE from the stored events of all days."""
    pointers = {day: lake.pointer(EVENTS, day) or {} for day in lake.keys(EVENTS)}
    bytes_by_day = {date.fromisoformat(day): int(pointer.get("bytes", 0)) for day, pointer in pointers.items()}
    rows = counted(lake.read(connection, EVENTS))
    return event_usage(rows, bytes_by_day, rulebook.taxonomy, Consumers(rulebook))


def stored_deprecated(lake: Lake, connection: Backend, rulebook: Rulebook) -> list[Deprecated]:
    """Deprecated names among the stored events of all days."""
    if not rulebook.taxonomy.is_dated:
        return []
    unknown = lake.read(connection, UNKNOWN_EVENTS)
    refused = unknown.filter(unknown.reason == DEPRECATED_NAME).group_by("event_name_source", "event_date")
    counts = refused.aggregate(rows=lambda t: t.count()).to_pandas()
    return list(
        deprecated_deliveries(counted(lake.read(connection, EVENTS)), counts, rulebook.taxonomy, Consumers(rulebook))
    )
