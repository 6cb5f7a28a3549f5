"""What people told the platform is landed once, as facts with the time at which they were said."""

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from uam_platform.connectors.ledger import land
from uam_platform.contracts.vocabulary import VOCABULARY
from uam_platform.lake.loads import Load, LoadManifest
from uam_platform.ledger import feedback, identity
from uam_platform.ledger.engine import Ledger
from uam_platform.ledger.models import VERDICTS
from uam_platform.policy.time import TimePolicy
from uam_platform.staging.records import RecordTables, canonical_records
from uam_platform_tests.ledger.findings import MONDAY, alerts, apply, finding, morning

NOW = morning(MONDAY)
LATER = NOW + timedelta(days=7)


@pytest.fixture
def manifest(tmp_path: Path) -> LoadManifest:
    return LoadManifest(tmp_path / "raw")


def land_now(ledger: Ledger, manifest: LoadManifest, now: datetime = LATER) -> Load | None:
    url = ledger.engine.url.render_as_string(hide_password=False)
    return land(url, manifest, manifest.next_id("ledger", now), now)


def silenced(ledger: Ledger, at: datetime = NOW, **what: Any) -> None:
    feedback.silence(ledger, at, LATER, "rollout at Acme", "kim", at, **(what or {"account_id": "acc_00001"}))


def landed(manifest: LoadManifest) -> list[tuple[Load, pd.DataFrame]]:
    return [(load, pd.read_parquet(manifest.paths(load, "records"))) for load in manifest.loads("ledger")]


def staged(manifest: LoadManifest) -> RecordTables:
    return canonical_records(landed(manifest), TimePolicy(sources={}))


def test_a_ledger_in_which_nobody_said_anything_lands_nothing(ledger: Ledger, manifest: LoadManifest) -> None:
    assert land_now(ledger, manifest) is None
    assert manifest.loads() == []


def test_silences_and_verdicts_become_tables_known_when_they_were_said(ledger: Ledger, manifest: LoadManifest) -> None:
    apply(ledger, 0, [finding(1)])
    silenced(ledger)
    silenced(ledger, detector="renewal_at_risk")
    feedback.record_verdict(ledger, alerts(ledger)[0].alert_id, "expected", "summer", "lee", NOW)
    load = land_now(ledger, manifest)
    assert load is not None
    assert load.rows == {"records": 3}
    found = staged(manifest)
    assert found.silences["account_id"].fillna("any").tolist() == ["acc_00001", "any"]
    assert found.silences["detector"].fillna("any").tolist() == ["any", "renewal_at_risk"]
    assert found.silences[["from_at", "until_at", "known_at"]].drop_duplicates().to_numpy().tolist() == [
        [NOW, LATER, NOW]
    ]
    verdict = found.verdicts.iloc[0]
    assert (verdict["alert_id"], verdict["verdict"]) == (alerts(ledger)[0].alert_id, "expected")
    assert verdict["known_at"] == NOW
    assert found.quarantine.empty
    assert found.counts["accepted_count"].sum() == 3


def test_only_what_is_new_is_landed(ledger: Ledger, manifest: LoadManifest) -> None:
    silenced(ledger)
    land_now(ledger, manifest)
    assert land_now(ledger, manifest) is None
    silenced(ledger, NOW + timedelta(days=1))
    load = land_now(ledger, manifest)
    assert load is not None
    assert load.rows == {"records": 1}
    assert len(staged(manifest).silences) == 2


def test_a_ledger_that_begins_anew_does_not_replace_what_was_landed(
    ledger: Ledger, manifest: LoadManifest, tmp_path: Path
) -> None:
    from uam_platform_tests.ledger.findings import new_ledger

    silenced(ledger)
    land_now(ledger, manifest)
    (tmp_path / "anew").mkdir()
    anew = new_ledger(tmp_path / "anew")
    silenced(anew, NOW + timedelta(hours=1), account_id="acc_00002")
    land_now(anew, manifest)
    anew.close()
    assert staged(manifest).silences["account_id"].tolist() == ["acc_00001", "acc_00002"]


def test_words_and_names_of_people_stay_in_the_ledger(ledger: Ledger, manifest: LoadManifest) -> None:
    silenced(ledger)
    land_now(ledger, manifest)
    ((_, rows),) = landed(manifest)
    assert "Acme" not in rows.to_json()
    assert "kim" not in rows.to_json()


@pytest.mark.parametrize(
    ("kind", "change", "reason"),
    [
        ("silence", {"account_id": None}, "missing_id"),
        ("silence", {"until_at": "2025-06-01T00:00:00"}, "impossible_time"),
        ("silence", {"known_at": None}, "missing_time"),
        ("verdict", {"verdict": "nice"}, "wrong_type"),
    ],
)
def test_a_record_that_says_nothing_is_set_aside(kind: str, change: dict[str, Any], reason: str) -> None:
    sound = {
        "silence": {"account_id": "a", "detector": None, "from_at": "2025-06-02", "until_at": "2025-06-03"},
        "verdict": {"alert_id": "x", "verdict": "useful"},
    }[kind]
    payload = json.dumps({**sound, "known_at": "2025-06-02", **change})
    row = {"source_object": kind, "record_id": "1", "modified_text": None, "payload": payload, "row_no": 0}
    load = Load("20250602T000000-0000-ledger", "ledger", "2025-06-02T00:00:00", {}, {"records": 1})
    found = canonical_records([(load, pd.DataFrame([row]))], TimePolicy(sources={}))
    assert found.quarantine["reason"].tolist() == [reason]
    assert found.silences.empty
    assert found.verdicts.empty


def test_the_ledger_and_the_lake_know_the_same_verdicts() -> None:
    assert VOCABULARY["verdict"].allowed == VERDICTS


def test_retracted_edges_become_facts_known_when_they_were_said_without_reason_or_name(
    ledger: Ledger, manifest: LoadManifest
) -> None:
    edge = identity.EdgeKey("anonymous", 2**62 + 1, 2**61 + 7)
    identity.retract(ledger, edge, "a kiosk in the lobby of Acme", "kim", NOW)
    identity.restore(ledger, edge, "it was hers after all", "lee", LATER)
    land_now(ledger, manifest)
    found = staged(manifest).identity_retractions
    assert found[["identifier_kind", "identifier_key", "linked_actor_key", "edge_change"]].to_numpy().tolist() == [
        [*edge, "retracted"],
        [*edge, "restored"],
    ]
    assert found["known_at"].tolist() == [NOW, LATER]
    assert pd.to_datetime(found["known_date"]).dt.date.tolist() == [
        (at - timedelta(hours=6)).date() for at in (NOW, LATER)
    ]
    assert not any(word in str(landed(manifest)[0][1].to_numpy()) for word in ("lobby", "kim", "lee"))
