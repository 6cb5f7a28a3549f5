"""Runs that a server told of, beside what clients told of the same runs, and who was acting with what.

Here: one query over events that joins the two sides by run. Not here: which events mirror each other (`rulebook/quality.yaml`), whether a
missing telling is a finding (`missing_tellings`), the stored table (`client_server`).

A run whose start a server told itself (a schedule) needs no client. A client's telling counts if it was known within the days that an
event day has to settle, so that the answer for a day never changes afterwards. Servers seldom know the browser: then it is that of the
client's telling, else of the nearest client event of the same actor; where there is none, the actor is unseen, which is what a blocked
tracker looks like from here.
"""

from collections.abc import Mapping
from typing import Final

import ibis.expr.types as ir
import pandas as pd
from ibis.backends.duckdb import Backend

from uam_platform.policy.quality import QualityPolicy, Twin
from uam_platform.temporal.keys import key63

UNKNOWN: Final = "unknown"
UNSEEN: Final = "unseen"
CONTEXT: Final = ("browser", "device_type", "app_version")
GROUP: Final = ("twin", "event_date", "actor_key", *CONTEXT, "context_basis")
READ: Final = (
    "event_name event_date known_date occurred_us actor_key actor_kind side workflow_id browser device_type app_version"
).split()
_DAY_US: Final = 86_400_000_000


def told_runs(connection: Backend, events: ir.Table, unknown: ir.Table, policy: QualityPolicy) -> pd.DataFrame:
    """Runs by what both sides told of them.

    Args:
        connection: engine.
        events: EVENTS, at least the columns of `READ`.
        unknown: UNKNOWN_EVENTS.
        policy: twins, days to settle.

    Returns:
        One row per `GROUP`: server_count, matched_count, renamed_count, client_count, and renamed_to, the commonest unknown name under
        which clients told of runs that are missing (null without one). Sorted by `GROUP`.
    """
    name = f"twins_{key63(repr(sorted(policy.twins)))}"
    connection.create_view(f"{name}_events", events.select(READ), overwrite=True)
    connection.create_view(f"{name}_unknown", unknown, overwrite=True)
    try:
        return connection.raw_sql(_query(name, policy)).df()
    finally:
        connection.drop_view(f"{name}_events", force=True)
        connection.drop_view(f"{name}_unknown", force=True)


def _query(name: str, policy: QualityPolicy) -> str:
    settled, group = policy.settled_days, ", ".join(GROUP)
    return f"""
        WITH names AS ({names_query(policy.twins)}),
        told AS (
            SELECT twin, names.side AS told_by, {", ".join(f"e.{column}" for column in READ)}
            FROM {name}_events AS e JOIN names USING (event_name) WHERE workflow_id IS NOT NULL
        ), starts AS (
            SELECT twin, workflow_id, bool_or(side = 'server') AS is_server_told,
                min(known_date) FILTER (side = 'client') AS client_known_date,
                {", ".join(f"arg_min({c}, occurred_us) FILTER (side = 'client') AS twin_{c}" for c in CONTEXT)}
            FROM told WHERE told_by = 'client' GROUP BY ALL
        ), other_names AS (
            SELECT workflow_id, min(event_name_source) AS other_name FROM {name}_unknown
            WHERE side = 'client' AND workflow_id IS NOT NULL GROUP BY ALL
        ), ends AS (
            SELECT * FROM told WHERE told_by = 'server' AND side = 'server' AND known_date <= event_date + {settled}
            QUALIFY row_number() OVER (PARTITION BY twin, workflow_id ORDER BY occurred_us, known_date) = 1
        ), runs AS (
            SELECT ends.*, coalesce(client_known_date <= event_date + {settled}, false) AS is_matched, other_name,
                {", ".join(f"twin_{c}" for c in CONTEXT)}
            FROM ends LEFT JOIN starts USING (twin, workflow_id) LEFT JOIN other_names USING (workflow_id)
            WHERE NOT coalesce(is_server_told, false)
        ), seen AS (
            SELECT actor_key, occurred_us, {", ".join(f"any_value({c}) AS seen_{c}" for c in CONTEXT)} FROM {name}_events
            WHERE side = 'client' AND actor_kind = 'user' AND (browser IS NOT NULL OR app_version IS NOT NULL)
            GROUP BY ALL
        ), placed AS ({_placed(policy)}),
        server AS (
            SELECT {group}, count(*) AS server_count, count(*) FILTER (is_matched) AS matched_count,
                count(*) FILTER (NOT is_matched AND other_name IS NOT NULL) AS renamed_count,
                mode(other_name ORDER BY other_name) FILTER (NOT is_matched) AS renamed_to
            FROM placed GROUP BY {group}
        ), client AS (
            SELECT twin, event_date, actor_key, {", ".join(f"coalesce({c}, '{UNKNOWN}') AS {c}" for c in CONTEXT)},
                'twin' AS context_basis, count(*) AS client_count
            FROM told WHERE told_by = 'client' AND side = 'client' AND known_date <= event_date + {settled} GROUP BY ALL
        )
        SELECT {group}, coalesce(server_count, 0)::BIGINT AS server_count, coalesce(matched_count, 0)::BIGINT AS matched_count,
            coalesce(renamed_count, 0)::BIGINT AS renamed_count, coalesce(client_count, 0)::BIGINT AS client_count, renamed_to
        FROM server FULL JOIN client USING ({group}) ORDER BY {group}
    """


def names_query(twins: Mapping[str, Twin]) -> str:
    """SQL of the events of all twins: twin, event_name, side."""
    rows = [
        f"('{name}', '{event}', '{side}')"
        for name, twin in sorted(twins.items())
        for side, events in (("client", twin.client), ("server", twin.server))
        for event in events
    ]
    return f"SELECT * FROM (VALUES {', '.join(rows) or '(NULL, NULL, NULL)'}) AS t(twin, event_name, side)"


def _placed(policy: QualityPolicy) -> str:
    """Runs with browser, device and version, and whose record says so."""
    reach = policy.context_days * _DAY_US
    near = {
        "before": f"runs.occurred_us - before.occurred_us <= {reach}",
        "later": f"later.occurred_us - runs.occurred_us <= {reach}",
    }
    names = "runs.browser IS NOT NULL"  # the version that a server states is its own
    told = {"browser": "runs.browser", "device_type": "runs.device_type", "app_version": "NULL"}
    columns = ", ".join(
        f"""coalesce({told[c]}, CASE WHEN is_matched THEN twin_{c} WHEN {near["before"]} THEN before.seen_{c}
            WHEN {near["later"]} THEN later.seen_{c} END, '{UNKNOWN}') AS {c}"""
        for c in CONTEXT
    )
    return f"""
        SELECT twin, runs.event_date, runs.actor_key, is_matched, other_name, {columns},
            CASE WHEN {names} THEN 'server' WHEN is_matched THEN 'twin' WHEN {near["before"]} OR {near["later"]} THEN 'actor'
                ELSE '{UNSEEN}' END AS context_basis
        FROM runs
        ASOF LEFT JOIN seen AS before ON runs.actor_key = before.actor_key AND runs.occurred_us >= before.occurred_us
        ASOF LEFT JOIN seen AS later ON runs.actor_key = later.actor_key AND runs.occurred_us <= later.occurred_us
    """
