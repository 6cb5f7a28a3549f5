"""Where an input contradicts itself, found over the canonical tables: one rule per contradiction, with counts and examples by id.

Here: the rules and running them. Not here: single records that break a contract (quarantine), what an input can support at all
(`capabilities`), the checks that show the findings (`checks`).

A contradiction is not repaired and nothing is left out: which side is wrong the data does not say. People decide, in the source or in
the mapping.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import ibis.expr.types as ir
from ibis.backends.duckdb import Backend

from uam_platform.contracts import tables
from uam_platform.contracts.model import Contract

READS: Final[tuple[Contract, ...]] = (
    tables.EVENTS,
    tables.SUBSCRIPTIONS,
    tables.ACCOUNTS,
    tables.TICKETS,
    tables.DUPLICATES_LOG,
)
_EXAMPLES: Final = 5
_TERMS: Final = "coalesce(ended_at, term_end_at, TIMESTAMP '9999-12-31')"
_SPANS: Final = f"""SELECT subscription_id, account_id, started_at, {_TERMS} AS ends_at FROM input_subscriptions"""
_BIRTHS: Final = "SELECT account_id, min(created_at) AS created_at FROM input_accounts GROUP BY ALL"
_ACTIONS: Final = """SELECT * FROM input_events WHERE event_kind IN ('track', 'page')"""


@dataclass(frozen=True)
class Rule:
    """One contradiction.

    Attributes:
        name: name of its check.
        says: what contradicts what.
        subjects: SQL of the rows that contradict, one text column `subject`; tables are `input_<name>`.
        of: SQL of how many rows could have.
    """

    name: str
    says: str
    subjects: str
    of: str


@dataclass(frozen=True)
class Finding:
    """What one rule found: count, of how many, and the first examples by id."""

    rule: Rule
    count: int
    of: int
    examples: tuple[str, ...]


RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "terms_overlap",
        "Terms that start while another term of the same account still runs.",
        f"""SELECT b.account_id || ': ' || b.subscription_id AS subject FROM ({_SPANS}) AS b WHERE EXISTS (
            SELECT 1 FROM ({_SPANS}) AS a WHERE a.account_id = b.account_id AND a.subscription_id <> b.subscription_id
            AND a.started_at <= b.started_at AND a.ends_at > b.started_at)""",
        "SELECT count(*) FROM input_subscriptions",
    ),
    Rule(
        "terms_end_without_notice",
        "Terms that ended although no notice of it was ever recorded.",
        "SELECT subscription_id AS subject FROM input_subscriptions WHERE ended_at IS NOT NULL AND notice_at IS NULL",
        "SELECT count(*) FROM input_subscriptions WHERE ended_at IS NOT NULL",
    ),
    Rule(
        "events_outside_their_term",
        "Events that name a term (workflow_id is its id) before it starts or after it ends.",
        f"""SELECT e.workflow_id || ' on ' || e.event_date AS subject FROM ({_ACTIONS}) AS e
            JOIN ({_SPANS}) AS s ON s.subscription_id = e.workflow_id
            WHERE e.event_date < s.started_at::DATE OR e.event_date > s.ends_at::DATE""",
        f"SELECT count(*) FROM ({_ACTIONS}) AS e SEMI JOIN ({_SPANS}) AS s ON s.subscription_id = e.workflow_id",
    ),
    Rule(
        "events_before_their_account",
        "Events of an account before the day on which it was created.",
        f"""SELECT e.account_id_source || ' on ' || e.event_date AS subject FROM ({_ACTIONS}) AS e
            JOIN ({_BIRTHS}) AS a ON a.account_id = e.account_id_source WHERE e.event_date < a.created_at::DATE""",
        f"SELECT count(*) FROM ({_ACTIONS}) AS e SEMI JOIN input_accounts AS a ON a.account_id = e.account_id_source",
    ),
    Rule(
        "tickets_before_their_account",
        "Tickets opened before the day on which their account was created.",
        f"""SELECT t.ticket_id AS subject FROM input_tickets AS t JOIN ({_BIRTHS}) AS a ON a.account_id = t.account_id_source
            WHERE t.created_at::DATE < a.created_at::DATE""",
        "SELECT count(*) FROM input_tickets AS t SEMI JOIN input_accounts AS a ON a.account_id = t.account_id_source",
    ),
    Rule(
        "known_before_it_happened",
        "Events whose source says it knew them before they happened; their time was taken as it is.",
        "SELECT event_name || ' on ' || event_date AS subject FROM input_events WHERE time_confidence = 'clamped'",
        "SELECT count(*) FROM input_events",
    ),
    Rule(
        "negative_quantities",
        "Events with a quantity below 0: corrections and returns that reverse something.",
        "SELECT event_name || ' on ' || event_date AS subject FROM input_events WHERE quantity < 0",
        "SELECT count(quantity) FROM input_events",
    ),
    Rule(
        "repeated_lines",
        "Deliveries that repeat an event already taken, in id or in every column; each event counts once.",
        "SELECT reason || ' on ' || event_date AS subject FROM input_duplicates_log",
        "SELECT (SELECT count(*) FROM input_events) + (SELECT count(*) FROM input_duplicates_log)",
    ),
    Rule(
        "one_account_holds_most",
        "An account with more than a third of all events: rather a collective account, such as a mail provider's domain.",
        """SELECT account_id_source AS subject FROM input_events WHERE account_id_source IS NOT NULL GROUP BY ALL
            HAVING count(*) > (SELECT count(*) FROM input_events) / 3 AND (SELECT count(*) FROM input_accounts) > 10""",
        "SELECT count(DISTINCT account_id_source) FROM input_events",
    ),
)


def outcomes_rule(event_name: str) -> Rule:
    """The rule for inputs whose outcomes are recorded events: a recorded ending that no term confirms.

    Args:
        event_name: canonical name of the event that records an ending.
    """
    recorded = f"SELECT * FROM input_events WHERE event_name = '{event_name}'"
    return Rule(
        "recorded_endings_without_an_ended_term",
        f"Events {event_name} although no term of the account ended within a week of it.",
        f"""SELECT e.account_id_source || ' on ' || e.event_date AS subject FROM ({recorded}) AS e WHERE NOT EXISTS (
            SELECT 1 FROM input_subscriptions AS s WHERE s.account_id = e.account_id_source
            AND abs(date_diff('day', s.ended_at, e.occurred_at)) <= 7)""",
        f"SELECT count(*) FROM ({recorded})",
    )


def contradictions(connection: Backend, inputs: Mapping[str, ir.Table], rules: Sequence[Rule]) -> list[Finding]:
    """What each rule finds.

    Args:
        connection: DuckDB; gets one view per input.
        inputs: the tables of `READS` by name.
        rules: what is looked for.
    """
    for name, table in inputs.items():
        connection.create_view(f"input_{name}", table, overwrite=True)
    return [_found(connection, rule) for rule in rules]


def _found(connection: Backend, rule: Rule) -> Finding:
    count = int(connection.raw_sql(f"SELECT count(*) FROM ({rule.subjects})").fetchall()[0][0])
    of = int(connection.raw_sql(rule.of).fetchall()[0][0])
    sql = f"SELECT DISTINCT subject FROM ({rule.subjects}) ORDER BY subject LIMIT {_EXAMPLES}"
    examples = connection.raw_sql(sql).fetchall() if count else []
    return Finding(rule, count, of, tuple(str(row[0]) for row in examples))
