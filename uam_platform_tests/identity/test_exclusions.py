"""Who is no customer: what a rule must say, taking an edge back, what the check counts and what `explain` tells."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from pydantic import ValidationError

from uam_platform.contracts.tables import EXCLUDED_ACCOUNTS, EXCLUDED_PEOPLE, IDENTITY_EVIDENCE, PEOPLE
from uam_platform.contracts.tables_identity import CONTRACTS_IDENTITY
from uam_platform.definitions import build
from uam_platform.identity.checks import EXCLUSION_CHECK
from uam_platform.lake.engine import connect
from uam_platform.lake.io_manager import as_table
from uam_platform.lake.store import Lake
from uam_platform.orchestration.assets import asset_key
from uam_platform.policy.identity_exclusions import ExclusionPolicy
from uam_platform.policy.load import load_section
from uam_platform_tests.command_line import Uam
from uam_platform_tests.identity.product import (
    LATER,
    Retracted,
    Seen,
    accounts,
    device,
    evidence,
    mail,
    resolved,
    retractions,
    rows_at,
    user,
)
from uam_platform_tests.ledger.findings import new_ledger
from uam_platform_tests.orchestration.wired import wired

SHIPPED = load_section(ExclusionPolicy, "identity_exclusions")
KIM = Seen(2, "kim", "desk", "kim@acme.example", "w", account="acme", kind="identify")


def out_at(tables: Any, event: int, known: int = LATER) -> dict[int, str]:
    return {r["identifier_key"]: r["exclusion"] for r in rows_at(tables.people, event, known) if r["exclusion"]}


def test_the_shipped_rules_know_staff_robots_and_tests_and_let_customers_be() -> None:
    seen = [
        KIM,
        Seen(0, "svc_monitor_000123", workspace="w"),
        Seen(0, "u_000020", "laptop", "ann@buyer.example", "w", kind="identify"),
        Seen(1, "u_000021", email="Test-User+3@buyer.example", workspace="w", kind="identify"),
    ]
    tables = resolved(seen, exclusions=SHIPPED)
    own = {user("kim"), device("desk"), mail("kim@acme.example")}
    tests = {user("u_000021"), mail("test-user+3@buyer.example")}
    assert out_at(tables, 3) == {
        **dict.fromkeys(own, "own_staff"),
        user("svc_monitor_000123"): "synthetic_monitor",
        **dict.fromkeys(tests, "test_login"),
    }
    rows = tables.excluded_people.to_pylist()
    assert {(r["exclusion"], r["exclusion_kind"]) for r in rows} == {
        ("own_staff", "employee"), ("synthetic_monitor", "robot"), ("test_login", "test"),
    }  # fmt: skip
    assert all(r["reason_text"] == SHIPPED.rules[r["exclusion"]].reason for r in rows)


@pytest.mark.parametrize(
    ("name", "is_test"),
    [("ZZ Test Account 3", True), ("test", True), ("Acme (Test)", True), ("Do not use - old", True),
     ("Test Drive Motors", False), ("Contest GmbH", False), ("Testa", False)],
)  # fmt: skip
def test_names_of_test_accounts_are_matched_as_a_whole(name: str, is_test: bool) -> None:
    tables = resolved(
        [Seen(0, "ann", workspace="w", account="a", kind="group")],
        companies=accounts(("a", None, 0, name)),
        exclusions=SHIPPED,
    )
    assert [r["exclusion"] for r in tables.hierarchy.to_pylist() if r["exclusion"]] == (
        ["test_company"] if is_test else []
    )
    assert tables.excluded_accounts.num_rows == is_test


def test_taking_the_edge_back_takes_the_exclusion_back_and_leaves_what_was_recorded() -> None:
    seen = [
        Seen(0, "ann", "laptop", workspace="w"),
        Seen(1, "ann", email="kim@acme.example", workspace="w", kind="identify"),
    ]
    said = retractions(Retracted("email", mail("kim@acme.example"), user("ann"), 5))
    tables = resolved(seen, retracted=said, exclusions=SHIPPED)
    assert user("ann") in out_at(tables, 1, known=4)
    assert user("ann") not in out_at(tables, 1, known=5)
    assert user("ann") not in out_at(tables, 0, known=0)


def test_whom_nobody_excludes_the_tables_say_the_same_as_without_rules() -> None:
    seen = [Seen(0, "ann", "laptop", "ann@buyer.example", "w"), Seen(1, "bob", "laptop", workspace="w")]
    with_rules, without = resolved(seen, exclusions=SHIPPED), resolved(seen)
    for field in fields(with_rules):
        assert getattr(with_rules, field.name) == getattr(without, field.name), field.name


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({"kind": "robot"}, "name somebody"),
        ({"kind": "robot", "stems": ["svc_"]}, "without digits or separators at its end"),
        ({"kind": "robot", "stems": ["Svc"]}, "in small letters"),
        ({"kind": "robot", "stems": ["svc"], "reason": "short"}, "at least 10 characters"),
        ({"kind": "test", "account_names": ["("]}, "no regular expression"),
        ({"kind": "guest", "users": ["x"]}, "employee"),
        ({"kind": "employee", "domains": ["kim@acme.example"]}, "write the domain alone"),
    ],
)
def test_a_rule_that_says_too_little_is_refused(rule: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told.replace("(", r"\(")):
        ExclusionPolicy.model_validate({"rules": {"x": {"reason": "long enough a reason", **rule}}})


def test_one_value_has_one_reason() -> None:
    rule = {"kind": "test", "users": ["x"], "reason": "long enough a reason"}
    with pytest.raises(ValidationError, match=r"excluded twice: x \(users\)"):
        ExclusionPolicy.model_validate({"rules": {"a": rule, "b": rule}})


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three events of Kim, who is staff, one in a test account, and four of Ann."""
    seen = [
        *(Seen(d, "kim", "desk", "kim@acme.example", "w") for d in range(3)),
        *(Seen(d, "ann", workspace="w") for d in range(4)),
    ]
    seen += [Seen(3, "bob", workspace="s", account="sandbox", kind="group")]
    folder, connection = tmp_path_factory.mktemp("run"), connect()
    tables = resolved(seen, companies=accounts(("sandbox", None, 0, "test account")), exclusions=SHIPPED)
    for contract in CONTRACTS_IDENTITY:
        if contract.name in {field.name for field in fields(tables)}:
            Lake(folder / "lake").publish(connection, contract, as_table(getattr(tables, contract.name), contract))
    days = sorted({str(s.row()["event_date"]) for s in seen})
    Lake(folder / "lake").publish(
        connection, IDENTITY_EVIDENCE, as_table(evidence(seen).to_pyarrow(), IDENTITY_EVIDENCE), days
    )
    new_ledger(folder).close()
    return folder


def test_the_check_counts_by_rule_and_warns_where_much_is_kept_out(published: Path) -> None:
    location = build(wired(published))
    chosen = dg.AssetSelection.checks(dg.AssetCheckKey(asset_key(PEOPLE), EXCLUSION_CHECK))
    job = dg.define_asset_job("check", selection=chosen).resolve(asset_graph=location.resolve_asset_graph())
    with dg.DagsterInstance.ephemeral() as instance:
        found = job.execute_in_process(instance=instance, resources=location.resources).get_asset_check_evaluations()[0]
    told = {name: value.value for name, value in found.metadata.items()}
    assert not found.passed
    assert found.severity is dg.AssetCheckSeverity.WARN
    assert (told["excluded_person_count"], told["excluded_account_count"]) == (1, 1)
    assert told["excluded_event_ratio"] == pytest.approx(4 / 8)
    rows = [[cell.strip() for cell in line.split("|")[1:6]] for line in str(told["by_rule"]).splitlines()[2:]]
    assert ["own_staff", "employee", "1", "0", "3"] in rows
    assert ["test_company", "test", "0", "1", "1"] in rows
    assert ["test_runner", "test", "0", "0", "0"] in rows


def test_explain_says_by_which_rule_and_identifier_somebody_is_kept_out(uam: Uam, published: Path) -> None:
    told = uam("identity", "explain", "user:kim", "--run", published).said
    assert "counts for no customer (employee), known 2025-01-06: rule own_staff matches email #" in told
    assert SHIPPED.rules["own_staff"].reason in told
    assert "counts for no customer" not in uam("identity", "explain", "user:ann", "--run", published).said


def test_both_tables_of_the_excluded_keep_their_contracts(published: Path) -> None:
    lake, connection = Lake(published / "lake"), connect()
    for contract in (EXCLUDED_PEOPLE, EXCLUDED_ACCOUNTS):
        frame = lake.read(connection, contract).to_pandas()
        assert len(frame) == 1
        assert not frame.isna().any(axis=None)
