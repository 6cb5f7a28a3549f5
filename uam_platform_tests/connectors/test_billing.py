"""Billing objects as Stripe exports them: nested lines become terms that add up, and a mistake in the mapping is told."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from uam_platform.connectors import files
from uam_platform.connectors.errors import PermanentError
from uam_platform.lake.loads import DELIVERIES, RECORDS, LoadManifest
from uam_platform.policy.load import load_section
from uam_platform.policy.taxonomy import Taxonomy
from uam_platform.staging.records import canonical_records
from uam_platform_tests.connectors.fakes import NOW, quiet, rows
from uam_platform_tests.connectors.test_files import Exports
from uam_platform_tests.staging.landed import POLICY as TIME

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "billing_stripe.yaml"
at = datetime.fromisoformat


def second(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())


def line(key: str, item: str, start: str, end: str, amount: int, price: int, seats: int, **more: Any) -> dict[str, Any]:
    interval = more.pop("interval", "month")
    recurring = {"interval": interval, "interval_count": more.pop("interval_count", 1)}
    return {
        "id": key, "subscription_item": item, "amount": amount, "quantity": seats, "proration": False, "discount_amounts": [],
        "period": {"start": second(start), "end": second(end)},
        "price": {"id": "price_1", "nickname": "team", "unit_amount": price, "recurring": recurring}, **more,
    }  # fmt: skip


def invoice(
    key: str, day: str, *lines: dict[str, Any], status: str = "paid", attempts: int = 1, sub: str = "sub_1"
) -> dict[str, Any]:
    return {
        "id": key, "object": "invoice", "customer": "cus_1", "status": status, "created": second(day), "attempt_count": attempts,
        "subscription": sub, "subscription_details": {"metadata": {"account_id": "acc_1"}}, "lines": {"data": list(lines)},
    }  # fmt: skip


YEAR = ("2024-01-01", "2025-01-01")
INVOICES = [
    invoice("in_1", "2024-01-01", line("il_1", "si_plan", *YEAR, 120_000, 12_000, 10, interval="year")),
    # more seats in the middle: a credit for the old, a charge for the new
    invoice(
        "in_2", "2024-07-01",
        line("il_2", "si_plan", "2024-07-01", "2025-01-01", -60_000, 12_000, 10, interval="year", proration=True),
        line("il_3", "si_plan", "2024-07-01", "2025-01-01", 90_000, 12_000, 15, interval="year", proration=True),
    ),
    # a parallel subscription, a quarter with a discount, and its trial
    invoice("in_3", "2024-03-01", line("il_4", "si_add", "2024-03-01", "2024-04-01", 0, 3_000, 1), sub="sub_2"),
    invoice(
        "in_4", "2024-04-01",
        line("il_5", "si_add", "2024-04-01", "2024-07-01", 9_000, 9_000, 1, interval_count=3, discount_amounts=[{"amount": 900}]),
        sub="sub_2", status="open", attempts=3,
    ),
    invoice("in_5", "2024-04-02", line("il_6", "si_void", "2024-04-02", "2024-05-02", 9_000, 9_000, 1), status="void"),
]  # fmt: skip
SUBSCRIPTIONS = [{"id": "sub_1", "canceled_at": second("2024-12-01")}, {"id": "sub_2", "canceled_at": None}]
CUSTOMERS = [
    {"id": "cus_1", "name": "Alder Labs", "created": second("2023-12-24"), "metadata": {"account_id": "acc_1"}}
]


@pytest.fixture(scope="module")
def landed(tmp_path_factory) -> tuple[LoadManifest, Any]:
    folder = tmp_path_factory.mktemp("billing")
    for name, objects in (("customers", CUSTOMERS), ("subscriptions", SUBSCRIPTIONS), ("invoices", INVOICES)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(each) + "\n" for each in objects))
    manifest = LoadManifest(folder / "raw")
    source = files.FilesSource(EXAMPLE, {"UAM_BILLING": str(folder)}, threads=1)
    return manifest, files.land(source, manifest, manifest.next_id(files.NAME, NOW), NOW, quiet)


def test_lines_of_invoices_become_terms_that_add_up_and_grow_in_the_middle(landed):
    manifest, load = landed
    found = canonical_records([(load, pd.DataFrame(rows(manifest, load, RECORDS)))], TIME)
    terms = found.subscriptions[["started_at", "ended_at", "mrr_usd_cents", "seat_count", "notice_at"]]
    assert terms.sort_values("started_at").values.tolist() == [
        [at("2024-01-01"), at("2024-04-01"), 10_000, 10, at("2024-12-01")],
        [at("2024-04-01"), at("2024-07-01"), 12_700, 11, at("2024-12-01")],  # 90.00 a quarter less 9.00
        [at("2024-07-01"), at("2025-01-01"), 15_000, 15, at("2024-12-01")],
    ]
    assert set(found.subscriptions["plan"]) == {"team"}
    assert found.subscriptions.sort_values("started_at")["known_at"].tolist()[0] == at("2024-01-01")
    assert found.accounts["account_name"].tolist() == ["Alder Labs"]
    assert found.quarantine.empty


def test_a_payment_that_failed_is_friction_of_its_account_and_of_nobody_in_person(landed):
    manifest, load = landed
    (event,) = rows(manifest, load, DELIVERIES)
    assert (event["event_name"], event["workspace_id"], event["quantity"]) == ("payment_failed", "acc_1", "3")
    assert event["occurred_text"].startswith("2024-04-01T00:00:00")
    taxonomy = load_section(Taxonomy, "taxonomy")
    assert taxonomy.events["payment_failed"].marker == "friction"


LINES = {
    "name": "lines", "target": "subscriptions", "path": "invoices.jsonl", "each": "lines.data", "time": {"format": "epoch_seconds"},
    "columns": {
        "subscription_id": {"column": "each", "at": "id"}, "account_id": "customer", "started_at": {"column": "each", "at": "period.start"},
        "mrr": {"column": "each", "at": "amount", "unit": "minor"},
    },
}  # fmt: skip


def changed(**columns: Any) -> dict[str, Any]:
    return {**LINES, "columns": {**LINES["columns"], **columns}}


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (LINES | {"each": "items.data"}, r"tables\.lines\.each: the file has no column 'items'; its columns are: .*lines"),
        (LINES | {"each": "lines"}, "lines is a list in no row; write the way to the list"),
        (LINES | {"each": "lines data"}, "write a column and the way to its list"),
        (changed(plan={"column": "status", "at": "id"}), r"columns\.plan\.at: the values of column .*status.* are not nested"),
        (changed(plan={"column": "each", "at": "price..id"}), "write names and positions from the outside in"),
        (changed(plan={"const": "x", "at": "id"}), "at looks into the nested values of a column"),
        (changed(seat_count={"column": "each", "at": "quantity", "unit": "minor"}), "unit is for amounts"),
    ],
)  # fmt: skip
def test_a_mistake_about_nested_values_is_told_with_its_key(tmp_path, table, words):
    exports = Exports(tmp_path)
    exports.put("invoices.jsonl", json.dumps(INVOICES[0]) + "\n")
    exports.map(table)
    with pytest.raises(PermanentError, match=words):
        exports.land()


def test_every_element_is_a_row_in_its_order_and_an_empty_list_is_none(tmp_path):
    exports = Exports(tmp_path)
    exports.put(
        "invoices.jsonl", "".join(json.dumps(i) + "\n" for i in (INVOICES[1], INVOICES[0] | {"lines": {"data": []}}))
    )
    exports.map(LINES)
    assert [(p["subscription_id"], p["mrr_usd_cents"]) for p in exports.payloads()] == [
        ("il_2", "-60000"),
        ("il_3", "90000"),
    ]


def test_minor_units_follow_the_currency(tmp_path):
    exports = Exports(tmp_path)
    exports.put("invoices.jsonl", json.dumps(INVOICES[0]) + "\n")
    company = {
        "name": "A",
        "product_type": "reporting",
        "currency": {"code": "JPY", "usd_rate": 0.01, "minor_digits": 0},
    }
    exports.map(LINES, company=company)
    assert [p["mrr_usd_cents"] for p in exports.payloads()] == ["120000"]


def test_the_example_can_be_loaded():
    assert yaml.safe_load(EXAMPLE.read_text())["tables"][1]["each"] == "lines.data"
