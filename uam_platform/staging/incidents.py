"""Failures that stand out in an input: of one device only, or far above their usual share in a week.

Here: two rules over canonical events, in the form of `contradictions`. Not here: contradictions, alerts on accounts
(`uam_platform.alerts`).
"""

from typing import Final

from uam_platform.staging.contradictions import Rule

_LEAST: Final = 10  # failures below which a week or a device is chance
_TIMES: Final = 2.5
_FAILURES: Final = "SELECT * FROM input_events WHERE marker = 'friction'"
_WEEKS: Final = f"""
    WITH weeks AS (SELECT date_trunc('week', event_date) AS week, count(*) AS events FROM input_events GROUP BY ALL),
    names AS (SELECT DISTINCT event_name FROM ({_FAILURES})),
    failures AS (SELECT date_trunc('week', event_date) AS week, event_name, count(*) AS n FROM ({_FAILURES}) GROUP BY ALL),
    grid AS (SELECT week, event_name, coalesce(n, 0) AS n, events FROM weeks CROSS JOIN names LEFT JOIN failures USING (week, event_name)),
    usual AS (SELECT event_name, median(n / events) AS share FROM grid GROUP BY ALL)"""

INCIDENTS: Final[tuple[Rule, ...]] = (
    Rule(
        "failures_of_one_device",
        "Kinds of failure that only one class of device met, although others were used: when, and on which.",
        f"""SELECT event_name || ' on ' || any_value(device_type) || ' only, ' || min(event_date) || ' to ' || max(event_date) AS subject
            FROM ({_FAILURES}) WHERE device_type IS NOT NULL GROUP BY event_name
            HAVING count(*) >= 2 * {_LEAST} AND count(DISTINCT device_type) = 1
            AND (SELECT count(DISTINCT device_type) FROM input_events) > 1""",
        f"SELECT count(DISTINCT event_name) FROM ({_FAILURES})",
    ),
    Rule(
        "failures_that_stand_out",
        f"Weeks in which a kind of failure had more than {_TIMES} times its usual share of events, beyond what chance gives "
        "(four standard errors).",
        f"""{_WEEKS} SELECT event_name || ' in the week of ' || week::DATE || ': ' || n AS subject FROM grid JOIN usual USING (event_name)
            WHERE n >= {_LEAST} AND n > {_TIMES} * share * events AND n > share * events + 4 * sqrt(share * events + 1)""",
        f"{_WEEKS} SELECT count(*) FROM grid",
    ),
)
