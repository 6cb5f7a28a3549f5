"""Salesforce by SOQL: the query, paging, the session, what an organisation lacks, and refusals."""

import json
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from uam_platform.connectors import salesforce
from uam_platform.connectors.errors import PermanentError, TransientError
from uam_platform.connectors.http_json import Wire
from uam_platform.connectors.salesforce_objects import READINGS, readings
from uam_platform.connectors.salesforce_session import SalesforceSource
from uam_platform.lake.loads import RECORDS, LoadManifest
from uam_platform_tests.connectors.fakes import NOW, FakeVendor, quiet, reply, rows

SOURCE = SalesforceSource("https://acme.my.salesforce.com", "app", "app-secret")
STAMP = "2025-01-06T10:00:00.000+0000"


def account(number: int, stamp: str = STAMP) -> dict[str, Any]:
    return {
        "attributes": {"type": "Account", "url": "/x"},
        "Id": f"001{number:015d}",
        "Name": f"a{number}",
        "SystemModstamp": stamp,
    }


class Organisation:
    """A Salesforce with accounts only, two in one answer."""

    def __init__(self, accounts: int = 5) -> None:
        self.accounts = [account(n) for n in range(accounts)]
        self.absent: set[str] = set()
        self.hidden: set[str] = set()
        self.token = 0
        self.expired_from = 10**9
        self.calls = 0
        self.lost_locators = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/services/oauth2/token":
            return self._log_in(request)
        self.calls += 1
        if request.headers.get("authorization") != f"Bearer token{self.token}" or self.calls == self.expired_from:
            return reply([{"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}], 401)
        if request.url.path.endswith("/limits"):
            return reply({"DailyApiRequests": {"Max": 15000, "Remaining": 14978}})
        if request.url.path.endswith("/queryAll"):
            return self._query(request.url.params["q"])
        return self._page(int(request.url.path.rpartition("-")[2]))

    def _log_in(self, request: httpx.Request) -> httpx.Response:
        form = parse_qs(request.content.decode())
        if form["client_secret"] != ["app-secret"]:
            return reply({"error": "invalid_client", "error_description": "invalid client credentials"}, 400)
        self.token += 1
        return reply({"access_token": f"token{self.token}", "instance_url": "https://acme.my.salesforce.com"})

    def _query(self, soql: str) -> httpx.Response:
        names = soql.split(" FROM ")[0].removeprefix("SELECT ").split(", ")
        for name in self.absent & set(names):
            message = f"No such column '{name}' on entity 'Account'."
            return reply([{"errorCode": "INVALID_FIELD", "message": message}], 400)
        if any(f" FROM {name} " in f"{soql} " for name in self.hidden):
            return reply([{"errorCode": "INVALID_TYPE", "message": "sObject type is not supported."}], 400)
        if " FROM Account " not in f"{soql} ":
            return reply({"totalSize": 0, "done": True, "records": []})
        return self._page(0)

    def _page(self, start: int) -> httpx.Response:
        if start and self.lost_locators:
            self.lost_locators -= 1
            return reply([{"errorCode": "INVALID_QUERY_LOCATOR", "message": "invalid query locator"}], 400)
        records, end = self.accounts[start : start + 2], start + 2
        body = {"totalSize": len(self.accounts), "done": end >= len(self.accounts), "records": records}
        if not body["done"]:
            body["nextRecordsUrl"] = f"/services/data/v60.0/query/0r8xx-{end}"
        return reply(body, **{"sforce-limit-info": f"api-usage={self.calls}/15000"})


@pytest.fixture
def manifest(tmp_path) -> LoadManifest:
    return LoadManifest(tmp_path / "raw")


def land(vendor: FakeVendor, manifest: LoadManifest, source: SalesforceSource = SOURCE, progress=quiet):
    load_id = manifest.next_id(salesforce.NAME, NOW)
    return salesforce.land(source, manifest, load_id, NOW, progress, wire=vendor.wire())


def queries(vendor: FakeVendor, name: str) -> list[str]:
    asked = [r.url.params["q"] for r in vendor.requests if "q" in r.url.params]
    return [q for q in asked if f" FROM {name}" in q]


def test_all_pages_are_landed_without_the_wire_attributes(manifest):
    load = land(FakeVendor(Organisation()), manifest)
    landed = rows(manifest, load, RECORDS)
    assert [(r["source_object"], r["record_id"]) for r in landed] == [("Account", f"001{n:015d}") for n in range(5)]
    assert json.loads(landed[0]["payload"]) == {"Id": f"001{0:015d}", "Name": "a0", "SystemModstamp": STAMP}
    assert load.state == {"Account": STAMP}


@pytest.mark.proves("Salesforce", "cursor and look-back")
def test_the_first_read_is_whole_and_the_next_overlaps_by_ten_minutes_in_a_total_order(manifest):
    organisation = Organisation()
    vendor = FakeVendor(organisation)
    land(vendor, manifest)
    assert queries(vendor, "Account")[0].endswith("FROM Account ORDER BY SystemModstamp ASC, Id ASC")
    again = FakeVendor(organisation)
    assert land(again, manifest) is None
    where = "WHERE SystemModstamp >= 2025-01-06T09:50:00.000Z ORDER BY SystemModstamp ASC, Id ASC"
    assert queries(again, "Account")[0].endswith(where)


def test_history_objects_are_read_by_creation_because_they_have_no_modstamp(manifest):
    vendor = FakeVendor(Organisation())
    land(vendor, manifest)
    (query,) = queries(vendor, "ContractHistory")
    assert "SystemModstamp" not in query
    assert query.endswith("ORDER BY CreatedDate ASC, Id ASC")


def test_a_bulk_update_that_gives_all_rows_one_stamp_is_landed_once_and_whole(manifest):
    organisation = Organisation(accounts=3)
    land(FakeVendor(organisation), manifest)
    organisation.accounts = [account(n, "2025-01-06T10:05:00.000+0000") for n in range(5)]
    assert land(FakeVendor(organisation), manifest).rows == {RECORDS: 5}
    assert land(FakeVendor(organisation), manifest) is None


@pytest.mark.proves("Salesforce", "authentication")
def test_a_session_that_expires_on_the_way_is_renewed_once(manifest):
    organisation = Organisation()
    organisation.expired_from = 3
    vendor = FakeVendor(organisation)
    assert land(vendor, manifest).rows == {RECORDS: 5}
    assert organisation.token == 2


def test_a_session_that_is_refused_again_ends_the_load(manifest):
    organisation = Organisation()

    def refusing(request: httpx.Request) -> httpx.Response:
        if "oauth2" in request.url.path:
            return organisation(request)
        return reply([{"errorCode": "INVALID_SESSION_ID", "message": "Session expired or invalid"}], 401)

    with pytest.raises(PermanentError, match="Session expired"):
        land(FakeVendor(refusing), manifest)
    assert organisation.token == 2
    assert manifest.loads() == []


@pytest.mark.proves("Salesforce", "resume after interruption")
def test_a_lost_position_is_read_again_from_the_last_row_seen(manifest):
    organisation = Organisation()
    organisation.lost_locators = 1
    vendor = FakeVendor(organisation)
    assert land(vendor, manifest).rows == {RECORDS: 5}
    first, again = queries(vendor, "Account ")
    assert "WHERE" not in first
    assert " WHERE SystemModstamp >= 2025-01-06T09:50:00.000Z" in again
    assert vendor.patience.waits == [], "a lost position does not come back by waiting"


@pytest.mark.proves("Salesforce", "rate limits")
def test_the_daily_limit_is_a_clear_end_and_not_tried_again(manifest):
    organisation = Organisation()
    limit = reply([{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}], 403)
    vendor = FakeVendor(lambda request: organisation(request) if "oauth2" in request.url.path else limit)
    with pytest.raises(PermanentError, match="daily API limit"):
        land(vendor, manifest)
    assert len(vendor.requests) == 2


@pytest.mark.proves("Salesforce", "authentication")
def test_wrong_credentials_name_the_settings_and_never_show_the_secret(manifest):
    source = SalesforceSource(SOURCE.base_url, "app", "wrong-secret")
    with pytest.raises(PermanentError, match="UAM_SALESFORCE_CLIENT_SECRET") as failure:
        land(FakeVendor(Organisation()), manifest, source)
    assert "wrong-secret" not in f"{failure.value}{source!r}"


def test_a_record_lock_is_waited_for(manifest):
    organisation = Organisation()
    vendor = FakeVendor(organisation)
    lock = reply([{"errorCode": "UNABLE_TO_LOCK_ROW", "message": "unable to obtain exclusive access"}])
    vendor.script = [
        organisation._log_in(httpx.Request("POST", "https://x", content=b"client_secret=app-secret")),
        lock,
    ]
    assert land(vendor, manifest).rows == {RECORDS: 5}
    assert vendor.patience.waits == [1.0]


@pytest.mark.proves("Salesforce", "drift")
def test_an_optional_field_that_is_absent_is_reported_and_left_out(manifest):
    organisation = Organisation()
    organisation.absent = {"Tier__c", "Industry"}
    told: list[str] = []
    assert land(FakeVendor(organisation), manifest, progress=told.append).rows == {RECORDS: 5}
    assert sum("no field Tier__c" in line for line in told) == 1


def test_a_field_that_accounts_cannot_do_without_must_be_there(manifest):
    organisation = Organisation()
    organisation.absent = {"Product_Account_Id__c"}
    with pytest.raises(PermanentError, match=r"Product_Account_Id__c.*right to read it"):
        land(FakeVendor(organisation), manifest)


def test_a_result_that_never_moves_on_is_given_up(manifest):
    organisation = Organisation()
    stuck = {"totalSize": 5, "done": False, "records": [], "nextRecordsUrl": "/services/data/v60.0/query/0r8xx-0"}
    vendor = FakeVendor(lambda request: organisation(request) if "oauth2" in request.url.path else reply(stuck))
    with pytest.raises(TransientError, match="did not move on"):
        land(vendor, manifest)


def test_rows_out_of_order_lose_nothing_even_when_the_position_is_lost(manifest):
    organisation = Organisation()
    organisation.accounts = [account(n, f"2025-01-0{9 - n}T10:00:00.000+0000") for n in range(5)]  # newest first
    organisation.lost_locators = 1
    vendor = FakeVendor(organisation)
    load = land(vendor, manifest)
    assert load.rows == {RECORDS: 5}
    assert load.state == {"Account": "2025-01-09T10:00:00.000+0000"}
    first, again = queries(vendor, "Account ")
    assert first == again, "a result that was out of order is read again from its beginning"


def test_an_organisation_with_own_names_is_landed_under_ours():
    own = {
        r.name: r
        for r in readings("Contract=Subscription__c, Contract.AccountId=Account__c,Contract.MRR_USD__c=MRR__c")
    }
    contract, history = own["Contract"], own["ContractHistory"]
    assert "Account__c, Status, StartDate, EndDate, MRR__c, IsDeleted" in contract.query(None)
    assert " FROM Subscription__c ORDER" in contract.query(None)
    assert history.query(None).startswith(
        "SELECT Id, ParentId, Field, OldValue, NewValue, CreatedDate FROM Subscription__History"
    )


def test_own_names_are_translated_in_records_and_in_the_history_of_their_fields(manifest):
    contract = {"Id": "a01", "Account__c": "001", "MRR__c": 10.0, "SystemModstamp": STAMP}
    change = {"Id": "h1", "ParentId": "a01", "Field": "MRR__c", "OldValue": 9, "NewValue": 10, "CreatedDate": STAMP}
    held = {"Subscription__c": contract, "Subscription__History": change}
    organisation = Organisation(accounts=0)

    def answer(request: httpx.Request) -> httpx.Response:
        name = request.url.params.get("q", " FROM ").split(" FROM ")[1].split(" ")[0]
        return reply({"done": True, "records": [held[name]]}) if name in held else organisation(request)

    names = "Contract=Subscription__c,Contract.AccountId=Account__c,Contract.MRR_USD__c=MRR__c"
    source = SalesforceSource(SOURCE.base_url, "app", "app-secret", names)
    landed = {
        r["source_object"]: json.loads(r["payload"])
        for r in rows(manifest, land(FakeVendor(answer), manifest, source), RECORDS)
    }
    assert landed["Contract"] == {"Id": "a01", "AccountId": "001", "MRR_USD__c": 10.0, "SystemModstamp": STAMP}
    assert (landed["ContractHistory"]["ContractId"], landed["ContractHistory"]["Field"]) == ("a01", "MRR_USD__c")


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ("Contract", "no pair of names"),
        ("Deal=X__c", "neither an object nor a field"),
        ("Contract.Mrr=X", "MRR_USD__c"),
    ],
)
def test_a_mistake_in_own_names_is_told_with_what_can_be_named(names, words):
    with pytest.raises(PermanentError, match=words):
        readings(names)


@pytest.mark.proves("Salesforce", "doctor")
def test_the_doctors_look_is_one_call_that_tells_what_is_left():
    vendor = FakeVendor(Organisation())
    told = salesforce.probe(SOURCE, vendor.wire())
    assert "14,978 of 15,000 calls of the day left" in told
    assert len(vendor.requests) == 2


def test_every_object_can_be_told_as_deleted_where_it_carries_facts():
    assert {r.name for r in READINGS if "IsDeleted" in r.fields} == {"Account", "Contact", "Opportunity", "Contract"}


def test_a_probe_with_a_wire_of_its_own_names_the_setting_of_a_wrong_secret():
    source = SalesforceSource(SOURCE.base_url, "app", "wrong")
    wire: Wire = FakeVendor(Organisation()).wire()
    with pytest.raises(PermanentError, match="UAM_SALESFORCE_CLIENT_SECRET"):
        salesforce.probe(source, wire)


def test_a_history_that_the_organisation_hides_is_told_and_nothing_tells_a_secret(manifest):
    organisation = Organisation()
    organisation.hidden = {"OpportunityHistory", "ContractHistory"}
    told: list[str] = []
    load = land(FakeVendor(organisation), manifest, progress=told.append)
    assert load.rows == {RECORDS: 5}
    assert sum("no such object" in line for line in told) == 2
    assert load.drift == [
        "ContractHistory: the source has no such records",
        "OpportunityHistory: the source has no such records",
    ]
    assert load.counts["daily_calls_allowed"] == 15_000
    assert load.counts["daily_calls_used"] == load.counts["requests"] - 1, "the log-in does not count"
    everything = "".join(path.read_text(errors="replace") for path in manifest.root.rglob("*") if path.is_file())
    assert "app-secret" not in everything + "".join(told)
    assert "token1" not in everything + "".join(told)
