"""What people ask and take back at the command line; their mistakes end in one message."""

from dataclasses import fields
from datetime import datetime
from pathlib import Path

import pytest

from uam_platform.contracts.tables_identity import CONTRACTS_IDENTITY
from uam_platform.lake.engine import connect
from uam_platform.lake.io_manager import as_table
from uam_platform.lake.store import Lake
from uam_platform.ledger import identity
from uam_platform_tests.command_line import Uam
from uam_platform_tests.identity.product import Seen, device, resolved, user
from uam_platform_tests.ledger.findings import new_ledger

NOW = "2025-02-01T08:00:00"


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ann, who was called old until an alias, her laptop, a desk that she shares with Bob, and blocked ids."""
    seen = [
        Seen(0, "old", "laptop", source="posthog"),
        Seen(2, "ann", kind="alias", previous_user="old"),
        Seen(3, "ann", "desk"),
        Seen(5, "bob", "desk", email="bob@acme.io", kind="identify"),
        Seen(6, "bob", "null"),
    ]
    folder, connection, tables = tmp_path_factory.mktemp("run"), connect(), resolved(seen)
    for contract in CONTRACTS_IDENTITY:
        if contract.name in {f.name for f in fields(tables)}:
            Lake(folder / "lake").publish(connection, contract, as_table(getattr(tables, contract.name), contract))
    new_ledger(folder).close()
    return folder


def test_a_chain_of_edges_is_told_in_words_as_recorded_and_as_known_now(uam: Uam, lake: Path) -> None:
    told = uam("identity", "explain", "device:laptop", "user:ann", "--as-of", "2025-01-08", "--run", lake, UAM_NOW=NOW)
    assert told.code == 0, told.said
    then, now = told.said.split("as known now")
    assert "snapshot of 2025-01-08" in then
    assert "user ann is nobody's" in then
    assert "two persons: no chain of edges joins them" in then
    assert "1. device laptop - user #" in now
    assert "a call of the signed-in user came from the device; first 2025-01-06 00:00" in now
    assert "from posthog" in now
    assert "user ann: an alias call replaced the one by the other" in now


def test_two_users_of_one_desk_are_two_persons_and_bobs_edges_are_listed(uam: Uam, lake: Path) -> None:
    assert "two persons" in uam("identity", "explain", "user:ann", "user:bob", "--run", lake).said
    own = uam("identity", "explain", "user:bob", "--run", lake).said
    assert "device #" in own
    assert f"#{device('desk'):016x}" in own
    assert "a call of the user carried the address" in own


def test_merges_are_listed_newest_first_and_by_what_is_asked(uam: Uam, lake: Path) -> None:
    said = uam("identity", "log", "--run", lake).out
    days = [line.split("known ")[1][:10] for line in said.splitlines() if "known " in line]
    assert days == sorted(days, reverse=True)
    assert len(days) == 5
    assert "merges (1)" in uam("identity", "log", "user:ann", "--kind", "user", "--run", lake).said
    assert "merges (2)" in uam("identity", "log", "--since", "2025-01-11", "--run", lake).said
    assert "nothing" in uam("identity", "log", "--retracted", "--run", lake).said


def test_an_edge_is_taken_back_and_given_back_by_either_order_or_hash(uam: Uam, lake: Path) -> None:
    own = ("--by", "kim", "--run", lake)
    told = uam("identity", "retract", "user:bob", "device:desk", "--reason", "lent once", *own, UAM_NOW=NOW)
    assert told.code == 0, told.said
    assert "device desk - user bob" in told.said
    ledger = new_ledger(lake)
    assert [
        (r["identifier_kind"], r["identifier_key"], r["linked_actor_key"]) for r in identity.retractions(ledger)
    ] == [("anonymous", device("desk"), user("bob"))]
    assert (
        "retracted 2025-02-01 08:00 by kim (number 1): lent once"
        in uam("identity", "explain", "user:bob", "--run", lake).said
    )
    again = uam("identity", "retract", "device:desk", "user:bob", "--reason", "lent once", *own)
    assert again.code == 2
    assert "retracted already, number 1" in again.said
    hashes = (f"device:#{device('desk'):016x}", f"user:#{user('bob'):016x}")
    assert uam("identity", "restore", *hashes, "--reason", "hers too", *own, UAM_NOW=NOW).code == 0
    assert identity.retractions(ledger)[-1]["known_at"] == datetime.fromisoformat(NOW)
    ledger.close()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("explain", "bob"), "write user:ID, device:ID or email:ADDRESS"),
        (("explain", "user:nobody"), "never seen in product"),
        (("explain", "user:#xyz"), "16 hexadecimal digits"),
        (("retract", "user:ann", "user:bob", "--reason", "x"), "nothing to retract"),
        (("retract", "device:laptop", "user:ann", "--reason", "x"), "they are one person by way of"),
        (("retract", "device:laptop", "device:desk", "--reason", "x"), "one of them user:"),
        (("restore", "device:laptop", "user:old", "--reason", "x"), "the edge is not retracted"),
        (("log", "--kind", "phone"), "use one of user, device, email"),
    ],
)
def test_a_mistake_is_named_and_changes_nothing(uam: Uam, lake: Path, arguments: tuple[str, ...], words: str) -> None:
    told = uam("identity", *arguments, "--run", lake)
    assert told.code == 2, told.said
    assert "Traceback" not in told.said
    assert words in told.said
