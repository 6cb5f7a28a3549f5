"""Edges are retracted and restored with a reason, one after the other, and nothing is forgotten."""

import pytest

from uam_platform.ledger import identity
from uam_platform.ledger.engine import Ledger
from uam_platform.ledger.identity import EdgeKey
from uam_platform_tests.ledger.findings import MONDAY, morning

NOW = morning(MONDAY)
EDGE = EdgeKey("email", 2**62 + 5, 11)


def test_an_edge_is_retracted_restored_and_retracted_again(ledger: Ledger) -> None:
    numbers = [
        identity.retract(ledger, EDGE, "shared mailbox", "kim", NOW),
        identity.restore(ledger, EDGE, "her own after all", "lee", NOW),
        identity.retract(ledger, EDGE, "no, shared", "kim", NOW),
    ]
    told = identity.retractions(ledger)
    assert [r["retraction_id"] for r in told] == numbers
    assert [(r["edge_change"], r["reason"], r["by"]) for r in told] == [
        ("retracted", "shared mailbox", "kim"),
        ("restored", "her own after all", "lee"),
        ("retracted", "no, shared", "kim"),
    ]
    assert {(r["identifier_kind"], r["identifier_key"], r["linked_actor_key"]) for r in told} == {tuple(EDGE)}


def test_retracting_twice_restoring_what_holds_and_giving_no_reason_change_nothing(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="the edge is not retracted"):
        identity.restore(ledger, EDGE, "why not", "kim", NOW)
    with pytest.raises(ValueError, match="say why"):
        identity.retract(ledger, EDGE, "  ", "kim", NOW)
    identity.retract(ledger, EDGE, "shared mailbox", "kim", NOW)
    with pytest.raises(ValueError, match=r"retracted already, number \d+ of 2025-06-02 .* by kim"):
        identity.retract(ledger, EDGE, "shared mailbox", "lee", NOW)
    assert len(identity.retractions(ledger)) == 1
