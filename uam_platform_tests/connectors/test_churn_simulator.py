"""The worked example of an outside simulator's tables: read without code, run to scores, compared with the answer that is known."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pandas as pd
import pytest
import yaml

from uam_platform.connectors import files
from uam_platform.contracts.model import Contract
from uam_platform.contracts.tables import ACCOUNT_FEATURES, EVENTS, LABELS, QUARANTINE, REVENUE_AT_RISK, SCORES
from uam_platform.lake.loads import DELIVERIES, RECORDS, LoadManifest
from uam_platform.lake.store import Lake
from uam_platform.policy.event_names import normalise
from uam_platform.policy.load import SHIPPED, parse, read_yaml
from uam_platform.policy.mapping import load_mapping, taxonomy_path
from uam_platform.policy.taxonomy import Taxonomy
from uam_platform.scratch import run_mapping
from uam_platform_tests.connectors import churn_simulator_rows as simulator
from uam_platform_tests.connectors.fakes import NOW, quiet, rows

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "churn_simulator.yaml"
ACCOUNTS, DAYS, SEED = 48, 110, 3
HORIZON = timedelta(days=56)


@dataclass
class Ran:
    """A finished run and what is true of its tables."""

    tables: simulator.Tables
    lake: Lake

    def table(self, contract: Contract) -> pd.DataFrame:
        """All rows of a table, days as dates; without rows and columns where nothing was ever written."""
        paths = [str(path) for path in self.lake.files(contract, self.lake.keys(contract))]
        read = "FROM read_parquet(?, union_by_name=true, hive_partitioning=false)"
        return duckdb.execute(read, [paths]).to_arrow_table().to_pandas() if paths else pd.DataFrame()


def rules_with_few_daily_snapshots(folder: Path) -> Path:
    """The shipped rulebook, but for the time a run takes."""
    folder.mkdir()
    time = read_yaml(SHIPPED / "time.yaml") | {"daily_snapshot_days": 2}
    (folder / "time.yaml").write_text(yaml.safe_dump(time))
    return folder


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    folder = tmp_path_factory.mktemp("churn_simulator")
    tables = simulator.made(ACCOUNTS, DAYS, SEED, churn=0.4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UAM_CHURN_SIMULATOR", str(tables.write(folder / "tables")))
        patch.setenv("UAM_POLICY_DIR", str(rules_with_few_daily_snapshots(folder / "rules")))
        runner = run_mapping(EXAMPLE, folder / "run", quiet, None)
        yield Ran(tables, runner.lake)


def test_every_row_of_the_event_table_is_an_event_under_its_own_name(ran: Ran) -> None:
    events = ran.table(EVENTS)
    taxonomy = parse(Taxonomy, read_yaml(taxonomy_path(load_mapping(EXAMPLE), EXAMPLE)), "taxonomy")
    names = taxonomy.canonical_names()
    expected = pd.Series([names[normalise(simulator.EVENTS[e["event_type_id"]])] for e in ran.tables.events])
    assert events["event_name"].value_counts().to_dict() == expected.value_counts().to_dict()
    assert ran.table(QUARANTINE).empty


def test_values_of_events_become_quantities_and_no_money(ran: Ran) -> None:
    events = ran.table(EVENTS)
    valued = [round(e["event_value"]) for e in ran.tables.events if e["event_value"] is not None]
    assert abs(int(events["quantity"].sum()) - sum(valued)) <= len(valued) // 100  # halves are rounded the other way
    assert events["amount_usd_cents"].isna().all()


def ends_after(customer: simulator.Customer, day: date) -> bool:
    return any(day < end <= day + HORIZON for end in customer.ends)


def test_labels_are_the_ends_that_are_true_whatever_way_renewals_are_written(ran: Ran) -> None:
    labels = ran.table(LABELS)
    closed = labels.loc[labels["is_label_closed"]]
    by_id = {str(c.account_id): c for c in ran.tables.customers}
    expected = [ends_after(by_id[a], d) for a, d in zip(closed["account_id"], closed["as_of"], strict=True)]
    assert closed["is_churned"].astype(bool).tolist() == expected
    assert not closed["is_censored"].any()
    assert 3 <= closed.loc[closed["is_churned"].astype(bool), "account_id"].nunique() < closed["account_id"].nunique()


def test_customers_are_those_with_a_running_row_of_two_weeks_or_more(ran: Ran) -> None:
    features = ran.table(ACCOUNT_FEATURES)
    eligible = {
        (a, d) for a, d in features.loc[features["is_eligible"], ["account_id", "as_of"]].itertuples(index=False)
    }
    expected = set()
    for customer in ran.tables.customers:
        first = min(s["start_date"] for s in ran.tables.subscriptions if s["account_id"] == customer.account_id)
        for day in set(features["as_of"]):
            pays = ran.tables.mrr_cents(customer.account_id, day) > 0
            if pays and day >= first + timedelta(days=14):
                expected.add((str(customer.account_id), day))
    assert eligible == expected


def test_revenue_is_the_sum_of_the_rows_that_run_and_discounts_count_once(ran: Ran) -> None:
    features = ran.table(ACCOUNT_FEATURES)
    eligible = features.loc[features["is_eligible"]]
    expected = [ran.tables.mrr_cents(int(a), d) for a, d in zip(eligible["account_id"], eligible["as_of"], strict=True)]
    assert eligible["mrr_usd_cents"].tolist() == expected
    assert {s["discount"] for s in ran.tables.subscriptions} > {0.0}


def test_an_early_end_is_not_known_before_it(ran: Ran) -> None:
    cut = [
        s for s in ran.tables.subscriptions
        if s["product"] != "storage" and s["end_date"] < simulator.months_after(s["start_date"], s["bill_period_months"])
    ]  # fmt: skip
    assert cut
    features = ran.table(ACCOUNT_FEATURES)
    for row in cut:
        agreed = simulator.months_after(row["start_date"], row["bill_period_months"])
        own = features.loc[(features["account_id"] == str(row["account_id"])) & features["is_eligible"]]
        own = own.loc[(own["as_of"] >= row["start_date"]) & (own["as_of"] < row["end_date"])]
        assert own["days_to_renewal"].tolist() == [(agreed - day).days for day in own["as_of"]]


def test_every_customer_has_a_score_in_dollars_at_every_snapshot(ran: Ran) -> None:
    scores, features, revenue = ran.table(SCORES), ran.table(ACCOUNT_FEATURES), ran.table(REVENUE_AT_RISK)
    eligible = features.loc[features["is_eligible"]]
    spot = ["account_id", "as_of"]
    assert sorted(map(tuple, scores[spot].to_numpy())) == sorted(map(tuple, eligible[spot].to_numpy()))
    assert scores["churn_probability"].between(0, 1, inclusive="neither").all()
    assert revenue["account_name"].notna().all()
    assert (revenue["revenue_at_risk_usd_cents"] <= revenue["arr_usd_cents"]).all()


def test_the_simulators_own_daily_files_without_header_line_are_read_with_named_columns(tmp_path: Path) -> None:
    (tmp_path / "a_events_2024-01-02.csv").write_text("7,2024-01-02 10:00:00,1,0,NULL\n7,2024-01-02 11:00:00,9,2,3.5\n")
    (tmp_path / "types.csv").write_text("id,name\n1,post\n2,like\n")
    (tmp_path / "mapping.yaml").write_text("""
company: {name: Daily files, product_type: collaboration}
label: {kind: subscription_end, horizon_days: 56}
id_space: daily
tables:
  - name: events
    target: events
    path: "*_events_*.csv"
    options: {columns: [account_id, event_time, event_type_id, user_id, event_value], null_text: "NULL"}
    time: {column: event_time}
    row_id: line
    columns:
      event_name: {column: event_type_id, lookup: {path: types.csv, key: id, value: name}, default: unheard_of}
      user_id: account_id
      quantity: event_value
""")
    landed = landed_rows(tmp_path / "mapping.yaml", tmp_path)
    found = [(r["event_name"], r["user_id"], r["quantity"]) for r in landed]
    assert found == [("post", "7", None), ("unheard_of", "7", "3.5")]


def landed_rows(mapping: Path, folder: Path, table: str = DELIVERIES) -> list[dict[str, object]]:
    manifest = LoadManifest(folder / "raw")
    load = files.land(
        files.FilesSource(mapping, {}, threads=1), manifest, manifest.next_id(files.NAME, NOW), NOW, quiet
    )
    return rows(manifest, load, table)


def test_a_contract_is_landed_with_what_was_agreed_and_with_what_came(tmp_path: Path) -> None:
    header = "account_id,product,start_date,end_date,mrr,quantity,units,bill_period_months,discount\n"
    (tmp_path / "subscription.csv").write_text(f"{header}5,team,2024-01-31,2024-03-10,36.75,5,users,12,0.25\n")
    (tmp_path / "event.csv").write_text("account_id,event_time,event_type_id,user_id,event_value\n")
    (tmp_path / "event_type.csv").write_text("event_type_id,event_type_name\n")
    manifest = LoadManifest(tmp_path / "raw")
    source = files.FilesSource(EXAMPLE, {"UAM_CHURN_SIMULATOR": str(tmp_path)}, threads=1)
    load = files.land(source, manifest, manifest.next_id(files.NAME, NOW), NOW, quiet)
    payload = json.loads(rows(manifest, load, RECORDS)[0]["payload"])
    assert payload["term_end_at"].startswith("2025-01-31")
    assert payload["ended_at"].startswith("2024-03-10")
    assert (payload["mrr_usd_cents"], payload["billing_period"], payload["seat_count"]) == ("3675", "annual", "5")


def test_a_week_of_delay_is_a_renewal_and_two_months_are_a_return() -> None:
    tables = simulator.made(ACCOUNTS, DAYS * 3, SEED, churn=0.2)
    assert any(len(c.spells) > 1 for c in tables.customers)
    gaps = {
        (b["start_date"] - a["end_date"]).days
        for a, b in zip(tables.subscriptions, tables.subscriptions[1:], strict=False)
        if (a["account_id"], a["product"]) == (b["account_id"], b["product"])
    }
    assert {0, 7} <= gaps


def test_the_first_day_of_a_table_is_a_midnight_in_utc(ran: Ran) -> None:
    assert ran.table(EVENTS)["occurred_at"].min() >= pd.Timestamp(datetime(2024, 1, 1))  # noqa: DTZ001 - naive UTC
