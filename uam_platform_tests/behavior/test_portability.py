"""The expressions of behaviour are engine neutral: they compile for Spark and use no word that only DuckDB knows."""

from collections.abc import Callable
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import pytest

from uam_platform.behavior.attach import attach
from uam_platform.behavior.daily import actor_days
from uam_platform.behavior.features import account_features
from uam_platform.behavior.sessions import sessions
from uam_platform.contracts import tables
from uam_platform.contracts.model import Contract
from uam_platform.contracts.schemas import ibis_schema
from uam_platform.policy.load import load_section
from uam_platform.policy.sessions import SessionRule
from uam_platform.policy.time import TimePolicy

FIRST = date(2025, 1, 6)


def stored(contract: Contract) -> ir.Table:
    return ibis.table(ibis_schema(contract), name=contract.name)


def attached() -> ir.Table:
    return attach(*(stored(c) for c in (tables.ACTOR_DAYS, tables.HIERARCHY, tables.PEOPLE, tables.MEMBERSHIPS)))


def features() -> ir.Table:
    facts = (stored(c) for c in (tables.TICKETS, tables.TICKET_EVENTS, tables.SUBSCRIPTIONS, tables.ACCOUNTS))
    as_of = [FIRST + timedelta(days=7 * n) for n in range(4)]
    return account_features(attached(), *facts, as_of=as_of, policy=load_section(TimePolicy, "time"))


def session_table() -> ir.Table:
    return sessions(stored(tables.EVENTS), FIRST, FIRST, SessionRule(gap_minutes=45, cap_hours=8, reason="test"))


@pytest.mark.parametrize(
    "build",
    [session_table, lambda: actor_days(stored(tables.EVENTS), stored(tables.SESSIONS)), attached, features],
    ids=["sessions", "actor_days", "attach", "account_features"],
)
def test_the_expression_compiles_for_spark(build: Callable[[], ir.Table], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ibis.options.sql, "fuse_selects", True)  # leaving it to the engine is a setting for DuckDB
    sql = str(ibis.to_sql(build(), dialect="pyspark"))
    assert sql.startswith(("SELECT", "WITH"))
    assert not {word for word in ("ASOF", "QUALIFY", "EPOCH_US", "LIST(", "UNNEST") if word in sql.upper()}
