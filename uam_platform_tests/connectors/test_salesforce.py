"""Salesforce by SOQL: the query, paging, the session, what an organisation lacks, and refusals."""

import json
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from uam_platform.connectors import salesforce
from uam_platform.connectors.errors import PermanentError, TransientError
from uam_platform.lake.loads import RECORDS, LoadManifest
from uam_platform_tests.connectors.fakes import NOW, FakeVendor, quiet, reply, rows

SOURCE = salesforce.SalesforceSource("https://acme.my.salesforce.com", "app", "app-secret")
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
        return reply(body)


@pytest.fixture
def manifest(tmp_path) -> LoadManifest:
    return LoadManifest(tmp_path / "raw")


def land(vendor: FakeVendor, manifest: LoadManifest, source: salesforce.SalesforceSource = SOURCE, progress=quiet):
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


def test_a_lost_position_is_read_again_from_the_last_row_seen(manifest):
    organisation = Organisation()
    organisation.lost_locators = 1
    vendor = FakeVendor(organisation)
    vendor.patience.retry()
    assert land(vendor, manifest).rows == {RECORDS: 5}


def test_the_daily_limit_is_a_clear_end_and_not_tried_again(manifest):
    organisation = Organisation()
    limit = reply([{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": "TotalRequests Limit exceeded."}], 403)
    vendor = FakeVendor(lambda request: organisation(request) if "oauth2" in request.url.path else limit)
    with pytest.raises(PermanentError, match="daily API limit"):
        land(vendor, manifest)
    assert len(vendor.requests) == 2


def test_wrong_credentials_name_the_settings_and_never_show_the_secret(manifest):
    source = salesforce.SalesforceSource(SOURCE.base_url, "app", "wrong-secret")
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
