"""A run that made no mistake: the lake a perfect pipeline would leave behind, written straight from the truth of a world."""

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from uam_platform.contracts import tables
from uam_platform.contracts.model import Contract
from uam_platform.contracts.schemas import arrow_schema
from uam_platform.evaluation.planted import event_id
from uam_platform.evaluation.truth import Truth
from uam_platform.lake.engine import connect
from uam_platform.temporal import keys
from uam_platform_tests.evaluation.small_run import ALWAYS, publish, publish_table

_HIGH, _LOW = event_id("message_id")
_USER = keys.sql_identifier_key("product", keys.USER, "user_id")
_DEFECTS = {
    "truncated": "truncated",
    "not_json": "not_json",
    "missing_event": "missing_event_name",
    "missing_ids": "missing_actor",
    "bad_timestamp": "unreadable_time",
    "far_future": "impossible_time",
}


def faithful_run(world: Path, run: Path) -> None:
    """Write the lake of a perfect run of `world` below `run`: staging and identity; the oracle's scores; one alert per episode."""
    truth = Truth(world)
    connection = connect()
    try:
        _events(connection, truth, run)
        _identity(truth, run)
        _scores(truth, run)
        _alerts(truth, run)
    finally:
        connection.disconnect()


def _write(run: Path, contract: Contract, connection: Any, sql: str, keep: frozenset[str] = frozenset()) -> None:
    """Publish a SELECT; columns it does not give are filled with plain values by SQL."""
    given = set(connection.raw_sql(f"DESCRIBE {sql}").df()["column_name"])
    plain = ", ".join(f"{_plain(c, contract)} AS {c.name}" for c in contract.columns if c.name not in given)
    found = connection.raw_sql(f"SELECT *{', ' + plain if plain else ''} FROM ({sql})").to_arrow_table()
    schema = arrow_schema(contract)
    publish_table(run, contract, found.select(schema.names).cast(pa.schema([f.with_nullable(True) for f in schema])))


def _plain(column: Any, contract: Contract) -> str:
    if column.name in contract.nullable:
        return "NULL"
    if column.allowed:
        return f"'{column.allowed[0]}'"
    if column.minimum:
        return str(column.minimum)
    return {"string": "'x'", "bool": "false", "date": "DATE '2025-01-06'", "timestamp": "TIMESTAMP '2025-01-06'"}.get(
        column.type.value, "0"
    )


def _events(connection: Any, truth: Truth, run: Path) -> None:
    people = truth.path("people")
    connection.raw_sql(f"""
        CREATE TEMP TABLE delivery AS
        SELECT d.*, u.identifier AS user_id, 'of ' || true_account_id AS workspace_id,
            defect IS NULL OR defect = 'user_id_number' AS is_readable,
            true_occurred_at::TIMESTAMP::DATE AS event_date,
            row_number() OVER (PARTITION BY true_event_no, defect IS NULL OR defect = 'user_id_number' ORDER BY delivery_no) AS copy
        FROM read_parquet('{truth.path("deliveries")}') d
        LEFT JOIN (SELECT person_id, any_value(identifier) AS identifier FROM read_parquet('{people}')
            WHERE identifier_kind = 'user_id' GROUP BY 1) u ON u.person_id = true_person_id
    """)
    space = keys.sql_identifier_key("product", keys.WORKSPACE, "workspace_id")
    ids = f"{_HIGH} AS event_hi, {_LOW} AS event_lo"
    _write(
        run,
        tables.EVENTS,
        connection,
        f"""
        SELECT {ids}, event_date, {_USER} AS actor_key, {space} AS workspace_key FROM delivery WHERE is_readable AND copy = 1""",
    )
    _write(
        run,
        tables.DUPLICATES_LOG,
        connection,
        f"""
        SELECT {ids}, event_date, delivery_no AS row_no, 'same_day_repeat' AS reason FROM delivery WHERE is_readable AND copy > 1""",
    )
    cases = " ".join(f"WHEN '{defect}' THEN '{reason}'" for defect, reason in _DEFECTS.items())
    _write(
        run,
        tables.QUARANTINE,
        connection,
        f"""
        SELECT 'segment' AS source, 'delivery' AS source_object, 'l1' AS load_id, delivery_no AS row_no,
            CASE defect {cases} END AS reason FROM delivery WHERE NOT is_readable""",
    )
    _write(
        run,
        tables.LOAD_RECONCILIATION,
        connection,
        """
        SELECT 'segment' AS source, 'l1' AS load_id, 'delivery' AS source_object, count(*) AS rows_in_count FROM delivery""",
    )
    both = f"""SELECT {keys.sql_identifier_key("product", keys.USER, "identifier")} AS actor_key FROM read_parquet('{people}')
        WHERE identifier_kind = 'user_id' UNION ALL
        SELECT {keys.sql_identifier_key("product", keys.ANONYMOUS, "identifier")} FROM read_parquet('{people}')
        WHERE identifier_kind = 'anonymous_id'"""
    _write(
        run,
        tables.IDENTITY_EVIDENCE,
        connection,
        f"SELECT DISTINCT actor_key, 'l' AS workspace_id_source FROM ({both})",
    )


def _identity(truth: Truth, run: Path) -> None:
    people = truth.frame("people")
    rows = []
    for person, kind, identifier in people[["person_id", "identifier_kind", "identifier"]].itertuples(index=False):
        if kind != "email":
            key = keys.user_key if kind == "user_id" else keys.anonymous_key
            name = "user" if kind == "user_id" else "anonymous"
            rows.append(ALWAYS | {
                "identifier_key": key("product", identifier), "identifier_kind": name, "evidence": "self",
                "person_key": keys.key63(person),
            })  # fmt: skip
    publish(run, tables.PEOPLE, {row["identifier_key"]: row for row in rows}.values())
    publish(run, tables.HIERARCHY, [  # one workspace per account, so that no change of hands blurs whose event it is
        ALWAYS | {"workspace_key": keys.workspace_key("product", f"of {a}"), "account_id": a}
        for a in truth.frame("accounts")["account_id"]
    ])  # fmt: skip


def _scores(truth: Truth, run: Path) -> None:
    weeks = truth.frame("health")
    weeks = weeks[weeks["as_of"] >= weeks["as_of"].min() + pd.Timedelta(days=28)]
    rows = [
        {
            "account_id": account, "as_of": as_of.date(), "churn_probability": p, "baseline_probability": 0.03,
            "model_rung": "lightgbm", "is_eligible": True, "mrr_usd_cents": 100_000,
        }
        for account, as_of, p in weeks[["account_id", "as_of", "p_churn_56d"]].itertuples(index=False)
    ]  # fmt: skip
    publish(run, tables.SCORES, rows)
    publish(run, tables.ACCOUNT_FEATURES, rows)


def _alerts(truth: Truth, run: Path) -> None:
    episodes = truth.frame("episodes")
    severe = episodes[episodes["is_harmful"] & (episodes["severity"] >= 0.5)]
    start = truth.frame("health")["as_of"].min()
    publish(run, tables.CANDIDATES, [
        {
            "account_id": account, "as_of": monday.date(), "fingerprint": episode, "detector": "any", "decision": "alert",
            "evidence_json": "{}",
        }
        for account, onset, episode in severe[["account_id", "onset_at", "episode_id"]].itertuples(index=False)
        if (monday := onset.normalize() + pd.Timedelta(days=(7 - onset.weekday()) % 7)) >= start + pd.Timedelta(days=28)
    ])  # fmt: skip
