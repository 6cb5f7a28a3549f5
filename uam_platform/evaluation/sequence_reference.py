"""Every true occurrence of the named sequences, from true events and the help desk's own records.

Here: which events are steps of which sequence, with scope and window. Not here: the automata (`sequence_automaton`), the comparison with a
run (`sequences`).

| Sequence | Scope | Steps | Window |
| --- | --- | --- | --- |
| S1 | account | setup started, integration connected, report or first report generated | 30 days |
| S2 | account | pricing viewed, admin invited, seat limit reached | 30 days |
| S3 | person | import attempted, import failed, ticket opened by that person | 3 days |
| S4 | account | third failure of a workflow within 7 days, priority raised within 14 days, depth reduced 14 days later | – |

A failure that names no workflow (a failed synchronisation) counts with its own kind as the workflow.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

import pandas as pd

from uam_platform.evaluation.run_folder import RunFolder
from uam_platform.evaluation.sequence_automaton import (
    DAY_US,
    Occurrence,
    Raise,
    Step,
    falls,
    occurrences,
    third_failures,
)
from uam_platform.evaluation.truth import Truth

S1, S2, S3, S4 = "S1", "S2", "S3", "S4"
SEQUENCES: Final = (S1, S2, S3, S4)
STEPS: Final[Mapping[str, Mapping[str, int]]] = {
    S1: {"setup_started": 1, "integration_connected": 2, "report_generated": 3, "first_report_generated": 3},
    S2: {"pricing_viewed": 1, "admin_invited": 2, "seat_limit_reached": 3},
    S3: {"import_attempted": 1, "import_failed": 2},
}
WINDOW_DAYS: Final = {S1: 30, S2: 30, S3: 3}
FAILURES: Final = ("workflow_failed", "import_failed", "sync_failed")
CORE: Final = (
    "report_generated", "report_exported", "dashboard_shared", "workflow_completed", "import_completed", "alert_rule_saved",
)  # fmt: skip
READABLE: Final = "defect IS NULL OR defect = 'user_id_number'"
_RANK: Final = "CASE {} WHEN 'low' THEN 1 WHEN 'normal' THEN 2 WHEN 'high' THEN 3 WHEN 'urgent' THEN 4 ELSE 0 END"


@dataclass(frozen=True)
class Reference:
    """True occurrences: sequence, scope_id, first_us, last_us, record.

    Attributes:
        delivered: of what reached the platform readably.
        all: of what was done, delivered or not; failures that were never delivered name no workflow and are left out.
    """

    delivered: pd.DataFrame
    all: pd.DataFrame


def reference(run: RunFolder, truth: Truth) -> Reference:
    """True occurrences; `record` is `event <true_event_no>` or `ticket <ticket_id>`."""
    _steps(run, truth)
    _desk(run, truth)
    return Reference(_told(run, truth, "is_delivered"), _told(run, truth, "true"))


def _told(run: RunFolder, truth: Truth, where: str) -> pd.DataFrame:
    rows = [
        (sequence, scope, o.first_us, o.last_us, o.record)
        for sequence in SEQUENCES
        for scope, found in _by_scope(run, truth, sequence, where)
        for o in found
    ]
    return pd.DataFrame(rows, columns=["sequence", "scope_id", "first_us", "last_us", "record"])


def _by_scope(run: RunFolder, truth: Truth, sequence: str, where: str) -> Iterator[tuple[str, list[Occurrence]]]:
    if sequence == S4:
        yield from _falls(run, truth, where)
        return
    numbers = " ".join(f"WHEN '{name}' THEN {n}" for name, n in STEPS[sequence].items())
    scope = "true_person_id" if sequence == S3 else "true_account_id"
    opened = (
        "UNION ALL SELECT person_id, created_us, 3, 'ticket ' || ticket_id FROM desk_ticket" if sequence == S3 else ""
    )
    found = run.query(f"""
        WITH step AS (
            SELECT {scope} AS scope_id, at_us, CASE true_event_name {numbers} END AS number, 'event ' || true_event_no AS record
            FROM true_step WHERE {where} {opened}
        )
        SELECT * FROM step WHERE number IS NOT NULL AND scope_id IN (
            SELECT scope_id FROM step GROUP BY 1 HAVING count(DISTINCT number) = 3
        ) ORDER BY scope_id, at_us, record
    """)
    window = WINDOW_DAYS[sequence] * DAY_US
    for name, group in groupby(found.itertuples(index=False, name=None), key=itemgetter(0)):
        yield str(name), list(occurrences((Step(at_us, number, record) for _, at_us, number, record in group), window))


def _falls(run: RunFolder, truth: Truth, where: str) -> Iterator[tuple[str, list[Occurrence]]]:
    failed: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    rows = run.query(f"SELECT true_account_id, workflow, at_us FROM true_step WHERE workflow IS NOT NULL AND {where}")
    for account, workflow, at_us in rows.itertuples(index=False, name=None):
        failed[account][workflow].append(int(at_us))
    raises: dict[str, list[Raise]] = defaultdict(list)
    for account, ticket, at_us in run.query("FROM desk_raise").itertuples(index=False, name=None):
        raises[account].append(Raise(int(at_us), f"ticket {ticket}"))
    marks = {a: found for a, by_workflow in failed.items() if a in raises and (found := third_failures(by_workflow))}
    core = _core(run, sorted(marks), where)
    end_us = pd.Timestamp(truth.world()["end"]).value // 1000
    for account, found in sorted(marks.items()):
        yield account, list(falls(found, raises[account], core.get(account, []), end_us))


def _core(run: RunFolder, accounts: list[str], where: str) -> dict[str, list[int]]:
    run.connection.con.register("raised_account", pd.DataFrame({"true_account_id": pd.Series(accounts, dtype="str")}))
    names = ", ".join(f"'{name}'" for name in CORE)
    rows = run.query(f"""
        SELECT true_account_id, at_us FROM true_step SEMI JOIN raised_account USING (true_account_id)
        WHERE true_event_name IN ({names}) AND {where} ORDER BY ALL
    """)
    return {str(name): [int(v) for v in group] for name, group in rows.groupby("true_account_id")["at_us"]}


def _steps(run: RunFolder, truth: Truth) -> None:
    """Create `true_step`: one row per true event that may be a step; `workflow` of delivered failures."""
    names = ", ".join(
        f"'{name}'" for name in sorted({*(n for steps in STEPS.values() for n in steps), *FAILURES, *CORE})
    )
    failures = ", ".join(f"'{name}'" for name in FAILURES)
    facts = "true_event_no, true_person_id, true_account_id, true_event_name, true_occurred_at"
    run.execute(f"""
        CREATE OR REPLACE TEMP TABLE true_step AS
        WITH delivery AS (
            SELECT delivery_no, {READABLE} AS is_readable, {facts}
            FROM read_parquet('{truth.path("deliveries")}') WHERE true_event_name IN ({names})
        ), named AS (
            SELECT true_event_no, min(coalesce(workflow, true_event_name)) AS workflow
            FROM delivery JOIN read_parquet('{truth.company_path("deliveries/*")}') USING (delivery_no)
            WHERE is_readable AND true_event_name IN ({failures}) GROUP BY 1
        ), happened AS (
            SELECT {facts}, bool_or(is_readable) AS is_delivered FROM delivery GROUP BY {facts}
            UNION ALL
            SELECT {facts}, false FROM read_parquet('{truth.path("lost_events")}') WHERE true_event_name IN ({names})
        )
        SELECT happened.* EXCLUDE (true_occurred_at), epoch_us(true_occurred_at) AS at_us, workflow
        FROM happened LEFT JOIN named USING (true_event_no)
    """)


def _desk(run: RunFolder, truth: Truth) -> None:
    """Create `desk_ticket` (ticket, its true person and account) and `desk_raise` (account, ticket, when)."""
    paths: dict[str, Any] = {
        name: truth.company_path(f"zendesk_{name}") for name in ("tickets", "ticket_events", "users", "organizations")
    }
    run.execute(f"""
        CREATE OR REPLACE TEMP TABLE desk_ticket AS
        WITH person AS (
            SELECT zendesk_user_id, min(person_id) AS person_id FROM read_parquet('{paths["users"]}') u
            JOIN read_parquet('{truth.path("people")}') p ON identifier_kind = 'email' AND lower(identifier) = lower(u.email)
            GROUP BY 1
        ), member AS (
            SELECT person_id, arg_min(account_id, valid_from) AS account_id
            FROM read_parquet('{truth.path("memberships")}') GROUP BY 1
        )
        SELECT ticket_id, person_id, coalesce(o.external_id, account_id) AS account_id, epoch_us(t.created_at) AS created_us
        FROM read_parquet('{paths["tickets"]}') t
        LEFT JOIN person ON zendesk_user_id = requester_id LEFT JOIN member USING (person_id)
        LEFT JOIN read_parquet('{paths["organizations"]}') o USING (organization_id)
    """)
    run.execute(f"""
        CREATE OR REPLACE TEMP TABLE desk_raise AS
        SELECT account_id, ticket_id, epoch_us(occurred_at) AS at_us
        FROM read_parquet('{paths["ticket_events"]}') JOIN desk_ticket USING (ticket_id)
        WHERE field = 'priority' AND value IN ('high', 'urgent') AND epoch_us(occurred_at) > created_us
            AND {_RANK.format("value")} > {_RANK.format("previous_value")} AND account_id IS NOT NULL ORDER BY ALL
    """)
