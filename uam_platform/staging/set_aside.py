"""What was set aside: counts by reason, and single records with the rule that refused them.

Here: reading quarantine and unknown events, and finding the landed record behind a row, redacted. Not here: judging it again
(`replay`), what the reasons mean (`refusals`).
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import ibis
import ibis.expr.types as ir
from ibis.backends.duckdb import Backend

from uam_platform.contracts.tables import QUARANTINE, REFUSED_FIELDS, UNKNOWN_EVENTS
from uam_platform.lake import loads
from uam_platform.lake.loads import Load, LoadManifest
from uam_platform.lake.store import Lake
from uam_platform.staging.reconcile import DELIVERY
from uam_platform.staging.redaction import SHAPES_ONLY, redacted

HIDDEN: Final = "[hidden]"
_PERSONAL: Final = ("mail", "name", "phone", "mobile", "address", "street", "city", "comment", "body", "subject", "title",
                    "description", "text", "message", "note", "traits")  # fmt: skip
_NOT_PERSONAL: Final = ("event_name", "message_id")


@dataclass(frozen=True)
class Group:
    """Rows set aside for one reason.

    Attributes:
        source: connector.
        kind: delivery, or the vendor's name of the record.
        reason: reason code.
        name: event name as delivered, for names that the taxonomy does not accept.
        rows: how many.
        loads: in how many loads.
        first_seen: when the first of these loads was committed, ISO.
        last_seen: when the last of them was.
    """

    source: str
    kind: str
    reason: str
    name: str
    rows: int
    loads: int
    first_seen: str
    last_seen: str


@dataclass(frozen=True)
class Explained:
    """One record set aside.

    Attributes:
        kind: delivery, or the vendor's name of the record.
        reason: reason code.
        detail: what exactly, where more is known.
        contract_version: of the contract that was applied.
        file: landed file that holds it, relative to the raw folder.
        row_no: its position in the load.
        raw: the landed record, redacted.
    """

    source: str
    kind: str
    reason: str
    detail: str
    contract_version: int
    file: str
    row_no: int
    raw: Mapping[str, Any]


def groups(
    connection: Backend, lake: Lake, manifest: LoadManifest, *, reason: str | None = None, source: str | None = None
) -> list[Group]:
    """Everything set aside, most rows first.

    Args:
        connection: engine.
        lake: has quarantine and unknown events.
        manifest: knows when loads were committed.
        reason: only this reason.
        source: only this source.
    """
    rows = set_aside(connection, lake)
    for column, wanted in (("reason", reason), ("source", source)):
        rows = rows if wanted is None else rows.filter(rows[column] == wanted)
    grain = ("source", "source_object", "reason", "name")
    counted = rows.group_by(grain).aggregate(
        rows=rows.count(), loads=rows.load_id.nunique(), first=rows.load_id.min(), last=rows.load_id.max()
    )
    at = {load.load_id: load.loaded_at for load in manifest.loads()}
    found = counted.order_by([ibis.desc("rows"), *grain]).to_pyarrow().to_pylist()
    return [
        Group(
            r["source"],
            r["source_object"],
            r["reason"],
            r["name"],
            r["rows"],
            r["loads"],
            at[r["first"]],
            at[r["last"]],
        )
        for r in found
    ]


@dataclass(frozen=True)
class KeptOut:
    """A field that was kept out of some loads: records in which it held something, and loads."""

    source: str
    kind: str
    name: str
    rows: int
    loads: int


def refused_fields(connection: Backend, lake: Lake) -> list[KeptOut]:
    """Fields that were kept out for lack of a purpose, most records first."""
    rows = lake.read(connection, REFUSED_FIELDS)
    grain = ("source", "source_object", "field_name")
    counted = rows.group_by(grain).aggregate(rows=rows.value_count.sum(), loads=rows.load_id.nunique())
    found = counted.order_by([ibis.desc("rows"), *grain]).to_pyarrow().to_pylist()
    return [KeptOut(r["source"], r["source_object"], r["field_name"], r["rows"], r["loads"]) for r in found]


def set_aside(connection: Backend, lake: Lake) -> ir.Table:
    """Quarantine and unknown events as one table: source, source_object, reason, name, load_id, row_no, detail, contract_version."""
    broken = lake.read(connection, QUARANTINE)
    unknown = lake.read(connection, UNKNOWN_EVENTS)
    columns = ("source", "source_object", "reason", "name", "load_id", "row_no", "detail", "contract_version")
    first = broken.mutate(name=ibis.literal(""), detail=broken.detail.fill_null("")).select(columns)
    second = unknown.mutate(
        source_object=ibis.literal(DELIVERY),
        name=unknown.event_name_source,
        detail=ibis.literal(""),
        contract_version=ibis.literal(UNKNOWN_EVENTS.version, "int32").cast(broken.contract_version.type()),
    ).select(columns)
    return first.union(second)


def examples(connection: Backend, lake: Lake, reason: str, source: str | None, most: int = 5) -> list[tuple[str, int]]:
    """A few (load, row) of a reason, the latest loads first."""
    rows = set_aside(connection, lake).filter(lambda t: t.reason == reason)
    rows = rows if source is None else rows.filter(rows.source == source)
    found = rows.select("load_id", "row_no").order_by([ibis.desc("load_id"), "row_no"]).limit(most).to_pyarrow()
    return list(zip(found["load_id"].to_pylist(), found["row_no"].to_pylist(), strict=True))


def explain(connection: Backend, lake: Lake, manifest: LoadManifest, load_id: str, row_no: int) -> list[Explained]:
    """The records set aside at a position of a load: none, one, or one delivery and one API record.

    Raises:
        ValueError: there is no such load.
    """
    load = next((load for load in manifest.loads() if load.load_id == load_id), None)
    if load is None:
        raise ValueError(f"no load {load_id!r}; `uam quarantine --reason …` names loads and rows")
    rows = set_aside(connection, lake).filter(lambda t: (t.load_id == load_id) & (t.row_no == row_no))
    return [
        _explained(connection, manifest, load, row) for row in rows.order_by("source_object").to_pyarrow().to_pylist()
    ]


def _explained(connection: Backend, manifest: LoadManifest, load: Load, row: Mapping[str, Any]) -> Explained:
    table = loads.DELIVERIES if row["source_object"] == DELIVERY else loads.RECORDS
    file, raw = _landed(connection, manifest, load, table, row["row_no"])
    detail = row["detail"] or row["name"]
    return Explained(
        load.source, row["source_object"], row["reason"], detail, row["contract_version"], file, row["row_no"], raw
    )


def _landed(
    connection: Backend, manifest: LoadManifest, load: Load, table: str, row_no: int
) -> tuple[str, dict[str, Any]]:
    """File and redacted content of one landed row."""
    for name in load.files.get(table, ()):
        landed = connection.read_parquet(str(manifest.root / name))
        found = landed.filter(landed.row_no == row_no).to_pyarrow().to_pylist()
        if found:
            return name, dict(_shown(found[0]))
    return "", {}


def _shown(row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Fields that hold something, without what names a person."""
    for name, value in row.items():
        if value not in (None, "") and name != "row_no":
            yield name, _redacted_json(value) if name == "payload" else hidden(name, value)


def _redacted_json(payload: str) -> Any:
    try:
        return hidden("", json.loads(payload))
    except ValueError:
        return redacted(payload, SHAPES_ONLY)


def hidden(name: str, value: Any) -> Any:
    """`value` without what names a person: fields of such names whole, addresses and numbers by their shape elsewhere."""
    if isinstance(value, dict):
        return {key: hidden(key, each) for key, each in value.items()}
    if isinstance(value, list):
        return [hidden(name, each) for each in value]
    if value is None or isinstance(value, bool):
        return value
    if name not in _NOT_PERSONAL and any(part in name.lower() for part in _PERSONAL):
        return HIDDEN
    return redacted(value, SHAPES_ONLY) if isinstance(value, str) else value
