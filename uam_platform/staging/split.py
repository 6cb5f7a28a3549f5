"""Splits one landed load of event deliveries into accepted rows with keys and repaired times, and quarantined rows.

Here: judging a delivery by its envelope alone, in one pass of DuckDB SQL over the landed Parquet. Not here: what event names
mean and which deliveries repeat each other (`events`, `key_index`), API records (`records`), the SQL of times (`time_sql`).

Every landed row leaves through exactly one of the two tables, so `rows_in` = deliveries + quarantine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final

import ibis.expr.types as ir
import pyarrow.parquet as pq
from ibis.backends.duckdb import Backend

from uam_platform.contracts.landing import DELIVERY_COLUMNS
from uam_platform.contracts.tables import DELIVERIES, QUARANTINE
from uam_platform.lake.engine import conform, empty
from uam_platform.lake.loads import DELIVERIES as LANDED
from uam_platform.lake.loads import Load, LoadManifest
from uam_platform.policy.sources import DELIVERY, SourceMap
from uam_platform.policy.time import KnowledgeBasis, SourceTime, TimePolicy
from uam_platform.staging import time_sql
from uam_platform.temporal import keys

KINDS: Final = ("track", "page", "identify", "group", "alias")
NUMBERS: Final = ("duration_ms", "quantity", "amount_usd_cents")
_TIMES: Final = ("occurred_text", "original_text", "sent_text", "received_text")
_NOT_CONTENT: Final = {"message_id", "event_name", "parse_error", "raw_line", "browser", "app_version", *_TIMES}


@dataclass(frozen=True)
class Split:
    """One load, judged.

    Attributes:
        deliveries: accepted rows, columns of the DELIVERIES contract, by event day and row; a table of the engine, which the caller drops.
        quarantine: rejected rows, columns of the QUARANTINE contract; reason codes as in `_reason`. Lazy, and reads `deliveries`.
        event_dates: event days the accepted rows lie on, ISO, sorted.
        rows_in: rows that the landed files hold.
        refused: rows in which a column without purpose held something, by column.
    """

    deliveries: ir.Table
    quarantine: ir.Table
    event_dates: list[str]
    rows_in: int
    refused: Mapping[str, int] = field(default_factory=dict)

    def drop(self, connection: Backend) -> None:
        """Drop the table of accepted rows; neither table can be read afterwards."""
        connection.drop_table(self.deliveries.op().name, force=True)


def source_time(load: Load, policy: TimePolicy) -> SourceTime:
    """Time rules of a load: the policy's for its source, overridden by what a mapped load carries in its state."""
    own = {name: load.state[name] for name in ("id_space", "basis", "lag_hours") if load.state.get(name) is not None}
    return SourceTime.model_validate({**policy.source(load.source).model_dump(), **own})


def split_load(
    connection: Backend, load: Load, manifest: LoadManifest, policy: TimePolicy, sources: SourceMap | None = None
) -> Split:
    """Split the deliveries of one load.

    Args:
        connection: engine (`uam_platform.lake.engine.connect`); its time zone is UTC.
        load: a complete load; one without deliveries gives empty tables.
        manifest: knows where the load's files lie.
        policy: bounds of plausible times and knowledge basis of the source.
        sources: columns of the envelope that have a purpose, by source; others are read as empty. None: all have one.

    Returns:
        The accepted rows, computed, and a lazy table of the others, which reads closely only what was not accepted.
    """
    paths = manifest.paths(load, LANDED)
    if not paths:
        return Split(empty(DELIVERIES), empty(QUARANTINE), [], 0)
    rules = source_time(load, policy)
    name = f"judged_{keys.key63(load.load_id)}"
    landed = _landed(paths)
    refused = without_purpose(load, sources)
    judged = _judged(_emptied(landed, refused), load, policy, rules)
    connection.raw_sql(f"CREATE OR REPLACE TEMP VIEW {name} AS {_deliveries(judged, load, policy, rules)}")
    in_order = conform(connection.table(name), DELIVERIES).order_by(["event_date", "row_no"])
    accepted = connection.create_table(f"{name}_accepted", in_order, overwrite=True)
    left = f"{_emptied(landed, refused)} ANTI JOIN {name}_accepted USING (row_no)"
    others = _judged(left, load, policy, rules)
    connection.raw_sql(f"CREATE OR REPLACE TEMP VIEW {name}_rejected AS {_quarantine(others, load)}")
    days = connection.raw_sql(f"SELECT DISTINCT event_date::VARCHAR FROM {name}_accepted ORDER BY 1").fetchall()
    return Split(
        deliveries=accepted,
        quarantine=conform(connection.table(f"{name}_rejected"), QUARANTINE),
        event_dates=[day for (day,) in days],
        rows_in=connection.raw_sql(f"SELECT count(*) FROM {landed}").fetchone()[0],
        refused=_counted(connection, landed, refused),
    )


def _landed(paths: list[str]) -> str:
    """The landed rows; columns that the envelope has got since the load was landed hold nothing."""
    files = f"read_parquet([{', '.join(_text(path) for path in paths)}])"
    present = set(pq.read_schema(paths[0]).names)  # files of one load were written by one version
    absent = [f"NULL::VARCHAR AS {name}" for name, _ in DELIVERY_COLUMNS if name not in present]
    return f"(SELECT *, {', '.join(absent)} FROM {files})" if absent else files


def without_purpose(load: Load, sources: SourceMap | None) -> list[str]:
    """Columns of the envelope that the source map does not let in from this load's source."""
    if sources is None:
        return []
    collected = sources.collected(load.source, DELIVERY)
    return [name for name, _ in DELIVERY_COLUMNS if name not in collected]


def _emptied(landed: str, refused: Sequence[str]) -> str:
    """Landed rows in which the refused columns hold nothing."""
    if not refused:
        return landed
    return f"(SELECT * REPLACE ({', '.join(f'NULL::VARCHAR AS {name}' for name in refused)}) FROM {landed})"


def _counted(connection: Backend, landed: str, refused: Sequence[str]) -> dict[str, int]:
    """How many rows hold something in each refused column."""
    if not refused:
        return {}
    counts = ", ".join(f"count(nullif({name}, ''))" for name in refused)
    found = connection.raw_sql(f"SELECT {counts} FROM {landed}").fetchone()
    return {name: count for name, count in zip(refused, found, strict=True) if count}


def _text(value: Any) -> str:
    return "'" + str(value).replace("'", "''") + "'"


def _judged(landed: str, load: Load, policy: TimePolicy, rules: SourceTime) -> str:
    """Landed rows with times in microseconds, numbers, kind and reason (null where the row is accepted)."""
    given = ", ".join(
        f"nullif({name}, '') AS {name}" for name, _ in DELIVERY_COLUMNS if name not in ("raw_line", "kind", *NUMBERS)
    )
    numbers = ", ".join(f"try_cast({n} AS BIGINT) AS {n}, nullif({n}, '') AS {n}_text" for n in NUMBERS)
    stamps = ", ".join(f"{time_sql.microseconds(name)} AS {name[:-5]}_us" for name in _TIMES)
    return f"""
        WITH landed AS (
            SELECT row_no, raw_line, lower(kind) AS kind, {given}, {numbers} FROM {landed}
        ), read AS (SELECT *, {stamps} FROM landed),
        timed AS (SELECT *, {time_sql.CANDIDATE} AS candidate_us FROM read)
        SELECT *, {time_sql.EVENT} AS event_us, {time_sql.CONFIDENCE} AS time_confidence,
            {_reason(load, policy, rules)} AS reason
        FROM timed
    """


def _reason(load: Load, policy: TimePolicy, rules: SourceTime) -> str:
    """First rule that a row breaks; the order goes from "no record" over "no event" to "no use"."""
    readable = " OR ".join(f"({name} IS NOT NULL AND {name[:-5]}_us IS NULL)" for name in _TIMES)
    no_date = " OR ".join(f"({name[:-5]}_us IS NULL AND {time_sql.is_no_date(name)})" for name in _TIMES)
    numbers = " OR ".join(f"({n}_text IS NOT NULL AND {n} IS NULL)" for n in NUMBERS)
    ahead = time_sql.too_late(policy, load.loaded_time)
    return f"""CASE
        WHEN parse_error IS NOT NULL THEN parse_error
        WHEN kind IS NULL OR kind NOT IN ({", ".join(_text(k) for k in KINDS)}) THEN 'unknown_kind'
        WHEN kind = 'track' AND event_name IS NULL THEN 'missing_event_name'
        WHEN user_id IS NULL AND anonymous_id IS NULL THEN 'missing_actor'
        WHEN {readable} THEN CASE WHEN {no_date} THEN 'impossible_time' ELSE 'unreadable_time' END
        WHEN candidate_us IS NULL THEN 'missing_time'
        WHEN {ahead} OR {time_sql.too_old(policy)} THEN 'impossible_time'
        WHEN candidate_us < {_first_us(policy)} THEN 'before_first_day'
        WHEN {numbers} OR duration_ms < 0 THEN 'wrong_type' END"""


def _first_us(policy: TimePolicy) -> int:
    first = policy.first_day or date(1, 1, 1)
    return (first - date(1970, 1, 1)).days * 86_400_000_000


def _quarantine(judged: str, load: Load) -> str:
    wrong = ", ".join(f"CASE WHEN {n}_text IS NOT NULL AND {n} IS NULL THEN '{n}' END" for n in NUMBERS)
    unread = ", ".join(f"CASE WHEN {t} IS NOT NULL AND {t[:-5]}_us IS NULL THEN '{t[:-5]}' END" for t in _TIMES)
    return f"""
        SELECT {_text(load.source)} AS source, 'delivery' AS source_object, {_text(load.load_id)} AS load_id, row_no, reason,
            {DELIVERIES.version} AS contract_version,
            CASE reason
                WHEN 'wrong_type' THEN 'not a whole number: '
                    || concat_ws(', ', {wrong}, CASE WHEN duration_ms < 0 THEN 'duration_ms is negative' END)
                WHEN 'unreadable_time' THEN 'not ISO 8601: ' || concat_ws(', ', {unread})
                WHEN 'unknown_kind' THEN 'kind is none of {", ".join(KINDS)}' END AS detail,
            event_name AS event_name_source, raw_line
        FROM ({judged}) WHERE reason IS NOT NULL
    """


def _deliveries(judged: str, load: Load, policy: TimePolicy, rules: SourceTime) -> str:
    known, imputed = _known(load, rules)
    kept = (
        "feature workflow workflow_id workflow_step workflow_state error_code duration_ms app_area device_type browser "
        "app_version plan_tier feature_flag role quantity amount_usd_cents"
    ).replace(" ", ", ")
    grace = int(policy.grace / timedelta(microseconds=1))
    return f"""
        WITH known AS (
            SELECT *, {known} AS known_us, {imputed} AS is_known_at_imputed, {_event_id_text(load, rules)} AS id_text,
                {keys.sql_identifier_key(rules.id_space, keys.USER, "user_id")} AS user_key,
                {keys.sql_identifier_key(rules.id_space, keys.ANONYMOUS, "anonymous_id")} AS device_key
            FROM ({judged}) WHERE reason IS NULL
        )
        SELECT {_text(load.source)} AS source, {keys.sql_key63_upper("id_text")} AS event_hi, {keys.sql_key63("id_text")} AS event_lo,
            CASE WHEN message_id IS NULL THEN 'content' ELSE 'vendor_id' END AS key_basis,
            make_timestamp(event_us)::DATE AS event_date, make_timestamp(event_us) AS occurred_at, event_us AS occurred_us,
            make_timestamp(known_us) AS known_at, known_us,
            greatest(make_timestamp(event_us)::DATE, make_timestamp(known_us - {grace})::DATE) AS known_date,
            is_known_at_imputed, time_confidence,
            CASE WHEN user_id IS NULL THEN device_key ELSE user_key END AS actor_key,
            CASE WHEN user_id IS NULL THEN 'anonymous' ELSE 'user' END AS actor_kind,
            {_linked_key(rules)} AS linked_actor_key, {_linked_user_key(rules)} AS linked_user_key, device_key,
            {keys.sql_email_key("email")} AS email_key, {keys.sql_email_domain_key("email")} AS email_domain_key,
            {keys.sql_stem_key("user_id")} AS actor_stem_key, {keys.sql_stem_key("email")} AS email_stem_key,
            {keys.sql_identifier_key(rules.id_space, keys.WORKSPACE, "workspace_id")} AS workspace_key,
            workspace_id AS workspace_id_source, account_id AS account_id_source, kind AS event_kind,
            coalesce(event_name, kind) AS event_name_source,
            CASE lower(side) WHEN 'server' THEN 'server' ELSE 'client' END AS side,
            {kept}, {_text(load.load_id)} AS load_id, row_no
        FROM known
    """


def _known(load: Load, rules: SourceTime) -> tuple[str, str]:
    """SQL of known_us and of whether it was imputed, by the knowledge basis of the source."""
    if rules.basis is KnowledgeBasis.SERVER_AUTHORED:
        return "event_us", "false"
    loaded = time_sql.epoch_microseconds(load.loaded_time)
    is_backfill = f"(event_us < {loaded - time_sql.DAY_US})"
    lag = int(timedelta(hours=rules.lag_hours) / timedelta(microseconds=1))
    observed = f"CASE WHEN {is_backfill} THEN event_us + {lag} ELSE {loaded} END"
    if rules.basis is KnowledgeBasis.OBSERVED:
        return observed, is_backfill
    return f"coalesce(received_us, {observed})", f"(received_us IS NULL AND {is_backfill})"


def _event_id_text(load: Load, rules: SourceTime) -> str:
    """What the event id is hashed from: the vendor's id, unique among the tools that pass it on, else everything the record says."""
    content = ", ".join(
        f"coalesce({column}::VARCHAR, '')"
        for column in (
            "kind",
            "event_name",
            "event_us",
            *(n for n, _ in DELIVERY_COLUMNS if n not in _NOT_CONTENT and n != "kind"),
        )
    )
    vendor = f"{_text((rules.message_ids_of or load.source) + '|')} || message_id"
    return f"CASE WHEN message_id IS NULL THEN concat_ws(chr(31), {_text(rules.id_space)}, {content}) ELSE {vendor} END"


def _linked_key(rules: SourceTime) -> str:
    """The other identifier a record names: what an alias replaces, the device an identify ties to a user."""
    previous = keys.sql_identifier_key(rules.id_space, keys.ANONYMOUS, "previous_id")
    return f"""CASE WHEN kind = 'alias' THEN nullif({previous}, 0)
        WHEN kind = 'identify' AND user_id IS NOT NULL THEN nullif(device_key, 0) END"""


def _linked_user_key(rules: SourceTime) -> str:
    """What an alias replaces, read as a user id: the record does not say which kind of id it was."""
    previous = keys.sql_identifier_key(rules.id_space, keys.USER, "previous_id")
    return f"CASE WHEN kind = 'alias' THEN nullif({previous}, 0) END"
