"""The events and persons a company's PostHog project holds, and the queries it answers.

Belongs here: which deliveries reach PostHog, in which shape, the one kind of HogQL that is understood, and who PostHog holds to be one
person. Does not belong here: HTTP (`posthog.py`).

PostHog records what happens in the browsers of three workspaces in twenty: the actions that Segment has too. In every other of them
Segment passes them on, under its message id; in the rest PostHog's own script sends them under ids of its own.
"""

import re
from functools import cached_property
from typing import Any, Final

import duckdb

from uam_platform.simulation.sandbox.company import Company

COLUMNS: Final = ("uuid", "event", "distinct_id", "timestamp", "created_at", "properties")
MOST_ROWS: Final = 50_000
WORKSPACE_GROUP: Final = "workspace"
SHARE_PERCENT: Final = 15
_QUERY: Final = re.compile(
    rf"SELECT {', '.join(COLUMNS)} FROM events WHERE event NOT IN \((?P<skipped>[^)]*)\) "
    r"AND \(created_at > toDateTime64\('(?P<at>[\d\-: .]+)', 6, 'UTC'\) OR \(created_at = toDateTime64\('(?P=at)', 6, 'UTC'\) "
    r"AND toString\(uuid\) > '(?P<uuid>[^']*)'\)\) ORDER BY created_at ASC, toString\(uuid\) ASC LIMIT (?P<limit>\d+)"
)
_ISO: Final = "'%Y-%m-%dT%H:%M:%S.%fZ'"
_TRAITS: Final = "json_object('email', email, 'role', role)"
_CARRIED: Final = (
    "feature workflow workflow_id workflow_step workflow_state duration_ms error_code app_area plan_tier feature_flag quantity"
).split()


def own_uuid(message_id: str) -> str:
    """SQL of the uuid under which PostHog's own script tells the action that Segment tells under `message_id`."""
    return f"regexp_replace(md5('posthog' || {message_id}), '(.{{8}})(.{{4}})(.{{4}})(.{{4}})(.{{12}})', '\\1-\\2-\\3-\\4-\\5')"


class QueryError(Exception):
    """HogQL that the sandbox does not understand."""


class PostHogEvents:
    """Events of one project in the order in which they were taken in.

    Args:
        company: Whose deliveries they are.
        now: Epoch seconds after which nothing is there yet.
    """

    def __init__(self, company: Company, now: int) -> None:
        self._engine = duckdb.connect()
        self._engine.execute("SET TimeZone='UTC'")
        files = [str(day.path) for day in company.delivery_days()]
        self._engine.execute(f"CREATE TABLE events AS {_select()}", [files, now])

    def page(self, query: str) -> tuple[list[list[Any]], bool, int]:
        """Rows of one query, whether more follow, and its limit.

        Raises:
            QueryError: The query is not of the kind that is understood.
        """
        found = _QUERY.fullmatch(query)
        if found is None:
            raise QueryError("Unable to parse query: only events behind a position can be asked for here")
        limit = min(int(found["limit"]), MOST_ROWS)
        cursor = self._engine.cursor()
        rows = cursor.execute(
            f"""SELECT {", ".join(COLUMNS)} FROM events WHERE event NOT IN ({found["skipped"]})
                AND (created_at, uuid) > (?, ?) ORDER BY created_at, uuid LIMIT ?""",
            [f"{found['at'].replace(' ', 'T')}Z", found["uuid"], limit + 1],
        ).fetchall()
        return [list(row) for row in rows[:limit]], len(rows) > limit, limit

    @cached_property
    def persons(self) -> list[dict[str, Any]]:
        """Persons, newest first: a user with the devices that first signed in as them, and each device on which nobody did."""
        found = self._engine.cursor().execute(_PERSONS).fetchall()
        return [
            {
                "type": "person", "id": uuid, "uuid": uuid, "name": email or person, "distinct_ids": [person, *devices],
                "properties": {"$browser": "Chrome", **({"email": email} if email else {})}, "is_identified": bool(is_identified),
                "created_at": first, "last_seen_at": last, "matched_recordings": [], "value_at_data_point": None,
            }
            for person, uuid, email, devices, is_identified, first, last in found
        ]  # fmt: skip


_PERSONS: Final = f"""
    WITH said AS (
        SELECT distinct_id, created_at, uuid, event, properties::JSON ->> '$."$anon_distinct_id"' AS device,
            properties::JSON -> '$."$set"' ->> '$.email' AS email
        FROM events
    ), owned AS (
        SELECT device, arg_min(distinct_id, created_at || uuid) AS owner FROM said
        WHERE event = '$identify' AND device IS NOT NULL AND device <> distinct_id GROUP BY device
    ), of_person AS (
        SELECT coalesce(owner, distinct_id) AS person, said.* FROM said LEFT JOIN owned ON said.distinct_id = owned.device
    ), devices AS (SELECT owner AS person, list(device ORDER BY device) AS devices FROM owned GROUP BY owner)
    SELECT person, {own_uuid("person")}, arg_max(email, created_at || uuid) FILTER (WHERE email IS NOT NULL),
        coalesce(any_value(devices), []), bool_or(event = '$identify'), min(created_at), max(created_at)
    FROM of_person LEFT JOIN devices USING (person) GROUP BY person ORDER BY min(created_at) DESC, person
"""


def _select() -> str:
    """SQL over the deliveries: files and the sandbox clock are its parameters.

    A moment is what Segment repairs it to: receipt less the time between the action and its sending.
    """
    carried = ", ".join(f"'{name}', {name}" for name in _CARRIED)
    return f"""
        WITH told AS (
            SELECT *, md5_number_upper(group_id) % 2 = 0 AS is_forwarded, coalesce(user_id, anonymous_id) AS actor,
                received_at - (sent_at - original_at) AS happened_at
            FROM read_parquet($1)
            WHERE side = 'client' AND defect IS NULL AND group_id IS NOT NULL AND type IN ('track', 'identify', 'page')
                AND md5_number_lower(group_id) % 100 < {SHARE_PERCENT} AND received_at + INTERVAL 4 SECOND <= to_timestamp($2)
        )
        SELECT CASE WHEN is_forwarded THEN message_id ELSE {own_uuid("message_id")} END AS uuid,
            CASE type WHEN 'identify' THEN '$identify' WHEN 'page' THEN '$pageview' ELSE event END AS event,
            actor AS distinct_id, strftime(happened_at, {_ISO}) AS timestamp,
            strftime(received_at + to_milliseconds(1000 + (md5_number_lower(message_id) % 3000)::BIGINT), {_ISO}) AS created_at,
            json_merge_patch('{{}}', json_object(
                '$lib', CASE WHEN is_forwarded THEN 'Segment' ELSE 'web' END,
                '$insert_id', CASE WHEN is_forwarded THEN message_id END,
                '$device_id', anonymous_id, '$is_identified', user_id IS NOT NULL, '$browser', browser, '$device_type', device_type,
                '$anon_distinct_id', CASE WHEN type = 'identify' THEN anonymous_id END,
                '$groups', json_object('{WORKSPACE_GROUP}', group_id),
                '$set', CASE WHEN type = 'identify' THEN {_TRAITS} END, {carried}
            ))::VARCHAR AS properties
        FROM told WHERE actor IS NOT NULL AND (type <> 'track' OR event IS NOT NULL)
    """
