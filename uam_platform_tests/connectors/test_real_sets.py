"""The shipped mappings of data that nobody here made: on tiny extracts in the exact shapes, and on the real files where they lie."""

import gzip
import json
import os
from collections import Counter
from pathlib import Path

import pytest

from uam_platform.connectors import files
from uam_platform.lake.loads import DELIVERIES, RECORDS, LoadManifest
from uam_platform.policy.event_names import normalise
from uam_platform.policy.load import parse, read_yaml
from uam_platform.policy.mapping import load_mapping, taxonomy_path
from uam_platform.policy.taxonomy import Taxonomy
from uam_platform_tests.connectors.fakes import NOW, quiet, rows

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
SETS = ("commit_events", "online_retail", "ravenstack", "shop_clicks")
REAL = os.environ.get("UAM_REAL_DATA")
REAL_ROWS = {"commit_events": 17_000, "online_retail": 541_909, "ravenstack": 33_331, "shop_clicks": 31_106}

SHOP = """user_id,session_id,event,timestamp,platform,acquisition_channel,user_cohort,user_lifecycle
u1,s1,home,2024-03-13 10:21:14,desktop,email,2024-01,returning
u1,s1,payment_error,2024-03-13 10:22:14,mobile,email,2024-01,returning
"""
COMMITS = """event_id,author_ts,commit_ts,email_key,name_key,organisation,event
1,1184879223,1184879223,e_1,n_1,a_1,commit
2,1704067200,1704240000,e_1,n_2,a_1,merge
3,1704067300,1704067300,e_2,n_2,a_2,commit
"""
RAVENSTACK = {
    "accounts": "account_id,account_name,industry,country,signup_date,referral_source,plan_tier,seats,is_trial,churn_flag\n"
    "A-1,Company_0,EdTech,US,2024-10-16,partner,Basic,9,False,False\n",
    "subscriptions": "subscription_id,account_id,start_date,end_date,plan_tier,seats,mrr_amount,arr_amount,is_trial,upgrade_flag,"
    "downgrade_flag,churn_flag,billing_frequency,auto_renew_flag\n"
    "S-1,A-1,2024-10-20,2024-12-12,Pro,14,2786,33432,False,False,False,True,monthly,True\n",
    "feature_usage": "usage_id,subscription_id,usage_date,feature_name,usage_count,usage_duration_secs,error_count,is_beta_feature\n"
    "U-1,S-1,2024-11-01,feature_20,9,5004,0,False\nU-1,S-1,2024-11-02,feature_5,3,60,2,False\n",
    "churn_events": "churn_event_id,account_id,churn_date,reason_code,refund_amount_usd,preceding_upgrade_flag,"
    "preceding_downgrade_flag,is_reactivation,feedback_text\nC-1,A-1,2024-12-20,pricing,4.03,False,False,False,too dear\n",
    "support_tickets": "ticket_id,account_id,submitted_at,closed_at,resolution_time_hours,priority,first_response_time_minutes,"
    "satisfaction_score,escalation_flag\nT-1,A-1,2024-11-05,2024-11-06 03:00:00,27.0,high,74,,True\n",
}


def landed(name: str, folder: Path, variables: dict[str, str]) -> tuple[list[dict], list[dict]]:
    """Event deliveries and record payloads of one mapping."""
    manifest = LoadManifest(folder / "raw")
    load = files.land(files.FilesSource(EXAMPLES / f"{name}.yaml", variables), manifest, "load-1", NOW, quiet)
    assert load is not None
    records = rows(manifest, load, RECORDS) if load.files.get(RECORDS) else []
    return rows(manifest, load, DELIVERIES), [
        json.loads(r["payload"]) | {"target": r["source_object"]} for r in records
    ]


def packed(path: Path, text: str) -> str:
    path.write_bytes(gzip.compress(text.encode(), mtime=0))
    return str(path)


def test_clicks_keep_the_shops_own_session_and_device(tmp_path: Path) -> None:
    events, records = landed("shop_clicks", tmp_path, {"UAM_SHOP_CLICKS": packed(tmp_path / "e.csv.gz", SHOP)})
    assert [(e["workflow_id"], e["device_type"]) for e in events] == [("s1", "desktop"), ("s1", "mobile")]
    assert records == []


def test_commits_happen_when_written_and_are_known_when_applied(tmp_path: Path) -> None:
    events, records = landed("commit_events", tmp_path, {"UAM_COMMIT_EVENTS": packed(tmp_path / "e.csv.gz", COMMITS)})
    assert [e["message_id"] for e in events] == ["2", "3"]
    assert (events[0]["occurred_text"][:10], events[0]["received_text"][:10]) == ("2024-01-01", "2024-01-03")
    assert {r["account_id"] for r in records} == {"a_1", "a_2"}


def test_daily_sums_find_their_account_through_the_subscription(tmp_path: Path) -> None:
    for name, text in RAVENSTACK.items():
        (tmp_path / f"ravenstack_{name}.csv").write_text(text)
    events, records = landed("ravenstack", tmp_path, {"UAM_RAVENSTACK": str(tmp_path)})
    assert Counter(e["event_name"] for e in events) == {"feature_used": 2, "errors_counted": 1, "churn_recorded": 1}
    assert {e["workspace_id"] for e in events} == {"A-1"}
    assert next(e["quantity"] for e in events if e["event_name"] == "errors_counted") == "2"
    ticket = next(r for r in records if r["target"] == "tickets")
    assert ticket["escalated_at"] == ticket["created_at"]


@pytest.mark.parametrize("name", SETS)
def test_every_constant_event_name_of_an_example_is_in_its_taxonomy(name: str) -> None:
    path = EXAMPLES / f"{name}.yaml"
    mapping = load_mapping(path)
    known = parse(Taxonomy, read_yaml(taxonomy_path(mapping, path)), name).canonical_names()
    named = [t.columns["event_name"].const for t in mapping.tables if t.target == "events"]
    assert {normalise(str(n)) for n in named if n is not None} <= set(known)
    assert mapping.label.event is None or normalise(mapping.label.event) in known


@pytest.mark.skipif(REAL is None, reason="UAM_REAL_DATA does not name the folder of the real sets")
@pytest.mark.parametrize("name", SETS)
def test_the_real_files_land_whole(name: str, tmp_path: Path) -> None:
    folder = Path(REAL or "")
    variables = {
        "UAM_COMMIT_EVENTS": str(folder / "commit_events" / "events.csv.gz"),
        "UAM_ONLINE_RETAIL": str(folder / "online_retail" / "transactions.csv.gz"),
        "UAM_RAVENSTACK": str(folder / "ravenstack"),
        "UAM_SHOP_CLICKS": str(folder / "shop_clicks" / "events.csv.gz"),
    }
    events, _ = landed(name, tmp_path, variables)
    expected = REAL_ROWS[name]
    assert len(events) == expected if name != "commit_events" else 10_000 < len(events) < 62_658
    assert not [e for e in events if e["parse_error"]]
