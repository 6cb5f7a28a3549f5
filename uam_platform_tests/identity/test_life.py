"""A person's life as `explain` tells it: a trial user who becomes the paying account's admin, and moves on."""

from dataclasses import fields
from datetime import date, datetime
from pathlib import Path

import pandas as pd
import pytest

from uam_platform.contracts.tables import SUBSCRIPTIONS
from uam_platform.contracts.tables_identity import CONTRACTS_IDENTITY
from uam_platform.identity_life import first_paid, life
from uam_platform.lake.engine import connect
from uam_platform.lake.io_manager import as_table
from uam_platform.lake.store import Lake
from uam_platform_tests.behavior.company import Row
from uam_platform_tests.command_line import Uam
from uam_platform_tests.identity.product import Seen, resolved, user
from uam_platform_tests.ledger.findings import new_ledger


def term(account: str, started: datetime, known: datetime, mrr: int = 9_900) -> Row:
    return {
        "source": "crm", "subscription_id": f"{account}-{started:%d}-{mrr}", "account_id": account, "billing_period": "monthly",
        "plan": None, "seat_count": None, "mrr_usd_cents": mrr, "started_at": started, "term_end_at": None, "known_at": known,
        "notice_at": None, "ended_at": None, "end_reason": None, "load_id": "l",
    }  # fmt: skip


TRIAL, PAID = datetime(2025, 1, 6), datetime(2025, 1, 16)  # noqa: DTZ001 - lake timestamps are naive UTC
TERMS = [term("acme", TRIAL, TRIAL, 0), term("acme", PAID, PAID)]
SEEN = [
    Seen(0, device="laptop"),
    Seen(1, "ann", "laptop", workspace="trial", role="member", kind="identify"),
    Seen(8, "ann", workspace="trial", account="acme", role="member", kind="group"),
    Seen(10, "ann", workspace="trial", role="admin"),
]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, connection, tables = tmp_path_factory.mktemp("run"), connect(), resolved(SEEN)
    store = Lake(folder / "lake")
    for contract in CONTRACTS_IDENTITY:
        if contract.name in {f.name for f in fields(tables)}:
            store.publish(connection, contract, as_table(getattr(tables, contract.name), contract))
    store.publish(connection, SUBSCRIPTIONS, as_table(pd.DataFrame(TERMS), SUBSCRIPTIONS))
    new_ledger(folder).close()
    return folder


def test_explain_tells_the_trial_user_who_became_the_paying_accounts_admin(uam: Uam, lake: Path) -> None:
    told = uam("identity", "explain", "device:laptop", "--as-of", "2025-01-13", "--run", lake).said
    then, now = told.split("as known now")
    assert "member in account trial from 2025-01-07 on; no paid contract known" in then
    assert "member in account acme from 2025-01-07 until before 2025-01-16, before its first paid contract" in now
    assert "admin in account acme from 2025-01-16 on, since its first paid contract of 2025-01-16" in now


def test_a_role_that_outlasts_the_trial_is_told_in_two_lines() -> None:
    rows = resolved([Seen(0, "ann", workspace="acme", role="admin")]).memberships.to_pandas()
    lines = [*life(rows, pd.DataFrame(TERMS), {user("ann")}, date(9999, 12, 30))]
    assert lines == [
        "admin in account acme from 2025-01-06 until before 2025-01-16, before its first paid contract",
        "admin in account acme from 2025-01-16 on, since its first paid contract of 2025-01-16",
    ]


def test_a_free_term_is_no_contract_and_one_not_yet_known_does_not_count() -> None:
    terms = pd.DataFrame([*TERMS, term("brix", TRIAL, PAID)])
    assert first_paid(terms, date(2025, 1, 15)) == {}
    assert first_paid(terms, date(2025, 1, 16)) == {"acme": date(2025, 1, 16), "brix": date(2025, 1, 6)}
