"""What was set aside comes in once the rules accept it: the same tables as if they had always been so, nothing twice."""

from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pytest

from uam_platform.contracts import tables
from uam_platform.contracts.model import Contract
from uam_platform.lake.engine import connect
from uam_platform.lake.loads import LoadManifest
from uam_platform.lake.store import Lake
from uam_platform.policy.load import load_section
from uam_platform.policy.taxonomy import EventRule, Taxonomy
from uam_platform.policy.time import TimePolicy
from uam_platform.staging.balance import reconcile_loads
from uam_platform.staging.event_days import publish_around_events
from uam_platform.staging.intake import pending, take_in
from uam_platform.staging.reconcile import imbalance
from uam_platform.staging.replay import accepted_names, rejudged, retake
from uam_platform_tests.staging.landed import POLICY, delivery, land, manifest_in

CONNECTION = connect()
DAYS = ["2025-01-05", "2025-01-06", "2025-01-07"]
STRICT = POLICY.model_copy(update={"first_day": date(2025, 1, 6)})
SHORT, LONG = (
    Taxonomy(owner="t", version=1, product_type="reporting", events=events, features=())
    for events in (
        {"report_generated": EventRule(meaning="")},
        {"report_generated": EventRule(meaning="", synonyms=("oops",)), "page_viewed": EventRule(meaning="")},
    )
)
TABLES = (tables.EVENTS, tables.UNKNOWN_EVENTS, tables.DUPLICATES_LOG, tables.IDENTITY_EVIDENCE)


def at(day: int, second: int, **fields: Any) -> dict[str, Any]:
    """A delivery of a day of January 2025."""
    told = f"2025-01-{day:02}T12:00:"
    return delivery(original_text=None, occurred_text=f"{told}00Z", received_text=f"{told}{second:02}Z", **fields)


def loaded(folder: Path, loads: list[list[dict[str, Any]]], policy: TimePolicy) -> tuple[Lake, LoadManifest]:
    """A lake that has taken these loads in."""
    manifest, lake = manifest_in(folder), Lake(folder / "lake")
    for rows in loads:
        land(manifest, rows)
    for load in pending(lake, manifest):
        take_in(CONNECTION, lake, manifest, load, policy)
    return lake, manifest


def compute(lake: Lake, days: list[str], taxonomy: Taxonomy = SHORT) -> None:
    events = publish_around_events(CONNECTION, lake, days, taxonomy, POLICY)
    lake.publish(CONNECTION, tables.EVENTS, events, days)


def rows(lake: Lake, contract: Contract) -> list[dict[str, Any]]:
    order = list(contract.key)
    found: list[dict[str, Any]] = lake.read(CONNECTION, contract).order_by(order).to_pyarrow().to_pylist()
    return found


def everything(lake: Lake) -> dict[str, list[dict[str, Any]]]:
    return {contract.name: rows(lake, contract) for contract in (*TABLES, tables.QUARANTINE)}


def test_rows_that_a_rule_accepts_now_come_in_and_are_counted_once(tmp_path: Path) -> None:
    lake, manifest = loaded(tmp_path, [[at(5, 1, message_id="a"), at(6, 1, message_id="b")]], STRICT)
    compute(lake, DAYS)
    assert [row["reason"] for row in rows(lake, tables.QUARANTINE)] == ["before_first_day"]
    (load,) = manifest.loads()
    judged = rejudged(CONNECTION, lake, manifest, load, POLICY)
    assert (dict(judged.accepted), dict(judged.refused), dict(judged.kept)) == ({"before_first_day": 1}, {}, {})

    assert retake(CONNECTION, lake, manifest, load, POLICY) == {"2025-01-05"}
    compute(lake, DAYS)
    assert len(rows(lake, tables.EVENTS)) == 2
    assert rows(lake, tables.QUARANTINE) == []
    assert imbalance(reconcile_loads(CONNECTION, lake, manifest, [load.load_id])) == []
    assert not rejudged(CONNECTION, lake, manifest, load, POLICY).is_changed
    assert retake(CONNECTION, lake, manifest, load, POLICY) == set()


def test_an_id_that_comes_in_with_an_earlier_load_takes_the_place_of_the_later_copy(tmp_path: Path) -> None:
    lake, manifest = loaded(tmp_path, [[at(5, 1, message_id="a")], [at(6, 1, message_id="a")]], STRICT)
    compute(lake, DAYS)
    assert [str(row["event_date"]) for row in rows(lake, tables.EVENTS)] == ["2025-01-06"]
    days = retake(CONNECTION, lake, manifest, manifest.loads()[0], POLICY)
    assert days == {"2025-01-05", "2025-01-06"}
    compute(lake, sorted(days))
    assert [str(row["event_date"]) for row in rows(lake, tables.EVENTS)] == ["2025-01-05"]
    assert [row["reason"] for row in rows(lake, tables.DUPLICATES_LOG)] == ["other_day_repeat"]


def test_names_that_are_known_now_are_told_by_day_and_load(tmp_path: Path) -> None:
    lake, _ = loaded(
        tmp_path, [[at(5, 1, event_name="Oops", message_id="a"), at(6, 1, event_name="who", message_id="b")]], POLICY
    )
    compute(lake, DAYS)
    assert accepted_names(CONNECTION, lake, SHORT) == []
    (found,) = accepted_names(CONNECTION, lake, LONG)
    assert (found.name, found.event_name, found.event_date, found.rows) == ("Oops", "report_generated", "2025-01-05", 1)
    compute(lake, [found.event_date], LONG)
    assert accepted_names(CONNECTION, lake, LONG) == []
    assert [row["event_name"] for row in rows(lake, tables.EVENTS)] == ["report_generated"]


def test_the_shipped_taxonomy_accepts_a_synonym_that_is_added(tmp_path: Path) -> None:
    shipped = load_section(Taxonomy, "taxonomy")
    lake, _ = loaded(tmp_path, [[at(6, 1, event_name="Report made")]], POLICY)
    compute(lake, DAYS, shipped)
    rule = shipped.events["report_generated"].model_copy(update={"synonyms": ("report made",)})
    own = shipped.model_copy(update={"events": {**shipped.events, "report_generated": rule}})
    assert [one.event_name for one in accepted_names(CONNECTION, lake, own)] == ["report_generated"]


class KilledError(Exception):
    """Stands for a kill."""


def pointers(root: Path) -> dict[str, str]:
    """What every partition of a lake points at."""
    return {str(path): path.read_text(encoding="utf-8") for path in sorted(root.rglob("_current.json"))}


def test_a_replay_that_is_cut_short_leaves_the_load_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake, manifest = loaded(tmp_path, [[at(5, 1, message_id="a")], [at(6, 1, message_id="a"), at(6, 1)]], STRICT)
    before, publish, first = pointers(lake.root), lake.publish, manifest.loads()[0]
    for step in range(5):  # what the later load says, then deliveries, repeats, keys and quarantine of this one
        calls = iter(range(100))

        def cut(*arguments: Any, step: int = step, calls: Any = calls, **options: Any) -> Any:
            if next(calls) == step:
                raise KilledError
            return publish(*arguments, **options)

        monkeypatch.setattr(lake, "publish", cut)
        with pytest.raises(KilledError):
            retake(CONNECTION, lake, manifest, first, POLICY)
        assert pointers(lake.root) == before
    monkeypatch.undo()
    assert retake(CONNECTION, lake, manifest, first, POLICY) == {"2025-01-05", "2025-01-06"}
    assert len([path for path, content in pointers(lake.root).items() if before.get(path) != content]) == 4


# law

_SPOILT: tuple[dict[str, Any], ...] = (
    {}, {}, {}, {"event_name": None}, {"duration_ms": "long"}, {"parse_error": "not_json"}, {"event_name": "oops"},
)  # fmt: skip


def dirty(random: Random) -> list[list[dict[str, Any]]]:
    """Three loads of few ids over three days: repeats on the same and on other days, and every kind of spoilt record."""
    return [
        [
            at(random.randint(5, 7), random.randint(1, 3), message_id=f"m{random.randint(0, 4)}")
            | random.choice(_SPOILT)
            for _ in range(6)
        ]
        for _ in range(3)
    ]


@pytest.mark.parametrize(("seed", "first", "then"), [(1, STRICT, POLICY), (2, POLICY, STRICT)])
def test_replayed_loads_in_any_order_give_what_the_rules_would_have_given_at_once(
    tmp_path: Path, seed: int, first: TimePolicy, then: TimePolicy
) -> None:
    random = Random(seed)
    loads = dirty(random)
    at_once, manifest = loaded(tmp_path / "at_once", loads, then)
    compute(at_once, DAYS)
    lake, manifest = loaded(tmp_path / "replayed", loads, first)
    compute(lake, DAYS)
    found = manifest.loads()
    random.shuffle(found)
    days = set().union(*(retake(CONNECTION, lake, manifest, load, then) for load in found))
    compute(lake, [day for day in DAYS if min(days) <= day <= max(days)])
    assert everything(lake) == everything(at_once)
    assert imbalance(reconcile_loads(CONNECTION, lake, manifest, [load.load_id for load in found])) == []
