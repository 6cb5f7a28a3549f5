"""Salesforce's answers by class, and what a task and a context say."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from uam_platform.ledger.outbox import OutboxAction
from uam_platform.playbooks.destination import Presence, Result, Scope
from uam_platform.playbooks.salesforce import QUOTA_PAUSE_SECONDS, SalesforceDestination
from uam_platform.playbooks.salesforce_session import SalesforceLogin, SalesforceSession
from uam_platform_tests.ledger.findings import MONDAY, PLAYBOOKS, finding, morning

FIELDS = PLAYBOOKS.salesforce
NOW = morning(MONDAY)
OWNER = "005000000000001AAA"
ACCOUNT = {"Id": "001000000000001AAA"}


def action(kind: str = "post", target: str = "Task", message_ref: str | None = None, **changed: Any) -> OutboxAction:
    payload = {**finding(1, owner_id=OWNER), "status": "open", "as_of": MONDAY.isoformat(), **changed}
    return OutboxAction("key1", 1, 0, kind, "salesforce", target, message_ref, payload, "alert1", MONDAY)


class Org:
    """An organisation that answers writes and look-ups as told, and remembers what it was asked."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.calls: list[tuple[str, str, dict[str, Any]]] = []
        self.logins = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/token"):
            self.logins += 1
            return httpx.Response(200, json={"access_token": "t", "instance_url": "https://org.example"})
        body = json.loads(request.content) if request.content else {}
        self.calls.append((request.method, request.url.path.partition("/sobjects/")[2], body))
        if request.method == "GET" and request.url.params.get("fields") == "Id":
            return httpx.Response(200, json=ACCOUNT)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def destination(self) -> SalesforceDestination:
        login = SalesforceLogin("https://org.example", "id", "secret")
        return SalesforceDestination(SalesforceSession(login, httpx.MockTransport(self)), FIELDS)


def accepted(record: str = "00T1", status: int = 201) -> httpx.Response:
    return httpx.Response(status, json={"id": record, "success": True, "errors": [], "created": status == 201})


def refusal(status: int, code: str, message: str = "no") -> httpx.Response:
    return httpx.Response(status, json=[{"errorCode": code, "message": message}])


@pytest.mark.proves("Salesforce as destination", "limits of the wire format")
def test_a_new_task_is_the_owners_with_account_date_and_the_behaviour() -> None:
    org = Org(accepted())
    outcome = org.destination().deliver(action(), NOW)
    assert (outcome.result, outcome.external_ref) == (Result.SENT, "Task/00T1/key1")
    method, path, fields = org.calls[-1]
    assert (method, path) == ("PATCH", "Task/Uam_Action_Key__c/key1")
    assert fields["WhatId"] == ACCOUNT["Id"]
    assert fields["OwnerId"] == OWNER
    assert (fields["Status"], fields["Priority"], fields["ActivityDate"]) == ("Not Started", "Normal", "2025-06-07")
    assert "fell from 120 to 40" in fields["Description"]
    assert "$9,000 of $90,000 a year" in fields["Description"]
    assert "AccountId" not in fields


@pytest.mark.proves("Salesforce as destination", "update")
def test_an_update_leaves_to_the_person_what_is_theirs() -> None:
    org = Org(accepted(status=200))
    later = action("update", message_ref="Task/00T1/first", status="updated")
    assert org.destination().deliver(later, NOW).external_ref == "Task/00T1/first"
    _, path, fields = org.calls[-1]
    assert path == "Task/Uam_Action_Key__c/first"
    assert set(fields) == {"Subject", "Description", "Uam_Last_Action__c"}
    assert fields["Subject"].startswith("Updated: ")


@pytest.mark.parametrize(
    ("status", "prefix", "task"),
    [
        ("resolved", "Resolved: ", "Completed"),
        ("stale", "Not confirmed any more: ", "Completed"),
        ("reopened", "Back again: ", "Not Started"),
    ],
)
def test_a_task_ends_with_its_finding_and_comes_back_with_it(status: str, prefix: str, task: str) -> None:
    org = Org(accepted(status=200))
    org.destination().deliver(action("update", message_ref="Task/00T1/first", status=status), NOW)
    fields = org.calls[-1][2]
    assert fields["Subject"].startswith(prefix)
    assert fields["Status"] == task


@pytest.mark.parametrize("status", ["resolved", "stale"])
@pytest.mark.proves("Salesforce as destination", "close or retract")
def test_context_of_a_finding_that_is_gone_is_cleared(status: str) -> None:
    org = Org(accepted(ACCOUNT["Id"], 200))
    org.destination().deliver(action("update", "Account", "Account/001/acc_00001", status=status), NOW)
    assert org.calls[-1][2] == {
        "Uam_Signal_Status__c": status,
        "Uam_Signal_Date__c": MONDAY.isoformat(),
        "Uam_Signal__c": None,
        "Uam_Signal_Detail__c": None,
        "Uam_Next_Step__c": None,
        "Uam_Evidence__c": None,
        "Uam_Last_Action__c": "key1",
    }


def test_context_goes_onto_the_account_and_never_makes_one() -> None:
    org = Org(accepted(ACCOUNT["Id"], 200))
    outcome = org.destination().deliver(action(target="Account"), NOW)
    assert outcome.external_ref == f"Account/{ACCOUNT['Id']}/acc_00001"
    _, path, fields = org.calls[-1]
    assert path == "Account/Product_Account_Id__c/acc_00001"
    assert (fields["Uam_Signal_Status__c"], fields["Uam_Last_Action__c"]) == ("open", "key1")
    assert org.destination().deliver(action(target="Account", account_id=None), NOW).result is Result.PERMANENT


def test_an_owner_who_left_gives_a_task_without_that_owner() -> None:
    org = Org(refusal(400, "INACTIVE_OWNER_OR_USER"), accepted())
    assert org.destination().deliver(action(), NOW).result is Result.SENT
    assert "OwnerId" not in org.calls[-1][2]
    assert "Kim Owner" in org.calls[-1][2]["Description"]


def test_a_team_as_owner_is_named_in_words_only() -> None:
    org = Org(accepted())
    org.destination().deliver(action(owner_id="team_customer_success", owner_name="CS lead"), NOW)
    assert "OwnerId" not in org.calls[-1][2]


@pytest.mark.parametrize(
    ("answer", "result", "scope"),
    [
        (refusal(400, "UNABLE_TO_LOCK_ROW"), Result.TRANSIENT, Scope.ACTION),
        (refusal(200, "UNABLE_TO_LOCK_ROW"), Result.UNKNOWN, Scope.ACTION),
        (refusal(400, "STRING_TOO_LONG"), Result.PERMANENT, Scope.ACTION),
        (refusal(400, "INVALID_FIELD"), Result.PERMANENT, Scope.TARGET),
        (refusal(404, "NOT_FOUND", "Provided external ID field does not exist: X"), Result.PERMANENT, Scope.TARGET),
        (refusal(404, "NOT_FOUND", "The requested resource does not exist"), Result.PERMANENT, Scope.ACTION),
        (refusal(403, "INSUFFICIENT_ACCESS"), Result.PERMANENT, Scope.DESTINATION),
        (refusal(500, "UNKNOWN_EXCEPTION"), Result.UNKNOWN, Scope.ACTION),
        (httpx.Response(201, text="<html>"), Result.UNKNOWN, Scope.ACTION),
        (httpx.Response(300, json=["/a", "/b"]), Result.PERMANENT, Scope.ACTION),
        (httpx.ReadTimeout("slow"), Result.UNKNOWN, Scope.ACTION),
        (httpx.RemoteProtocolError("cut"), Result.UNKNOWN, Scope.ACTION),
        (httpx.ConnectError("refused"), Result.TRANSIENT, Scope.ACTION),
    ],
)
@pytest.mark.proves("Salesforce as destination", "faults")
def test_an_answer_has_its_class(answer: httpx.Response | Exception, result: Result, scope: Scope) -> None:
    outcome = Org(answer).destination().deliver(action(), NOW)
    assert (outcome.result, outcome.scope) == (result, scope)


@pytest.mark.proves("Salesforce as destination", "rate limits")
def test_a_used_up_quota_waits_an_hour_and_is_no_fault_of_the_action() -> None:
    outcome = Org(refusal(403, "REQUEST_LIMIT_EXCEEDED")).destination().deliver(action(), NOW)
    assert (outcome.result, outcome.is_throttled) == (Result.TRANSIENT, True)
    assert outcome.retry_after_seconds == QUOTA_PAUSE_SECONDS
    assert outcome.scope is Scope.DESTINATION


def test_an_expired_session_is_renewed_once() -> None:
    org = Org(refusal(401, "INVALID_SESSION_ID"), accepted())
    assert org.destination().deliver(action(), NOW).result is Result.SENT
    assert org.logins == 2
    again = Org(refusal(401, "INVALID_SESSION_ID"), refusal(401, "INVALID_SESSION_ID")).destination()
    assert again.deliver(action(), NOW).scope is Scope.DESTINATION


@pytest.mark.proves("Salesforce as destination", "authentication")
def test_refused_credentials_send_nothing_and_stop_the_destination() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        return httpx.Response(400, json={"error": "invalid_client"})

    login = SalesforceLogin("https://org.example", "id", "wrong")
    outcome = SalesforceDestination(SalesforceSession(login, httpx.MockTransport(refuse)), FIELDS).deliver(
        action(), NOW
    )
    assert (outcome.result, outcome.scope) == (Result.TRANSIENT, Scope.DESTINATION)
    assert "invalid_client" in str(outcome.error)


def shows(last: str) -> httpx.Response:
    return httpx.Response(200, json={"Id": "00T1", "Uam_Last_Action__c": last})


@pytest.mark.parametrize(
    ("make", "answer", "presence"),
    [
        (lambda: action(), shows("later"), Presence.FOUND),
        (lambda: action("update", message_ref="Task/00T1/first"), shows("key1"), Presence.FOUND),
        (lambda: action("update", message_ref="Task/00T1/first"), shows("older"), Presence.ABSENT),
        (lambda: action(target="Account"), shows("other"), Presence.ABSENT),
        (lambda: action(), refusal(404, "NOT_FOUND"), Presence.ABSENT),
        (lambda: action(), refusal(500, "UNKNOWN_EXCEPTION"), Presence.UNDECIDED),
        (lambda: action(), httpx.Response(404, text="proxy"), Presence.UNDECIDED),
        (lambda: action(), httpx.ReadTimeout("slow"), Presence.UNDECIDED),
    ],
)
def test_a_look_tells_what_arrived(
    make: Callable[[], OutboxAction], answer: httpx.Response | Exception, presence: Presence
) -> None:
    assert Org(answer).destination().reconcile(make()).presence is presence
