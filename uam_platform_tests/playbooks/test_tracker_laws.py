"""The laws of the outbox over issue trackers: every issue and every comment is there once, whatever goes wrong on any call."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uam_platform_tests.ledger.findings import new_ledger
from uam_platform_tests.ledger.findings import outbox as rows
from uam_platform_tests.playbooks.trackers import FAULTS, TARGETS, World

VENDORS = sorted(TARGETS)
PLANS = st.lists(st.sampled_from(FAULTS), max_size=16)


@pytest.mark.parametrize("vendor", VENDORS)
@given(plan=PLANS, accounts=st.integers(1, 3), limits=st.lists(st.integers(1, 2), max_size=3))
@settings(max_examples=8, deadline=None, derandomize=True)
@pytest.mark.proves("Jira", "effectively once")
@pytest.mark.proves("Linear", "effectively once")
def test_every_issue_is_made_exactly_once(
    tmp_path_factory: pytest.TempPathFactory, vendor: str, plan: list[str], accounts: int, limits: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("example")
    world = World(new_ledger(folder), folder, vendor, plan)
    findings = range(1, accounts + 1)
    world.plan(0, findings)
    for limit in limits:
        world.run(limit)
        world.plan(0, findings)  # the planning run is repeated too
    world.finish()
    planned = rows(world.ledger, vendor)
    assert [r.state for r in planned] == ["sent"] * accounts
    assert world.made("issue") == {r.idempotency_key: 1 for r in planned}
    assert len({r.external_ref for r in planned}) == accounts
    world.ledger.close()


@pytest.mark.parametrize("vendor", VENDORS)
@given(plan=PLANS, before_update=st.integers(0, 2))
@settings(max_examples=8, deadline=None, derandomize=True)
def test_an_alert_has_one_issue_that_is_changed_in_place_and_closed(
    tmp_path_factory: pytest.TempPathFactory, vendor: str, plan: list[str], before_update: int
) -> None:
    folder = tmp_path_factory.mktemp("example")
    world = World(new_ledger(folder), folder, vendor, plan)
    world.plan(0, [1])
    for _ in range(before_update):
        world.run(1)
    world.plan(7, [1], summary="newer words")
    world.finish()
    shown = world.surface.shown()
    assert len(shown) == 1
    assert "newer words" in shown[0]["text"]
    assert not shown[0]["is_done"]
    for number in (8, 9, 10):
        world.plan(number, [])
    world.finish()
    assert world.surface.shown()[0]["is_done"]
    told = {r.idempotency_key for r in rows(world.ledger, vendor) if r.kind == "update" and r.state == "sent"}
    assert world.made("comment") == dict.fromkeys(told, 1)
    assert set(world.made("issue").values()) == {1}
    world.ledger.close()


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_call_that_takes_effect_late_makes_no_twin(tmp_path_factory: pytest.TempPathFactory, vendor: str) -> None:
    folder = tmp_path_factory.mktemp("example")
    looks = {"jira": 1, "linear": 2}[vendor]  # before the call that makes it
    world = World(new_ledger(folder), folder, vendor, [*["ok"] * looks, "late"])
    world.plan(0, [1])
    world.finish()
    assert list(world.made("issue").values()) == [1]
