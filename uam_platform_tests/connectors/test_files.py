"""Own exports: formats, times, money, row identity, what is new, and mistakes that a person must understand."""

import gzip
import json
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from uam_platform.connectors import files
from uam_platform.connectors.errors import PermanentError
from uam_platform.connectors.mapping import utc_text
from uam_platform.lake.loads import DELIVERIES, RECORDS, LoadManifest
from uam_platform.policy.load import load_section, read_yaml
from uam_platform.policy.mapping import TimeRule, load_mapping, taxonomy_path
from uam_platform.policy.sessions import SessionPolicy
from uam_platform.policy.taxonomy import Taxonomy
from uam_platform_tests.connectors.fakes import NOW, contents, quiet, rows

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "online_retail.yaml"
START = datetime(2005, 1, 1)  # noqa: DTZ001 - a local time
EVENTS: dict[str, Any] = {
    "name": "usage", "target": "events", "path": "usage.csv", "time": {"column": "when"},
    "columns": {"event_name": "what", "user_id": "who"},
}  # fmt: skip


def document(*tables: dict[str, Any], **top: Any) -> dict[str, Any]:
    company = {"name": "Acme", "product_type": "reporting"}
    label = {"kind": "inactivity", "horizon_days": 90}
    return {"company": company, "label": label, "id_space": "acme", "tables": list(tables), **top}


class Exports:
    """A folder with a mapping and export files, and where it is landed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = LoadManifest(folder / "raw")
        self.variables: dict[str, str] = {}

    def put(self, name: str, text: str, encoding: str = "utf-8") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = text.encode(encoding)
        path.write_bytes(gzip.compress(data, mtime=0) if name.endswith(".gz") else data)
        return path

    def map(self, *tables: dict[str, Any], **top: Any) -> None:
        self.put("mapping.yaml", yaml.safe_dump(document(*tables, **top)))

    def land(self, progress=quiet):
        source = files.FilesSource(self.folder / "mapping.yaml", self.variables, threads=1)
        return files.land(source, self.manifest, self.manifest.next_id(files.NAME, NOW), NOW, progress)

    def landed(self, table: str = DELIVERIES) -> list[dict[str, Any]]:
        return rows(self.manifest, self.land(), table)

    def payloads(self) -> list[dict[str, Any]]:
        return [json.loads(row["payload"]) for row in self.landed(RECORDS)]


@pytest.fixture
def exports(tmp_path) -> Exports:
    return Exports(tmp_path)


USAGE = "who,what,when\nu1,Report Made,2025-01-06 10:00:00\nu2,Report Made,2025-01-06T11:00:00+02:00\n"


def test_a_csv_becomes_deliveries_with_times_in_utc(exports):
    exports.put("usage.csv", USAGE)
    exports.map(EVENTS)
    landed = exports.landed()
    assert [(r["user_id"], r["event_name"], r["kind"], r["occurred_text"]) for r in landed] == [
        ("u1", "Report Made", "track", "2025-01-06T10:00:00.000000Z"),
        ("u2", "Report Made", "track", "2025-01-06T09:00:00.000000Z"),
    ]
    assert [r["row_no"] for r in landed] == [0, 1]


def test_the_load_carries_the_time_rules_of_its_events(exports):
    exports.put("usage.csv", USAGE)
    exports.map({**EVENTS, "knowledge": {"basis": "observed", "lag_hours": 2}})
    state = exports.land().state
    assert (state["id_space"], state["basis"], state["lag_hours"]) == ("acme", "observed", 2.0)


@pytest.mark.parametrize("kind", ["csv.gz", "jsonl", "jsonl.gz", "parquet"])
def test_every_format_gives_the_same_rows(exports, kind):
    name = f"usage.{kind}"
    records = [{"who": "u1", "what": "Report Made", "when": "2025-01-06 10:00:00"}]
    if kind == "parquet":
        duckdb.execute(
            "COPY (SELECT 'u1' AS who, 'Report Made' AS what, TIMESTAMP '2025-01-06 10:00:00' AS \"when\") TO "
            f"'{exports.folder / name}' (FORMAT parquet)"
        )
    elif kind.startswith("jsonl"):
        exports.put(name, "".join(json.dumps(r) + "\n" for r in records))
    else:
        exports.put(name, "who,what,when\nu1,Report Made,2025-01-06 10:00:00\n")
    exports.map({**EVENTS, "path": name})
    (row,) = exports.landed()
    assert (row["user_id"], row["event_name"], row["occurred_text"]) == (
        "u1",
        "Report Made",
        "2025-01-06T10:00:00.000000Z",
    )


def test_delimiter_quotes_and_encoding_are_options(exports):
    exports.put("usage.csv", "who;what;when\nu1;'Größe; geändert';2025-01-06 10:00:00\n", encoding="latin-1")
    exports.map({**EVENTS, "options": {"delimiter": ";", "quote": "'", "encoding": "latin-1"}})
    assert [r["event_name"] for r in exports.landed()] == ["Größe; geändert"]


def test_lines_that_are_no_record_are_landed_with_reason_and_text(exports):
    exports.put("usage.csv", "who,what,when\nu1,A,2025-01-06\nu2,B\nu3,C,2025-01-06,extra\nu4,D,2025-01-07\n")
    exports.map(EVENTS)
    landed = exports.landed()
    assert [(r["user_id"], r["parse_error"], r["raw_line"]) for r in landed] == [
        ("u1", None, None), ("u4", None, None), (None, "truncated", "u2,B"), (None, "not_csv", "u3,C,2025-01-06,extra"),
    ]  # fmt: skip
    assert [r["row_no"] for r in landed] == [0, 1, 2, 3]


def test_broken_json_lines_are_landed_too(exports):
    exports.put("usage.jsonl", '{"who":"u1","what":"A","when":"2025-01-06"}\n{"who":"u2","wh\nhello\n')
    exports.map({**EVENTS, "path": "usage.jsonl"})
    assert [(r["parse_error"], r["raw_line"]) for r in exports.landed()] == [
        (None, None), ("truncated", '{"who":"u2","wh'), ("not_json", "hello"),
    ]  # fmt: skip


def test_a_broken_line_of_a_record_table_is_landed_without_id(exports):
    exports.put("accounts.csv", "id,name\na1,One\na2\n")
    exports.map(
        {
            "name": "accounts",
            "target": "accounts",
            "path": "accounts.csv",
            "columns": {"account_id": "id", "account_name": "name"},
        }
    )
    landed = exports.landed(RECORDS)
    assert [r["record_id"] for r in landed] == ["a1", None]
    assert json.loads(landed[1]["payload"]) == {"unreadable_line": "a2"}


def test_constants_maps_defaults_and_expressions(exports):
    exports.put("usage.csv", "who,what,when,n\nu1,1,2025-01-06,4\nu2,9,2025-01-06,x\n")
    columns = {
        "user_id": "who",
        "event_name": {"column": "what", "map": {1: "report_made"}, "default": "other_done"},
        "side": {"const": "server"},
        "quantity": {"expr": "TRY_CAST(n AS INTEGER) * 2"},
    }
    exports.map({**EVENTS, "columns": columns})
    assert [(r["event_name"], r["side"], r["quantity"]) for r in exports.landed()] == [
        ("report_made", "server", "8"),
        ("other_done", "server", None),
    ]


def test_amounts_become_us_cents_and_what_is_no_number_stays_to_be_refused(exports):
    exports.put(
        "usage.csv",
        "who,what,when,paid\nu1,A,2025-01-06,10.50\nu2,B,2025-01-06,-3\nu3,C,2025-01-06,free\nu4,D,2025-01-06,\n",
    )
    company = {"name": "Acme", "product_type": "reporting", "currency": {"code": "GBP", "usd_rate": 1.58}}
    exports.map({**EVENTS, "columns": {**EVENTS["columns"], "amount": "paid"}}, company=company)
    assert [r["amount_usd_cents"] for r in exports.landed()] == ["1659", "-474", "free", None]


def test_equal_lines_are_one_event_and_lines_that_differ_anywhere_are_not(exports):
    exports.put("usage.csv", "who,what,when,item\nu1,A,2025-01-06,x\nu1,A,2025-01-06,x\nu1,A,2025-01-06,y\n")
    exports.map(EVENTS)
    first, second, third = (r["message_id"] for r in exports.landed())
    assert first == second
    assert third not in (None, first)


def test_with_row_id_line_every_line_is_its_own_event(exports):
    exports.put("usage.csv", "who,what,when\nu1,A,2025-01-06\nu1,A,2025-01-06\n")
    exports.map({**EVENTS, "row_id": "line"})
    assert [r["message_id"] for r in exports.landed()] == ["usage:usage.csv:1", "usage:usage.csv:2"]


def test_with_row_id_envelope_the_content_hash_is_left_to_staging(exports):
    exports.put("usage.csv", USAGE)
    exports.map({**EVENTS, "row_id": "envelope"})
    assert [r["message_id"] for r in exports.landed()] == [None, None]


def test_the_time_of_receipt_comes_from_its_own_column(exports):
    exports.put("usage.csv", "who,what,when,got\nu1,A,06/01/2025 10:00,06/01/2025 12:30\n")
    table = {**EVENTS, "time": {"column": "when", "format": "%d/%m/%Y %H:%M", "zone": "Europe/Berlin"}}
    exports.map({**table, "knowledge": {"basis": "received", "column": "got"}})
    (row,) = exports.landed()
    assert (row["occurred_text"], row["received_text"]) == (
        "2025-01-06T09:00:00.000000Z",
        "2025-01-06T11:30:00.000000Z",
    )


def in_utc(text: str, **rule: str) -> str:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone='UTC'")
        query = f"SELECT {utc_text('t', TimeRule(**rule))} FROM (SELECT CAST(? AS VARCHAR) AS t)"
        return connection.execute(query, [text]).fetchall()[0][0]


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2011-03-27 00:59:59", "2011-03-27T00:59:59.000000Z"),
        ("2011-03-27 01:30:00", "2011-03-27T01:30:00.000000Z"),  # does not exist: as far after the gap as it says
        ("2011-03-27 02:30:00", "2011-03-27T01:30:00.000000Z"),
        ("2011-10-30 00:30:00", "2011-10-29T23:30:00.000000Z"),
        ("2011-10-30 01:30:00", "2011-10-30T00:30:00.000000Z"),  # exists twice: the first
        ("2011-10-30 02:00:00", "2011-10-30T02:00:00.000000Z"),
        ("2011-07-01T12:00:00Z", "2011-07-01T12:00:00.000000Z"),
        ("2011-07-01T12:00:00+05:30", "2011-07-01T06:30:00.000000Z"),
        ("2011-07-01", "2011-06-30T23:00:00.000000Z"),
    ],
)
def test_london_time_becomes_utc_also_when_the_clocks_change(text, utc):
    assert in_utc(text, zone="Europe/London") == utc


@settings(max_examples=80, derandomize=True, deadline=None)
@given(
    moment=st.integers(0, 25 * 365 * 86400).map(lambda seconds: START + timedelta(seconds=seconds)),
    zone=st.sampled_from(
        ["Europe/London", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo"]
    ),
)
def test_local_times_agree_with_the_standard_library(moment, zone):
    expected = moment.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(ZoneInfo("UTC"))
    assert in_utc(f"{moment:%Y-%m-%d %H:%M:%S}", zone=zone) == f"{expected:%Y-%m-%dT%H:%M:%S}.000000Z"


@pytest.mark.parametrize(
    ("text", "rule", "utc"),
    [
        ("1736157600", "epoch_seconds", "2025-01-06T10:00:00.000000Z"),
        ("1736157600250", "epoch_milliseconds", "2025-01-06T10:00:00.250000Z"),
        ("06.01.2025", "%d.%m.%Y", "2025-01-06T00:00:00.000000Z"),
        ("yesterday", "auto", "yesterday"),
        ("31/31/2025", "%d/%m/%Y", "31/31/2025"),
    ],
)
def test_other_spellings_of_time_and_what_cannot_be_read_stays_as_it_is(text, rule, utc):
    assert in_utc(text, format=rule) == utc


def test_records_carry_canonical_keys_and_their_change_time(exports):
    exports.put("subs.csv", "sid,acc,from,to,fee\ns1,a1,2025-01-01,2026-01-01,99.5\n")
    columns = {"subscription_id": "sid", "account_id": "acc", "started_at": "from", "term_end_at": "to", "mrr": "fee"}
    columns["plan"] = {"const": "team"}
    exports.map({"name": "subs", "target": "subscriptions", "path": "subs.csv", "columns": columns})
    (row,) = exports.landed(RECORDS)
    assert (row["source_object"], row["record_id"], row["modified_text"]) == (
        "subscriptions",
        "s1",
        "2025-01-01T00:00:00.000000Z",
    )
    assert json.loads(row["payload"]) == {
        "subscription_id": "s1", "account_id": "a1", "plan": "team", "mrr_usd_cents": "9950",
        "started_at": "2025-01-01T00:00:00.000000Z", "term_end_at": "2026-01-01T00:00:00.000000Z",
    }  # fmt: skip


def test_first_by_keeps_the_earliest_row_of_each(exports):
    exports.put("orders.csv", "cust,day\nc1,2025-02-01\nc2,2025-01-03\nc1,2025-01-02\n")
    columns = {"account_id": "cust", "created_at": "day"}
    exports.map(
        {
            "name": "customers",
            "target": "accounts",
            "path": "orders.csv",
            "columns": columns,
            "first_by": ["account_id"],
        }
    )
    found = {p["account_id"]: p["created_at"][:10] for p in exports.payloads()}
    assert found == {"c1": "2025-01-02", "c2": "2025-01-03"}


def test_where_leaves_rows_out(exports):
    exports.put("usage.csv", USAGE)
    exports.map({**EVENTS, "where": "who <> 'u1'"})
    assert [r["user_id"] for r in exports.landed()] == ["u2"]


def test_several_tables_and_globs_share_one_numbering(exports):
    exports.put("a/1.csv", "who,what,when\nu1,A,2025-01-06\n")
    exports.put("a/2.csv", "who,what,when\nu2,A,2025-01-06\n")
    exports.put("b.csv", "who,what,when\nu3,B,2025-01-06\n")
    exports.map({**EVENTS, "path": "a/*.csv"}, {**EVENTS, "name": "other", "path": "b.csv"})
    assert [(r["row_no"], r["user_id"]) for r in exports.landed()] == [(0, "u1"), (1, "u2"), (2, "u3")]


@pytest.mark.proves("Own files", "resume after interruption")
def test_a_landed_file_is_not_landed_again_also_when_only_its_time_changed(exports):
    path = exports.put("usage.csv", USAGE)
    exports.map(EVENTS)
    exports.land()
    assert exports.land() is None
    os.utime(path, (1, 1))
    assert exports.land() is None


@pytest.mark.proves("Own files", "cursor and look-back")
def test_a_changed_file_is_landed_anew_and_alone(exports):
    exports.put("usage.csv", USAGE)
    exports.put("other.csv", USAGE)
    exports.map(EVENTS, {**EVENTS, "name": "other", "path": "other.csv"})
    exports.land()
    exports.put("usage.csv", USAGE + "u3,Report Made,2025-01-07\n")
    assert [r["user_id"] for r in exports.landed()] == ["u1", "u2", "u3"]


def test_a_changed_mapping_is_mentioned_because_landed_files_stay(exports):
    exports.put("usage.csv", USAGE)
    exports.map(EVENTS)
    exports.land()
    exports.map({**EVENTS, "where": "who = 'u1'"})
    told: list[str] = []
    assert exports.land(told.append) is None
    assert any("usage: the mapping changed" in line for line in told)


def test_equal_files_give_equal_bytes(tmp_path):
    found = []
    for name in ("one", "two"):
        exports = Exports(tmp_path / name)
        exports.put("usage.csv", USAGE)
        exports.map(EVENTS)
        found.append(contents(exports.manifest, exports.land()))
    assert found[0] == found[1]


def test_paths_take_variables_with_defaults(exports):
    exports.put("elsewhere/usage.csv", USAGE)
    exports.map({**EVENTS, "path": "${UAM_MY_EXPORT:-elsewhere/usage.csv}"})
    assert len(exports.landed()) == 2
    exports.map({**EVENTS, "path": "${UAM_MY_EXPORT}"})
    with pytest.raises(PermanentError, match=r"tables\.usage\.path: UAM_MY_EXPORT is not set"):
        exports.land()
    exports.variables = {"UAM_MY_EXPORT": str(exports.put("third.csv", USAGE + "u9,A,2025-01-08\n"))}
    assert len(exports.landed()) == 3


COLUMNS = EVENTS["columns"]
MISTAKES = {
    "column": (
        {"columns": {**COLUMNS, "user_id": "Who_"}},
        r"tables\.usage\.columns\.user_id: the file has no column 'Who_'; its columns are: who, ",
    ),
    "time column": (
        {"time": {"column": "whn"}},
        r"time\.column: the file has no column 'whn'; its columns are: when, ",
    ),
    "expression": (
        {"columns": {**COLUMNS, "role": {"expr": "nosuch + 1"}}},
        r"columns\.role: not usable as SQL .*all columns of the file are text: who, what, when",
    ),
    "where": ({"where": "who ="}, r"tables\.usage\.where: not usable as SQL"),
    "no file": ({"path": "missing.csv"}, r"tables\.usage\.path: no file matches .*missing\.csv"),
    "format": ({"path": "usage.xlsx"}, r"cannot tell the format of usage\.xlsx; write csv, parquet or jsonl"),
    "canonical name": ({"columns": {**COLUMNS, "user": "who"}}, r"events has no 'user'; it has user_id, "),
    "target": ({"target": "event"}, r"tables\.0\.target: Input should be 'events'"),
    "zone": ({"time": {"column": "when", "zone": "London"}}, r"tables\.0\.time\.zone: .*Europe/London"),
    "actor": ({"columns": {"event_name": "what"}}, "user_id or anonymous_id"),
    "two origins": ({"columns": {**COLUMNS, "role": {"column": "who", "const": "x"}}}, "exactly one of"),
    "key": ({"tiem": {}}, r"tables\.0\.tiem: unknown key"),
}


@pytest.mark.parametrize(("change", "words"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_told_with_file_key_and_what_to_write(exports, change, words):
    exports.put("usage.csv", USAGE)
    exports.put("usage.xlsx", "PK")
    exports.map({**EVENTS, **change})
    with pytest.raises(PermanentError, match=words) as failure:
        exports.land()
    assert "mapping.yaml" in str(failure.value)
    assert exports.manifest.loads() == []


@pytest.mark.proves("Own files", "resume after interruption")
def test_a_damaged_file_is_told_by_name(exports):
    exports.put("usage.csv.gz", USAGE)
    path = exports.folder / "usage.csv.gz"
    path.write_bytes(path.read_bytes()[:30])
    exports.map({**EVENTS, "path": "usage.csv.gz"})
    with pytest.raises(PermanentError, match=r"usage\.csv\.gz: cannot be read"):
        exports.land()
    assert exports.manifest.loads() == []


def test_event_tables_of_one_mapping_share_their_knowledge_rule(exports):
    exports.map(EVENTS, {**EVENTS, "name": "other", "knowledge": {"basis": "server_authored"}})
    with pytest.raises(PermanentError, match="split the mapping"):
        exports.land()


RETAIL = """InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
536365,85123A,HOLDER,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom
536365,85123A,HOLDER,6,2010-12-01 08:26:00,2.55,17850.0,United Kingdom
C536379,D,Discount,-1,2010-12-01 09:41:00,27.50,14527.0,United Kingdom
C536391,22556,BAG,-12,2011-07-01 10:24:00,1.65,17548.0,United Kingdom
536370,POST,POSTAGE,3,2010-12-01 08:45:00,18.00,12583.0,France
536414,22139,RETROSPOT,56,2010-12-01 11:52:00,0.0,,United Kingdom
"""


def test_the_worked_example_reads_invoices_as_events_and_customers_as_accounts(tmp_path):
    data = tmp_path / "retail.csv"
    data.write_text(RETAIL)
    manifest = LoadManifest(tmp_path / "raw")
    source = files.FilesSource(EXAMPLE, {"UAM_ONLINE_RETAIL": str(data)}, threads=1)
    load = files.land(source, manifest, manifest.next_id(files.NAME, NOW), NOW, quiet)
    events = rows(manifest, load, DELIVERIES)
    assert [(r["event_name"], r["user_id"], r["amount_usd_cents"]) for r in events] == [
        ("order_placed", "17850", "2417"), ("order_placed", "17850", "2417"), ("adjustment_made", "14527", "-4345"),
        ("order_cancelled", "17548", "-3128"), ("fee_charged", "12583", "8532"), ("order_placed", None, "0"),
    ]  # fmt: skip
    assert events[0]["message_id"] == events[1]["message_id"] != events[2]["message_id"]
    assert events[3]["occurred_text"] == "2011-07-01T09:24:00.000000Z"
    assert [r["record_id"] for r in rows(manifest, load, RECORDS)] == ["17850", "14527", "17548", "12583"]


def test_the_worked_example_names_only_events_of_its_own_taxonomy_and_a_known_product_type():
    mapping = load_mapping(EXAMPLE)
    path = taxonomy_path(mapping, EXAMPLE)
    taxonomy = Taxonomy.model_validate(read_yaml(path))
    expression = mapping.tables[0].columns["event_name"].expr
    named = {part for part in expression.split("'") if part.isidentifier() and "_" in part}
    assert named == set(taxonomy.events)
    assert mapping.company.product_type == taxonomy.product_type
    assert load_section(SessionPolicy, "sessions").rule(taxonomy.product_type)
