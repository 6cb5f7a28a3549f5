"""Salesforce's REST API over HTTP."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from uam_platform.simulation.sandbox import server
from uam_platform.simulation.sandbox.received import Journal
from uam_platform.simulation.sandbox.server import Running
from uam_platform_tests.sandbox.tiny_company import ACCOUNTS, CONTACT_COUNT

DATA = "/services/data/v60.0"


def sign_in(sandbox: Running, secret: str | None = None) -> httpx.Response:
    env = sandbox.credentials
    form = {
        "grant_type": "client_credentials",
        "client_id": env["UAM_SALESFORCE_CLIENT_ID"],
        "client_secret": secret or env["UAM_SALESFORCE_CLIENT_SECRET"],
    }
    return httpx.post(f"{env['UAM_SALESFORCE_BASE_URL']}/services/oauth2/token", data=form)


@pytest.fixture
def api(sandbox: Running) -> Iterator[httpx.Client]:
    token = sign_in(sandbox).json()
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    with httpx.Client(base_url=token["instance_url"], headers=headers, timeout=10) as client:
        yield client


def query(api: httpx.Client, soql: str, every: str = "") -> httpx.Response:
    return api.get(f"{DATA}/query{every}", params={"q": soql})


def records(api: httpx.Client, soql: str, every: str = "") -> list[dict[str, Any]]:
    page = query(api, soql, every).json()
    found = page["records"]
    while not page["done"]:
        page = api.get(page["nextRecordsUrl"]).json()
        found += page["records"]
    assert page["totalSize"] == len(found)
    return found


def test_wrong_client_credentials_get_no_token(sandbox: Running) -> None:
    answer = sign_in(sandbox, secret="wrong")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_client")


def test_a_call_without_a_session_is_refused(sandbox: Running) -> None:
    answer = httpx.get(
        f"{sandbox.credentials['UAM_SALESFORCE_BASE_URL']}{DATA}/query", params={"q": "SELECT Id FROM User"}
    )
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (401, "INVALID_SESSION_ID")


def test_records_carry_attributes_and_salesforces_own_date_formats(api: httpx.Client) -> None:
    record = records(api, "SELECT Id, SystemModstamp, ParentId, NumberOfEmployees FROM Account LIMIT 1")[0]
    assert record == {
        "attributes": {"type": "Account", "url": f"{DATA}/sobjects/Account/{ACCOUNTS[0]}"},
        "Id": ACCOUNTS[0],
        "SystemModstamp": "2025-01-06T00:00:00.123+0000",
        "ParentId": None,
        "NumberOfEmployees": 0,
    }
    contract = records(api, "SELECT EndDate, MRR_USD__c, Notice_Date__c FROM Contract LIMIT 1")[0]
    assert (contract["EndDate"], contract["MRR_USD__c"], contract["Notice_Date__c"]) == ("2026-01-01", 100.0, None)


def test_an_incremental_read_starts_at_its_watermark(api: httpx.Client) -> None:
    soql = "SELECT Id FROM Account WHERE SystemModstamp >= {} ORDER BY SystemModstamp ASC, Id ASC"
    for literal in ("2025-01-06T01:00:00.123Z", "2025-01-06T01:00:00.123+00:00", "2025-01-06T01:00:00.123+0000"):
        assert [item["Id"] for item in records(api, soql.format(literal), "All")] == ACCOUNTS[1:]
    assert records(api, soql.format("2025-01-06T02:00:00.124Z"), "All") == []


def test_only_query_all_shows_deleted_rows(api: httpx.Client) -> None:
    soql = "SELECT Id, IsDeleted FROM Account ORDER BY Id"
    assert [item["IsDeleted"] for item in records(api, soql)] == [False, False]
    assert [item["IsDeleted"] for item in records(api, soql, "All")] == [False, False, True]


def test_a_large_result_is_paged_by_locator_without_loss(api: httpx.Client) -> None:
    soql = "SELECT Id FROM Contact ORDER BY SystemModstamp ASC, Id ASC"
    first = query(api, soql).json()
    assert (first["totalSize"], len(first["records"]), first["done"]) == (CONTACT_COUNT, 2000, False)
    found = [item["Id"] for item in records(api, soql)]
    assert (len(set(found)), found) == (CONTACT_COUNT, sorted(found))


def test_conditions_are_joined_with_and(api: httpx.Client) -> None:
    soql = "select Id from Contact where LastName = 'O\\'Neil 7' and IsDeleted = false and SystemModstamp < 2030-01-01T00:00:00Z"
    assert [item["Id"] for item in records(api, soql)] == ["003000000000007AAA"]
    assert query(api, "SELECT COUNT() FROM Contact").json()["totalSize"] == CONTACT_COUNT


def test_history_objects_are_read_by_created_date(api: httpx.Client) -> None:
    soql = "SELECT ContractId, Field, NewValue FROM ContractHistory WHERE CreatedDate >= 2025-01-06T00:00:00Z ORDER BY CreatedDate"
    assert [item["NewValue"] for item in records(api, soql)] == ["Activated"]
    assert records(api, "SELECT Id FROM AccountHistory") == []


@pytest.mark.parametrize(
    ("soql", "code"),
    [
        ("SELECT Nope FROM Account", "INVALID_FIELD"),
        ("SELECT Id FROM Account WHERE SystemModstamp >= '2025-01-01T00:00:00Z'", "INVALID_FIELD"),
        ("SELECT Id FROM Account WHERE", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account WHERE Name = 'a' OR Name = 'b'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account LIMIT many", "MALFORMED_QUERY"),
        ("SELECT Id FROM Account; DROP", "MALFORMED_QUERY"),
        ("SELECT Id FROM Invoice", "INVALID_TYPE"),
        ("", "MALFORMED_QUERY"),
    ],
)
def test_a_bad_query_is_refused_with_its_code(api: httpx.Client, soql: str, code: str) -> None:
    answer = query(api, soql)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)


def test_an_unknown_locator_is_refused(api: httpx.Client) -> None:
    answer = api.get(f"{DATA}/query/0r8xx0000000000000-2000")
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, "INVALID_QUERY_LOCATOR")


def test_every_answer_tells_the_quota_used(api: httpx.Client) -> None:
    used = [query(api, "SELECT Id FROM User").headers["sforce-limit-info"] for _ in range(2)]
    first, second = (int(text.removeprefix("api-usage=").split("/")[0]) for text in used)
    assert second == first + 1


def test_upserting_a_task_twice_creates_it_once(sandbox: Running, api: httpx.Client) -> None:
    path = f"{DATA}/sobjects/Task/Action_Key__c/alert%2F1"
    created = api.patch(path, json={"Subject": "Call", "WhatId": ACCOUNTS[0]})
    updated = api.patch(path, json={"Subject": "Call today"})
    assert (created.status_code, created.json()["created"]) == (201, True)
    assert (updated.status_code, updated.json()) == (200, {**created.json(), "created": False})
    assert api.get(path).json()["Subject"] == "Call today"
    recorded = [item for item in sandbox.recorded("salesforce") if item["external_id"] == "alert/1"]
    assert [item["fields"]["Subject"] for item in recorded] == ["Call", "Call today"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"WhoId": ACCOUNTS[0]}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"WhatId": "001000000000999AAA"}, "INVALID_CROSS_REFERENCE_KEY"),
        ({"WhatId": "acc_00001"}, "MALFORMED_ID"),
        ({"Subject": "x" * 256}, "STRING_TOO_LONG"),
        ({"AccountId": ACCOUNTS[0]}, "INVALID_FIELD_FOR_INSERT_UPDATE"),
    ],
)
def test_a_task_that_salesforce_would_refuse_is_not_recorded(
    sandbox: Running, api: httpx.Client, fields: dict[str, str], code: str
) -> None:
    before = len(sandbox.recorded("salesforce"))
    answer = api.patch(f"{DATA}/sobjects/Task/Action_Key__c/bad", json=fields)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)
    assert len(sandbox.recorded("salesforce")) == before


def test_tasks_survive_a_restart_and_sessions_do_not(company: Path, tmp_path: Path) -> None:
    path = f"{DATA}/sobjects/Task/Action_Key__c/kept"
    with server.running(company, tmp_path) as first:
        headers = {"Authorization": f"Bearer {sign_in(first).json()['access_token']}"}
        httpx.patch(f"{first.credentials['UAM_SALESFORCE_BASE_URL']}{path}", json={"Subject": "A"}, headers=headers)
    with server.running(company, tmp_path) as second:
        url = f"{second.credentials['UAM_SALESFORCE_BASE_URL']}{path}"
        assert httpx.get(url, headers=headers).status_code == 401
        fresh = {"Authorization": f"Bearer {sign_in(second).json()['access_token']}"}
        assert httpx.get(url, headers=fresh).json()["Subject"] == "A"


def test_a_half_written_record_is_dropped_at_start(tmp_path: Path) -> None:
    Journal(tmp_path, "slack").append({"ts": "1"})
    path = tmp_path / "received" / "slack.jsonl"
    path.write_bytes(path.read_bytes() + b'{"ts": "2')
    journal = Journal(tmp_path, "slack")
    journal.append({"ts": "3"})
    assert [entry["ts"] for entry in journal.entries()] == ["1", "3"]


def test_the_flag_of_deletion_is_there_on_every_object_that_can_be_deleted(api: httpx.Client) -> None:
    found = {
        name: records(api, f"SELECT IsDeleted FROM {name}", "All")
        for name in ("Account", "Contact", "Contract", "Opportunity")
    }
    assert [row["IsDeleted"] for row in found["Account"]] == [False, False, True]
    assert not any(row["IsDeleted"] for name in ("Contract", "Opportunity") for row in found[name])


def test_an_opportunity_has_the_stage_it_began_in_and_the_present_one(api: httpx.Client) -> None:
    soql = "SELECT Id, OpportunityId, StageName, CreatedDate FROM OpportunityHistory ORDER BY CreatedDate ASC"
    rows = records(api, soql)
    assert [row["StageName"] for row in rows] == ["Qualification", "Closed Won"]
    assert {row["OpportunityId"] for row in rows} == {"006000000000001AAA"}
    assert len({row["Id"] for row in rows}) == 2


def test_the_limits_tell_what_is_left_of_the_day(api: httpx.Client) -> None:
    daily = api.get(f"{DATA}/limits").json()["DailyApiRequests"]
    assert daily["Max"] == 15_000
    assert 0 < daily["Remaining"] < daily["Max"]


def test_a_page_out_of_order_holds_the_same_rows(sandbox: Running, api: httpx.Client) -> None:
    soql = "SELECT Id FROM Account ORDER BY SystemModstamp ASC"
    expected = records(api, soql, "All")
    fault = {"match": "/salesforce/services/data", "kind": "out_of_order"}
    httpx.post(f"{sandbox.url}/_faults", json=fault).raise_for_status()
    assert records(api, soql, "All") == expected[::-1]
