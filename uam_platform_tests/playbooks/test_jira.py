"""Jira's answers by class, what an issue says, and each request and answer against Atlassian's published specification."""

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from uam_platform.ledger.outbox import OutboxAction
from uam_platform.playbooks import issue, jira_record
from uam_platform.playbooks.destination import Presence, Result, Scope
from uam_platform.playbooks.jira import JiraDestination
from uam_platform.playbooks.jira_session import JiraLogin, JiraSession
from uam_platform.simulation.sandbox import jira_documents
from uam_platform_tests.ledger.findings import MONDAY, PLAYBOOKS, finding, morning, new_ledger
from uam_platform_tests.ledger.findings import outbox as rows
from uam_platform_tests.playbooks import vendor_samples
from uam_platform_tests.playbooks.trackers import World

NOW = morning(MONDAY)
SPEC = "jira/oas/jira-platform.trimmed.json"
NOTHING = {"issues": [], "isLast": True}
MADE = {"id": "10053", "key": "OPS-21", "self": "https://site.example/rest/api/3/issue/10053"}
TO_DO = {"fields": {"status": {"statusCategory": {"key": "new"}}}}
WAYS = {"transitions": [{"id": "31", "to": {"statusCategory": {"key": "done"}}}]}
COMMENTS = {"comments": [], "total": 0, "startAt": 0, "maxResults": 100}


def affected(count: int, name: str = "Company") -> list[dict[str, Any]]:
    return [
        {
            "account_id": f"acc_{n:05d}",
            "account_name": f"{name} {n}",
            "arr_usd_cents": 90_000_00,
            "revenue_at_risk_usd_cents": 9_000_00 - n,
            "failure_count": n,
        }
        for n in range(count)
    ]


def payload(status: str = "open", **changed: Any) -> dict[str, Any]:
    extra = {"affected_account_count": 1, "affected_accounts": affected(1)}
    return {**finding(1), "status": status, "as_of": MONDAY.isoformat(), **extra, **changed}


def action(kind: str = "post", status: str = "open", **changed: Any) -> OutboxAction:
    ref = None if kind == "post" else "OPS-21/10053"
    return OutboxAction("abcd1234", 1, 0, kind, "jira", "OPS", ref, payload(status, **changed), "alert1", MONDAY)


class Site:
    """A site that answers by method and path, and remembers what it was asked."""

    def __init__(self, **answers: Any) -> None:
        self.answers = {
            "GET issue": TO_DO,
            "GET comment": COMMENTS,
            "GET transitions": WAYS,
            "POST jql": NOTHING,
            "POST issue": httpx.Response(201, json=MADE),
            "PUT issue": httpx.Response(204),
            "POST comment": httpx.Response(201, json={"id": "1"}),
            "POST transitions": httpx.Response(204),
            **{name.replace("_", " "): answer for name, answer in answers.items()},
        }
        self.calls: list[tuple[str, Any]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        last = request.url.path.rpartition("/")[2]
        name = f"{request.method} {'issue' if re.search(r'[0-9]', last) else last}"
        self.calls.append((name, json.loads(request.content) if request.content else None))
        answer = self.answers[name]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)

    def destination(self, email: str | None = "a@b.example", **fields: Any) -> JiraDestination:
        login = JiraLogin("https://site.example", email, "token")
        return JiraDestination(JiraSession(login, httpx.MockTransport(self)), PLAYBOOKS.jira.model_copy(update=fields))


def refusal(status: int, message: str = "no", headers: dict[str, str] | None = None, **errors: str) -> httpx.Response:
    return httpx.Response(status, json={"errorMessages": [message], "errors": errors}, headers=headers)


def test_an_issue_is_looked_for_before_it_is_made() -> None:
    site = Site()
    outcome = site.destination().deliver(action(), NOW)
    assert (outcome.result, outcome.external_ref) == (Result.SENT, "OPS-21/10053")
    assert [name for name, _ in site.calls] == ["POST jql", "POST issue"]
    assert 'labels = "uam-abcd1234"' in site.calls[0][1]["jql"]
    fields = site.calls[1][1]["fields"]
    assert fields["labels"] == ["uam", "core_decline_after_escalation", "uam-abcd1234"]
    assert (fields["project"], fields["issuetype"]) == ({"key": "OPS"}, {"name": "Task"})


def test_an_issue_that_is_there_is_taken_instead_of_making_another() -> None:
    there = {"id": "10007", "key": "OPS-7", "fields": {"labels": ["uam-abcd1234"]}}
    site = Site(POST_jql={"issues": [there], "isLast": True})
    assert site.destination().deliver(action(), NOW).external_ref == "OPS-7/10007"
    assert [name for name, _ in site.calls] == ["POST jql"]


@pytest.mark.proves("Jira", "update")
def test_an_update_changes_text_and_comments_and_leaves_to_people_what_is_theirs() -> None:
    site = Site()
    assert site.destination().deliver(action("update", "updated"), NOW).external_ref == "OPS-21/10053"
    assert [name for name, _ in site.calls] == ["GET comment", "GET issue", "PUT issue", "POST comment"]
    assert set(site.calls[2][1]["fields"]) == {"summary", "description"}
    assert "uam action abcd1234" in json.dumps(site.calls[3][1])


@pytest.mark.proves("Jira", "close or retract")
def test_a_resolved_alert_closes_its_issue_by_the_category_of_the_status() -> None:
    site = Site()
    site.destination().deliver(action("update", "resolved"), NOW)
    assert ("POST transitions", {"transition": {"id": "31"}}) in site.calls
    kept = Site()
    kept.destination(close_on_resolve=False).deliver(action("update", "resolved"), NOW)
    assert "POST transitions" not in [name for name, _ in kept.calls]


def test_a_workflow_without_a_way_or_with_a_refused_one_is_told_in_the_comment() -> None:
    for answers in (
        {"GET_transitions": {"transitions": []}},
        {"POST_transitions": refusal(400, "Resolution is required")},
    ):
        site = Site(**answers)
        assert site.destination().deliver(action("update", "resolved"), NOW).result is Result.SENT
        assert "please move" in json.dumps(site.calls[-1][1])


@pytest.mark.parametrize(
    ("answer", "result", "scope"),
    [
        (refusal(400, summary="Summary can't exceed 255 characters."), Result.PERMANENT, Scope.ACTION),
        (refusal(400, project="valid project is required"), Result.PERMANENT, Scope.TARGET),
        (refusal(400, issuetype="Specify a valid issue type"), Result.PERMANENT, Scope.TARGET),
        (refusal(401), Result.PERMANENT, Scope.DESTINATION),
        (refusal(403), Result.PERMANENT, Scope.TARGET),
        (refusal(404), Result.PERMANENT, Scope.TARGET),
        (refusal(409), Result.TRANSIENT, Scope.ACTION),
        (refusal(422), Result.PERMANENT, Scope.ACTION),
        (refusal(500), Result.UNKNOWN, Scope.ACTION),
        (refusal(503), Result.UNKNOWN, Scope.ACTION),
        (refusal(200), Result.UNKNOWN, Scope.ACTION),
        (httpx.Response(201, text="<html>"), Result.UNKNOWN, Scope.ACTION),
        (httpx.Response(302, headers={"location": "/login"}), Result.PERMANENT, Scope.DESTINATION),
        (httpx.ReadTimeout("slow"), Result.UNKNOWN, Scope.ACTION),
        (httpx.RemoteProtocolError("cut"), Result.UNKNOWN, Scope.ACTION),
        (httpx.ConnectError("refused"), Result.TRANSIENT, Scope.ACTION),
    ],
)
def test_an_answer_has_its_class(answer: httpx.Response | Exception, result: Result, scope: Scope) -> None:
    outcome = Site(POST_issue=answer).destination().deliver(action(), NOW)
    assert (outcome.result, outcome.scope) == (result, scope)
    assert outcome.error


def test_a_failing_look_before_making_changes_nothing_and_is_tried_again() -> None:
    site = Site(POST_jql=httpx.ReadTimeout("slow"))
    assert site.destination().deliver(action(), NOW).result is Result.TRANSIENT
    assert [name for name, _ in site.calls] == ["POST jql"]


@pytest.mark.parametrize(
    ("headers", "seconds", "scope"),
    [
        ({"Retry-After": "7", "RateLimit-Reason": "jira-burst-based"}, 7.0, Scope.ACTION),
        ({"Retry-After": "900", "RateLimit-Reason": "jira-quota-global-based"}, 900.0, Scope.DESTINATION),
        ({"X-RateLimit-Reset": "2026-03-02T10:00:30Z", "Date": "Mon, 02 Mar 2026 10:00:00 GMT"}, 30.0, Scope.ACTION),
        ({}, None, Scope.ACTION),
    ],
)
@pytest.mark.proves("Jira", "rate limits")
def test_the_pause_that_jira_asks_for_is_kept(headers: dict[str, str], seconds: float | None, scope: Scope) -> None:
    outcome = Site(POST_issue=refusal(429, headers=headers)).destination().deliver(action(), NOW)
    assert (outcome.result, outcome.is_throttled) == (Result.TRANSIENT, True)
    assert (outcome.retry_after_seconds, outcome.scope) == (seconds, scope)


@pytest.mark.proves("Jira", "authentication")
def test_a_token_of_a_person_is_sent_as_basic_and_one_of_oauth_as_bearer() -> None:
    heads: list[str] = []

    def listen(request: httpx.Request) -> httpx.Response:
        heads.append(request.headers["authorization"])
        return httpx.Response(200, json=NOTHING)

    for email in ("a@b.example", None):
        JiraSession(JiraLogin("https://s.example", email, "t"), httpx.MockTransport(listen)).call("GET", "myself")
    assert heads == ["Basic YUBiLmV4YW1wbGU6dA==", "Bearer t"]


def test_an_absent_issue_is_certain_only_after_the_index_has_had_its_time() -> None:
    look = Site(GET_issue=refusal(404)).destination().reconcile(action())
    assert (look.presence, look.certain_after_seconds) == (Presence.ABSENT, PLAYBOOKS.jira.search_lag_seconds)


def test_an_issue_that_search_does_not_know_yet_is_found_by_its_number(tmp_path: Path) -> None:
    world = World(new_ledger(tmp_path), tmp_path, "jira", ["ok", "timeout_after_commit"])
    world.plan(0, [1])
    report = world.run()
    assert report is not None
    assert (report.unclear, len(report.sent)) == (1, 1)
    assert world.seconds() - 1_000_000 < 30.0  # the index needs thirty seconds
    assert [row.external_ref for row in rows(world.ledger, "jira")] == ["OPS-1/10000"]


@pytest.mark.parametrize("answer", [refusal(429), refusal(500), refusal(200), httpx.ReadTimeout("slow")])
def test_a_look_that_is_not_answered_decides_nothing(answer: httpx.Response | Exception) -> None:
    site = Site(POST_jql=answer, GET_comment=answer)
    assert site.destination().reconcile(action()).presence is Presence.UNDECIDED
    assert site.destination().reconcile(action("update", "updated")).presence is Presence.UNDECIDED


def test_an_issue_lists_its_accounts_with_dollars_and_says_how_many_more_there_are() -> None:
    body = jira_record.new_issue(
        payload(affected_account_count=80, affected_accounts=affected(50)), "k", "OPS", PLAYBOOKS.jira
    )
    text = json.dumps(body, ensure_ascii=False)
    assert "80 affected accounts" in text
    assert "and 30 more" in text
    assert "Company 0" in text
    assert "$9,000" in text


@given(text=st.text(alphabet=st.sampled_from('a"\\\n ü😀|<'), max_size=9000), count=st.integers(0, 50))
@settings(max_examples=40, deadline=None, derandomize=True)
@pytest.mark.proves("Jira", "limits of the wire format")
def test_no_text_makes_a_document_that_jira_refuses(text: str, count: int) -> None:
    long = {name: text for name in ("title", "summary", "threshold", "follow_up", "owner_name")}
    said = payload(affected_account_count=count + 1, affected_accounts=affected(count, text[:300]), **long)
    for document in (
        jira_record.text_fields(said)["description"],
        jira_record.comment({**said, "status": "reopened"}, "k", "more")["body"],
    ):
        assert jira_documents.problem(document) is None
    summary = jira_record.text_fields(said)["summary"]
    assert 1 <= len(summary) <= issue.TITLE_LIMIT
    assert "\n" not in summary


# Against what Atlassian publishes.


def validator(name: str) -> Draft4Validator:
    components = vendor_samples.document(SPEC)["components"]
    return Draft4Validator({"$ref": f"#/components/schemas/{name}", "components": components})


def adf() -> Draft4Validator:
    return Draft4Validator(vendor_samples.document("jira/adf/adf-schema.json"))


REQUESTS = {
    ("POST", "/rest/api/3/issue"): "IssueUpdateDetails",
    ("PUT", "/rest/api/3/issue/{issueIdOrKey}"): "IssueUpdateDetails",
    ("POST", "/rest/api/3/issue/{issueIdOrKey}/comment"): "Comment",
    ("POST", "/rest/api/3/issue/{issueIdOrKey}/transitions"): "IssueUpdateDetails",
    ("POST", "/rest/api/3/search/jql"): "SearchAndReconcileRequestBean",
}


def template(method: str, path: str) -> str:
    """The specification's path that a call uses; it must have the method."""
    for known, methods in vendor_samples.document(SPEC)["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", known), path) and method.lower() in methods:
            return str(known)
    raise AssertionError(f"{method} {path} is no call of Jira's")


def exchanges(folder: Path) -> list[tuple[httpx.Request, httpx.Response]]:
    """Everything that an issue's life makes us say, with the sandbox's answers."""
    world = World(new_ledger(folder), folder, "jira", ["ok", "timeout_after_commit"])
    seen: list[tuple[httpx.Request, httpx.Response]] = []
    served = world.wire._served

    def watch(request: httpx.Request) -> httpx.Response:
        answer = served(request)
        seen.append((request, answer))
        return answer

    world.wire._served = watch  # type: ignore[method-assign]
    for number, accounts in ((0, [1, 2]), (7, [1, 2]), (8, [2]), (9, [2]), (10, [2]), (11, [1, 2])):
        world.plan(number, accounts)
        world.finish()
    return seen


@pytest.mark.proves("Jira", "specification")
def test_every_request_and_answer_keeps_the_published_specification(tmp_path: Path) -> None:
    vendor_samples.folder()
    spec = vendor_samples.document(SPEC)
    used = set()
    for request, answer in exchanges(tmp_path):
        path = request.url.path.removeprefix("/jira")
        call = template(request.method, path)
        used.add((request.method, call))
        operation = spec["paths"][call][request.method.lower()]
        known = {p["name"] for p in operation.get("parameters", ()) if p["in"] == "query"}
        assert set(dict(request.url.params)) <= known
        if request.content:
            body = json.loads(request.content)
            validator(REQUESTS[request.method, call]).validate(body)
            fields = body.get("fields")
            description = fields.get("description") if isinstance(fields, dict) else None
            for document in filter(None, (body.get("body"), description)):
                adf().validate(document)
        said = operation["responses"][str(answer.status_code)].get("content", {}).get("application/json", {})
        if said.get("schema"):
            Draft4Validator({**said["schema"], "components": spec["components"]}).validate(answer.json())
    assert set(REQUESTS) <= used


@pytest.mark.proves("Jira", "recorded answers")
def test_the_recorded_answers_of_jira_are_understood() -> None:
    made = vendor_samples.recorded("jira/nango/create-issue.json", "post")[0]["response"]
    ways = vendor_samples.recorded("jira/nango/list-transitions.json", "get")[0]["response"]
    none = vendor_samples.recorded("jira/nango/search-issues.json", "post")[0]["response"]
    moved = vendor_samples.recorded("jira/nango/transition-issue.json", "post")[0]
    site = Site(POST_jql=none, POST_issue=httpx.Response(201, json=made), GET_transitions=ways)
    assert site.destination().deliver(action(), NOW).external_ref == "KAN-21/10053"
    site.answers["POST transitions"] = httpx.Response(moved["status"])
    site.destination().deliver(action("update", "resolved"), NOW)
    taken = next(body for name, body in site.calls if name == "POST transitions")
    done = next(w for w in ways["transitions"] if w["id"] == taken["transition"]["id"])
    assert done["to"]["statusCategory"]["key"] == "done"


def test_the_sandbox_refuses_what_the_published_schema_refuses() -> None:
    wrong: list[Any] = [
        "a plain string",
        {"type": "doc", "content": []},
        {"type": "doc", "version": 1, "content": [{"type": "text", "text": "bare"}]},
        {"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": [{"type": "text", "text": ""}]}]},
        {"type": "doc", "version": 1, "content": [{"type": "bulletList", "content": []}]},
    ]
    for document in wrong:
        assert jira_documents.problem(document) is not None
        assert not adf().is_valid(document)


def test_dates_and_money_of_a_change_are_in_its_words() -> None:
    said = issue.change(payload("resolved", affected_account_count=3))
    assert said == (
        f"Resolved: the condition is gone as of {date(2025, 6, 2)}. It last stood at 3 accounts, $9,000 of $90,000 a year at risk."
    )
