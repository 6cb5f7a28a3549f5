"""Linear's answers by class, what an issue says, and each document against Linear's published schema."""

import json
import uuid
from functools import lru_cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from graphql import GraphQLSchema, build_ast_schema, build_schema, parse, validate
from graphql.execution.values import get_variable_values
from graphql.language.ast import OperationDefinitionNode
from hypothesis import given, settings
from hypothesis import strategies as st

from uam_platform.playbooks import linear_record
from uam_platform.playbooks.destination import Presence, Result, Scope
from uam_platform.playbooks.linear import LinearDestination
from uam_platform.playbooks.linear_session import LinearLogin, LinearSession
from uam_platform.simulation.sandbox.linear import SCHEMA
from uam_platform_tests.ledger.findings import MONDAY, PLAYBOOKS, morning, new_ledger
from uam_platform_tests.ledger.findings import outbox as rows
from uam_platform_tests.playbooks import vendor_samples
from uam_platform_tests.playbooks.test_jira import action, affected, payload
from uam_platform_tests.playbooks.trackers import World

NOW = morning(MONDAY)
URL = "http://localhost:3000/assets/alerts/alert_state?alert=alert1"
TEAM_ID = "7df5329e-651f-4d1d-b519-78d44a509f11"
STATES = [{"id": "s9", "type": "completed", "position": 9.0}, {"id": "s3", "type": "completed", "position": 3.0}]
DOCUMENTS = ("LOOK", "TEAM", "CREATE", "CHANGE", "ATTACH", "COMMENT", "VIEWER")


def found(state: str = "started", url: str = URL) -> dict[str, Any]:
    attachments = {"nodes": [{"url": url}] if url else []}
    issue = {"id": "i1", "identifier": "PROD-7", "state": {"type": state}, "team": {"id": TEAM_ID}}
    return {"issues": {"nodes": [{**issue, "attachments": attachments}]}, "comments": {"nodes": []}}


NOTHING = {"issues": {"nodes": []}, "comments": {"nodes": []}}


class Workspace:
    """A workspace that answers by the name of the operation, and remembers what it was asked."""

    def __init__(self, **answers: Any) -> None:
        team = {"id": TEAM_ID, "key": "OPS", "name": "Ops", "states": {"nodes": STATES}}
        made = {"success": True, "issue": {"id": "i1", "identifier": "PROD-7"}}
        self.answers: dict[str, Any] = {
            "Look": NOTHING,
            "Team": {"teams": {"nodes": [team]}},
            "Create": {"issueCreate": made},
            "Change": {"issueUpdate": {"success": True}},
            "Attach": {"attachmentCreate": {"success": True, "attachment": {"id": "a1"}}},
            "Comment": {"commentCreate": {"success": True, "comment": {"id": "c1"}}},
            **answers,
        }
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        asked = json.loads(request.content)
        name = asked["query"].split("(")[0].split()[-1]
        self.calls.append((name, asked["variables"]))
        answer = self.answers[name]
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json={"data": answer})

    def destination(self, **fields: Any) -> LinearDestination:
        session = LinearSession(LinearLogin("https://linear.example/graphql", "lin_api_1"), httpx.MockTransport(self))
        return LinearDestination(session, PLAYBOOKS.linear.model_copy(update=fields), "http://localhost:3000/")

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.calls]


def refusal(status: int, code: str = "", headers: dict[str, str] | None = None, **extensions: Any) -> httpx.Response:
    error = {"message": "no", "extensions": {"code": code, **extensions}}
    return httpx.Response(status, json={"errors": [error], "data": None}, headers=headers)


def test_an_issue_is_made_under_an_id_of_its_action_with_its_accounts_attached() -> None:
    there = Workspace()
    outcome = there.destination().deliver(action(), NOW)
    assert (outcome.result, outcome.external_ref) == (Result.SENT, "PROD-7/i1")
    assert there.names == ["Look", "Team", "Create", "Attach"]
    made = there.calls[2][1]["input"]
    assert made["id"] == linear_record.entity_id("issue", "abcd1234") == there.calls[0][1]["issue"]
    assert uuid.UUID(made["id"]).version == 4
    assert made["teamId"] == TEAM_ID
    attached = there.calls[3][1]["input"]
    assert (attached["url"], attached["issueId"]) == (URL, "i1")
    assert "$9,000 of $90,000 a year at risk" in attached["subtitle"]


def test_what_is_there_is_not_made_again() -> None:
    whole = Workspace(Look=found())
    assert whole.destination().deliver(action(), NOW).external_ref == "PROD-7/i1"
    assert whole.names == ["Look"]
    half = Workspace(Look=found(url=""))
    half.destination().deliver(action(), NOW)
    assert half.names == ["Look", "Attach"]


def test_a_refused_creation_of_an_issue_that_exists_is_taken_for_arrived() -> None:
    refused = refusal(200, "INPUT_ERROR", userError=True)
    there = Workspace(Look=[NOTHING, found()], Create=refused)
    assert there.destination().deliver(action(), NOW).result is Result.SENT
    absent = Workspace(Create=refused)
    assert absent.destination().deliver(action(), NOW).result is Result.PERMANENT


@pytest.mark.proves("Linear", "update")
def test_an_update_changes_text_and_attachment_and_comments_last() -> None:
    there = Workspace(Look=found())
    assert there.destination().deliver(action("update", "updated"), NOW).result is Result.SENT
    assert there.names == ["Look", "Change", "Attach", "Comment"]
    assert set(there.calls[1][1]["input"]) == {"title", "description"}
    assert there.calls[3][1]["input"]["id"] == linear_record.entity_id("comment", "abcd1234")


@pytest.mark.proves("Linear", "close or retract")
def test_a_resolved_alert_completes_its_issue_unless_people_ended_it() -> None:
    for state, moved in (("started", "s3"), ("completed", None), ("canceled", None)):
        there = Workspace(Look=found(state))
        there.destination().deliver(action("update", "resolved"), NOW)
        change = next(asked for name, asked in there.calls if name == "Change")
        assert change["input"].get("stateId") == moved
    kept = Workspace(Look=found())
    kept.destination(close_on_resolve=False).deliver(action("update", "resolved"), NOW)
    assert "Team" not in kept.names


def test_a_team_is_named_by_key_or_by_id() -> None:
    assert linear_record.team_by("PROD")[1] == {"filter": {"key": {"eq": "PROD"}}}
    assert linear_record.team_by(TEAM_ID)[1] == {"filter": {"id": {"eq": TEAM_ID}}}
    outcome = Workspace(Team={"teams": {"nodes": []}}).destination().deliver(action(), NOW)
    assert (outcome.result, outcome.scope) == (Result.PERMANENT, Scope.TARGET)


@pytest.mark.parametrize(
    ("answer", "result", "scope"),
    [
        (refusal(400, "RATELIMITED"), Result.TRANSIENT, Scope.ACTION),
        (refusal(200, "RATELIMITED"), Result.TRANSIENT, Scope.ACTION),
        (refusal(400, type="Ratelimited", code="RATE LIMITED"), Result.TRANSIENT, Scope.ACTION),
        (refusal(401, "AUTHENTICATION_ERROR"), Result.PERMANENT, Scope.DESTINATION),
        (refusal(400, "AUTHENTICATION_ERROR"), Result.PERMANENT, Scope.DESTINATION),
        (refusal(200, "FORBIDDEN"), Result.PERMANENT, Scope.TARGET),
        (refusal(400, "GRAPHQL_VALIDATION_FAILED"), Result.PERMANENT, Scope.ACTION),
        (refusal(200, "INVALID_INPUT"), Result.PERMANENT, Scope.ACTION),
        (refusal(200, "something new", userError=True), Result.PERMANENT, Scope.ACTION),
        (refusal(200, "INTERNAL_SERVER_ERROR"), Result.UNKNOWN, Scope.ACTION),
        (refusal(500, "GRAPHQL_PARSE_FAILED"), Result.UNKNOWN, Scope.ACTION),
        (httpx.Response(200, json={"data": {"issueCreate": {"success": False, "issue": None}}}), Result.UNKNOWN, Scope.ACTION),
        (httpx.Response(200, text="<html>"), Result.UNKNOWN, Scope.ACTION),
        (httpx.Response(502, text="bad gateway"), Result.UNKNOWN, Scope.ACTION),
        (httpx.ReadTimeout("slow"), Result.UNKNOWN, Scope.ACTION),
        (httpx.ConnectError("refused"), Result.TRANSIENT, Scope.ACTION),
    ],
)  # fmt: skip
def test_an_answer_has_its_class(answer: httpx.Response | Exception, result: Result, scope: Scope) -> None:
    outcome = Workspace(Create=answer).destination().deliver(action(), NOW)
    assert (outcome.result, outcome.scope) == (result, scope)
    assert outcome.error


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        (
            {
                "x-ratelimit-requests-remaining": "0",
                "x-ratelimit-requests-reset": "1777028615000",
                "x-ratelimit-complexity-remaining": "1999991",
                "Date": "Fri, 24 Apr 2026 11:03:05 GMT",
            },
            30.0,
        ),
        ({}, None),
    ],
)
@pytest.mark.proves("Linear", "rate limits")
def test_the_pause_that_linear_asks_for_is_kept(headers: dict[str, str], seconds: float | None) -> None:
    outcome = Workspace(Create=refusal(400, "RATELIMITED", headers)).destination().deliver(action(), NOW)
    assert (outcome.is_throttled, outcome.retry_after_seconds) == (True, seconds)


@pytest.mark.proves("Linear", "authentication")
def test_a_personal_key_is_sent_bare_and_another_token_as_bearer() -> None:
    heads: list[str] = []

    def listen(request: httpx.Request) -> httpx.Response:
        heads.append(request.headers["authorization"])
        return httpx.Response(200, json={"data": {}})

    for token in ("lin_api_1", "oauth"):
        login = LinearLogin("https://linear.example/graphql", token)
        LinearSession(login, httpx.MockTransport(listen)).call(linear_record.VIEWER, {})
    assert heads == ["lin_api_1", "Bearer oauth"]


def test_a_look_tells_what_arrived_whole() -> None:
    assert Workspace(Look=found()).destination().reconcile(action()).presence is Presence.FOUND
    assert Workspace(Look=found(url="")).destination().reconcile(action()).presence is Presence.ABSENT
    assert Workspace().destination().reconcile(action()).presence is Presence.ABSENT
    later = action("update", "updated")
    assert Workspace(Look=found()).destination().reconcile(later).presence is Presence.ABSENT
    told = {**found(), "comments": {"nodes": [{"id": "c1"}]}}
    assert Workspace(Look=told).destination().reconcile(later).presence is Presence.FOUND
    for answer in (
        refusal(500),
        refusal(400, "RATELIMITED"),
        httpx.ReadTimeout("slow"),
        httpx.Response(200, json={"data": {}}),
    ):
        assert Workspace(Look=answer).destination().reconcile(action()).presence is Presence.UNDECIDED


def test_an_issue_lists_its_accounts_with_dollars_in_a_table() -> None:
    text = linear_record.text_fields(payload(affected_account_count=60, affected_accounts=affected(50)), "k")[
        "description"
    ]
    lines = text.splitlines()
    assert "### 60 affected accounts" in lines
    assert "| Company 1 | acc\\_00001 | $90,000 | $9,000 | 1 |" in lines
    assert "and 10 more, in the evidence of the finding" in lines


@given(text=st.text(alphabet=st.sampled_from("a|[]()<>*_`#\\\n ü😀@"), max_size=3000))
@settings(max_examples=40, deadline=None, derandomize=True)
@pytest.mark.proves("Linear", "limits of the wire format")
def test_no_text_from_outside_breaks_the_table_or_becomes_a_link(text: str) -> None:
    said = payload(title=text, summary=text, owner_name=text, affected_accounts=affected(3, text))
    fields = linear_record.text_fields(said, "k")
    assert 1 <= len(fields["title"]) <= 255
    assert len(fields["description"]) <= linear_record.DESCRIPTION_LIMIT
    table = [line for line in fields["description"].splitlines() if line.startswith("| ")]
    assert len(table) == 5
    for line in table:
        assert line.replace("\\\\", "").replace("\\|", "").count("|") == 6
        assert "](" not in line.replace("\\]", "")


# Against what Linear publishes.


@lru_cache(maxsize=1)
def published() -> GraphQLSchema:
    text = (vendor_samples.folder() / "linear/sdk/schema.graphql").read_text(encoding="utf-8")
    return build_ast_schema(
        parse(text, no_location=True), assume_valid=True, assume_valid_sdl=True
    )  # a minute otherwise


def problems(schema: GraphQLSchema, document: str, variables: dict[str, Any]) -> list[str]:
    """What a schema finds wrong with a document and its variables."""
    parsed = parse(document)
    wrong = validate(schema, parsed)
    operation = parsed.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    coerced = get_variable_values(schema, operation.variable_definitions, variables)
    return [e.message for e in wrong] + [e.message for e in coerced if not isinstance(coerced, dict)]


def requests(folder: Path) -> list[dict[str, Any]]:
    """Everything that an issue's life makes us ask."""
    world = World(new_ledger(folder), folder, "linear")
    for number, accounts in ((0, [1, 2]), (7, [1, 2]), (8, [2]), (9, [2]), (10, [2]), (11, [1, 2])):
        world.plan(number, accounts)
        world.finish()
    assert {row.state for row in rows(world.ledger, "linear")} == {"sent"}
    return [json.loads(request.content) for request in world.wire.requests]


@pytest.mark.proves("Linear", "specification")
def test_every_document_and_its_variables_are_valid_in_the_published_schema(tmp_path: Path) -> None:
    schema = published()
    asked = requests(tmp_path)
    assert {one["query"] for one in asked} == {getattr(linear_record, name) for name in DOCUMENTS if name != "VIEWER"}
    for one in asked:
        assert problems(schema, one["query"], one["variables"]) == []
    assert problems(schema, linear_record.VIEWER, {}) == []


def test_the_sandbox_serves_a_part_of_the_published_schema() -> None:
    theirs, ours = published(), build_schema(SCHEMA)
    for name, kind in ours.type_map.items():
        if name.startswith("__") or not hasattr(kind, "fields"):
            continue
        for field, own in kind.fields.items():
            real = theirs.type_map[name].fields[field]  # type: ignore[attr-defined]
            assert str(own.type) == str(real.type), (name, field)
            assert set(getattr(own, "args", ())) <= set(getattr(real, "args", ())), (name, field)


@pytest.mark.proves("Linear", "recorded answers")
def test_recorded_answers_of_linear_are_understood() -> None:
    made = vendor_samples.recorded("linear/nango/create-issue.json", "post")[0]
    attached = vendor_samples.recorded("linear/nango/create-attachment.json", "post")[0]
    told = vendor_samples.recorded("linear/nango/create-comment.json", "post")[0]
    changed = vendor_samples.recorded("linear/nango/update-issue.json", "post")[0]
    there = Workspace(
        Create=httpx.Response(made["status"], json=made["response"]),
        Attach=httpx.Response(attached["status"], json=attached["response"]),
        Comment=httpx.Response(told["status"], json=told["response"]),
        Change=httpx.Response(changed["status"], json=changed["response"]),
    )
    outcome = there.destination().deliver(action(), NOW)
    assert (outcome.result, str(outcome.external_ref)[:7]) == (Result.SENT, "NAN-18/")
    there.answers["Look"] = found()
    assert there.destination().deliver(action("update", "updated"), NOW).result is Result.SENT
