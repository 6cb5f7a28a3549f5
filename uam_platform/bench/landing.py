"""Lands made-up deliveries for the benchmark: as many as wanted, the same every time, in the shape a connector lands.

Here: what the deliveries are like (heavy-tailed accounts, sessions, repeats, late ones, sloppy names) and their loads. Not here: a
company with causes and truth (`uam_platform.simulation`), measuring (`measure`).
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

import duckdb

from uam_platform.contracts.landing import DELIVERY_COLUMNS
from uam_platform.lake.loads import DELIVERIES, Load, LoadManifest

SOURCE: Final = "segment"
LATEST_DAYS: Final = 10  # the longest a delivery is late
REPEATED: Final = 0.02
_PER_SESSION: Final = 12
_PER_PERSON: Final = 300
_PEOPLE_PER_ACCOUNT: Final = 20
_DAY_US: Final = 86_400_000_000

_NAMES: Final = (
    "report_generated,Report Generated,reportGenerated,generate_report,report_exported,dashboard_shared,Dashboard Shared,"
    "workflow_completed,Workflow Completed,import_completed,alert_rule_saved,workflow_started,import_attempted,"
    "feature_used,feature_used,Feature Used,featureUsed,report_viewed,report_viewed,report_viewed,dashboard_viewed,dashboard_viewed,"
    "search_performed,search_performed,modal_opened,project_created,Integration Connected,import_failed,Import Failed,"
    "workflow_failed,validation_error_shown,permission_denied,error_encountered,admin_invited,pricing_viewed,Viewed Pricing,"
    "plan_compared,settings_explored,billing_viewed,user_signed_in,Login,user_signed_out,clicked_save_button,beta_canvas_opened"
)
_FEATURES: Final = (
    "pivot,scheduled_reports,Scheduled Reports,api_access,sso,forecasting,annotations,drillDown,templates,comments,x1"
)


@dataclass(frozen=True)
class Shape:
    """How many deliveries there are and how they lie in time.

    Attributes:
        deliveries: landed rows, about (repeats are drawn).
        first_day: UTC day of the first event.
        days: days they are spread over.
        days_per_load: days whose receipts one load brings.
        single_days: of the last days each has a load of its own.
    """

    deliveries: int
    first_day: date
    days: int
    days_per_load: int
    single_days: int = 0

    @property
    def loads(self) -> list[tuple[int, int]]:
        """First day and day after the last of each load, counted from the first day."""
        starts = [
            *range(0, self.days - self.single_days, self.days_per_load),
            *range(self.days - self.single_days, self.days),
        ]
        return list(zip(starts, [*starts[1:], self.days], strict=True))

    @property
    def events(self) -> int:
        """Things that happened; the rest of the deliveries repeats them."""
        return round(self.deliveries / (1 + REPEATED))


FIRST_DAY: Final = date(2025, 1, 6)
_PER_LOAD: Final = 1_500_000


def days_per_load(deliveries: int, days: int) -> int:
    """Days that one load brings, so that no load is too large for memory."""
    return min(days, max(1, round(days * _PER_LOAD / deliveries)))


def land(root: Path, shape: Shape) -> LoadManifest:
    """Write all loads of `shape` below `root`; each load holds what was received on its days, the last one all later receipts too."""
    manifest = LoadManifest(root)
    with duckdb.connect() as connection:
        connection.execute("SET threads=2; SET memory_limit='3GB'; SET enable_progress_bar=false")
        connection.execute("CREATE MACRO chance(key, salt) AS (hash(key, salt) % 1000003) / 1000003.0")
        for start, end in shape.loads:
            _land_one(connection, manifest, shape, start, end)
    return manifest


def _land_one(
    connection: duckdb.DuckDBPyConnection, manifest: LoadManifest, shape: Shape, start: int, end: int
) -> None:
    is_last = end == shape.days
    midnight = datetime.combine(shape.first_day, datetime.min.time()) + timedelta(days=end)
    loaded_at = midnight + timedelta(days=3 * LATEST_DAYS if is_last else 0, hours=1)
    load_id = manifest.next_id(SOURCE, loaded_at)
    path = manifest.folder(load_id) / "deliveries-0.parquet"
    path.parent.mkdir(parents=True)
    (rows,) = connection.execute(
        f"COPY ({deliveries_sql(shape, start, None if is_last else end)}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)"
    ).fetchone() or (0,)
    name = str(path.relative_to(manifest.root))
    manifest.commit(
        Load(load_id, SOURCE, loaded_at.isoformat(), files={DELIVERIES: [name]}, rows={DELIVERIES: int(rows)})
    )


def deliveries_sql(shape: Shape, start: int, end: int | None) -> str:
    """DuckDB SQL of the deliveries received from day `start` until before day `end` (None: until the end of time)."""
    first_us = (shape.first_day - date(1970, 1, 1)).days * _DAY_US
    low = max(0, (start - 2 * LATEST_DAYS - 2) * shape.events // shape.days)
    high = shape.events if end is None else min(shape.events, (end + 1) * shape.events // shape.days)
    until = "" if end is None else f"AND received_us < {first_us + end * _DAY_US}"
    since = f"received_us >= {first_us + start * _DAY_US}" if start else "true"
    columns = ", ".join(f"{name}::VARCHAR AS {name}" for name, _ in DELIVERY_COLUMNS)
    return f"""
        WITH {_happened(shape, first_us, low, high)}, {_DELIVERED}, wanted AS (
            SELECT * FROM delivered WHERE {since} {until}
        ), written AS (SELECT *, {_TEXTS} FROM wanted)
        SELECT {columns}, row_number() OVER (ORDER BY received_us, i, copy) - 1 AS row_no FROM written ORDER BY row_no
    """


def _happened(shape: Shape, first_us: int, low: int, high: int) -> str:
    people = max(20, shape.events // _PER_PERSON)
    accounts = max(5, people // _PEOPLE_PER_ACCOUNT)
    sessions = shape.events // _PER_SESSION + 1
    span = shape.days * _DAY_US - 7_200_000_000
    return f"""numbered AS (SELECT i, i // {_PER_SESSION} AS s, i % {_PER_SESSION} AS j FROM range({low}, {high}) t(i)),
        placed AS (
            SELECT *, {first_us} + floor((s + chance(s, 'start')) * {span / sessions})::BIGINT + j * 40000000
                    + floor(chance(i, 'pause') * 30000)::BIGINT * 1000 AS true_us,
                CASE WHEN chance(s, 'largest') < 0.1 THEN 0
                    ELSE 1 + floor({accounts - 1} * pow(chance(s, 'account'), 2.5))::BIGINT END AS account
            FROM numbered
        ), peopled AS (
            SELECT *, floor(chance(s, 'person') * CASE account WHEN 0 THEN {people // 10 + 1} ELSE
                greatest(3, {people * 0.9} * (pow(account / {accounts}, 0.4) - pow((account - 1) / {accounts}, 0.4))) END)::BIGINT AS person
            FROM placed
        ), happened AS (
            SELECT *, account || '-' || person AS who, CASE WHEN j = 0 AND chance(s, 'identify') < 0.3 THEN 'identify'
                WHEN j = 1 AND chance(s, 'group') < 0.05 THEN 'group'
                WHEN chance(i, 'page') < 0.15 THEN 'page' ELSE 'track' END AS kind,
                chance(i, 'server') < 0.15 AS is_server,
                CASE WHEN chance(account || '-' || person, 'skewed') < 0.05
                    THEN floor((chance(account || '-' || person, 'skew') - 0.5) * 7200)::BIGINT * 1000000 ELSE 0 END AS skew_us,
                CASE WHEN chance(s, 'late') < 0.01 THEN (1 + floor(chance(s, 'lateness') * {LATEST_DAYS - 1})::BIGINT) * {_DAY_US}
                    ELSE 200000 + floor(chance(i, 'delay') * 5000)::BIGINT * 1000 END AS delay_us
            FROM peopled
        )"""


_DELIVERED: Final = f"""sent AS (
            SELECT *, 0 AS copy, delay_us AS sent_after_us, delay_us AS received_after_us FROM happened
            UNION ALL
            SELECT * EXCLUDE (how, again_us), 1 AS copy, delay_us + CASE WHEN how < 0.9 THEN again_us ELSE 0 END, delay_us + again_us FROM (
                SELECT *, chance(i, 'how') AS how, CASE WHEN chance(i, 'how') < 0.8
                    THEN (1 + floor(chance(i, 'again') * 3600)::BIGINT) * 1000000
                    ELSE (1 + floor(chance(i, 'again') * {LATEST_DAYS - 1})::BIGINT) * {_DAY_US} END AS again_us
                FROM happened WHERE chance(i, 'repeat') < {REPEATED})
        ), delivered AS (
            SELECT *, true_us + received_after_us + floor(chance(i, 'network') * 300)::BIGINT * 1000 AS received_us FROM sent
        )"""
"""The first delivery and the repeats: four in five within the hour, the others days later, half of those under a later event time."""


def _stamp(expression: str) -> str:
    return f"strftime(make_timestamp({expression}), '%Y-%m-%dT%H:%M:%S.%gZ')"


def _one_of(words: str, share: str) -> str:
    listed = words.split(",")
    return f"({listed})[1 + floor({share} * {len(listed)})::INT]"


_TEXTS: Final = f"""md5('message' || i) AS message_id,
    CASE kind WHEN 'track' THEN {_one_of(_NAMES, "chance(i, 'name')")} WHEN 'page' THEN 'Page' END AS event_name,
    CASE WHEN kind = 'identify' OR chance(s, 'anonymous') >= 0.1 THEN 'u-' || who END AS user_id,
    CASE WHEN NOT is_server OR chance(s, 'anonymous') < 0.1 THEN 'd-' || who || '-' || (chance(s, 'device') < 0.2)::INT END AS anonymous_id,
    NULL AS previous_id, CASE WHEN chance(s, 'placeless') >= 0.05 THEN 'w-' || account || '-' || (person % 3) END AS workspace_id,
    CASE kind WHEN 'group' THEN 'a-' || account END AS account_id,
    CASE kind WHEN 'identify' THEN who || '@example.com' END AS email,
    CASE WHEN kind IN ('identify', 'group') THEN CASE WHEN chance(who, 'admin') < 0.1 THEN 'admin' ELSE 'member' END END AS role,
    CASE WHEN is_server THEN 'server' ELSE 'client' END AS side, {_stamp("true_us")} AS occurred_text,
    CASE WHEN NOT is_server THEN {_stamp("true_us + skew_us")} END AS original_text,
    CASE WHEN NOT is_server THEN {_stamp("true_us + skew_us + sent_after_us")} END AS sent_text,
    {_stamp("received_us")} AS received_text,
    CASE WHEN chance(i, 'featured') < 0.3 THEN {_one_of(_FEATURES, "chance(i, 'feature')")} END AS feature,
    CASE WHEN chance(i, 'flow') < 0.2 THEN {_one_of("reporting,importing,sharing,alerting", "chance(s, 'workflow')")} END AS workflow,
    CASE WHEN chance(i, 'flow') < 0.2 THEN 'run-' || s END AS workflow_id,
    CASE WHEN chance(i, 'flow') < 0.2 THEN 'step-' || j END AS workflow_step,
    CASE WHEN chance(i, 'flow') < 0.1 THEN 'done' END AS workflow_state,
    CASE WHEN chance(i, 'error') < 0.03 THEN 'E' || (i % 40) END AS error_code,
    {_one_of("home,reports,dashboards,imports,settings", "chance(i, 'area')")} AS app_area,
    {_one_of("desktop,desktop,mobile,tablet", "chance(s, 'device_type')")} AS device_type,
    CASE WHEN NOT is_server THEN {_one_of("Chrome,Chrome,Safari,Firefox,Edge", "chance(who, 'browser')")} END AS browser,
    CASE WHEN NOT is_server THEN '4.' || i // 1000000 END AS app_version,
    {_one_of("basic,team,enterprise", "chance(account, 'plan')")} AS plan_tier,
    CASE WHEN chance(account, 'flag') < 0.1 THEN 'new_editor' END AS feature_flag,
    CASE WHEN chance(i, 'timed') < 0.3 THEN floor(chance(i, 'duration') * 60000)::BIGINT END AS duration_ms,
    CASE WHEN chance(i, 'counted') < 0.1 THEN 1 + floor(chance(i, 'quantity') * 50)::BIGINT END AS quantity,
    CASE WHEN chance(i, 'paid') < 0.01 THEN floor(chance(i, 'amount') * 100000)::BIGINT END AS amount_usd_cents,
    CASE WHEN chance(i, 'broken') < 0.001 THEN 'not_json' END AS parse_error,
    CASE WHEN chance(i, 'broken') < 0.001 THEN '{{"messageId": ' END AS raw_line"""
