"""Recorded records and published descriptions that no other test reads: our readers take them, our requests and the sandbox keep them."""

import json
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import httpx
import jsonschema
import pyarrow as pa
import pytest
import yaml

from uam_platform.connectors import amplitude_lines, salesforce
from uam_platform.connectors.dropped_files import Broken, records
from uam_platform.connectors.salesforce_objects import READINGS
from uam_platform.connectors.salesforce_session import SalesforceSource
from uam_platform.connectors.zendesk_streams import EXPORTS
from uam_platform.lake.loads import RECORDS, LoadManifest
from uam_platform.playbooks import slack
from uam_platform.playbooks.destination import Presence, Result
from uam_platform.simulation.sandbox import slack_blocks, zendesk_feedback, zendesk_shapes
from uam_platform_tests.connectors.fakes import NOW, FakeVendor, quiet, reply, rows
from uam_platform_tests.connectors.test_posthog import read
from uam_platform_tests.connectors.test_recorded_desk_and_crm import desk, staged
from uam_platform_tests.connectors.vendor_samples import FOLDER, interactions, needs_samples, openapi, problems, sample
from uam_platform_tests.playbooks import test_jira, test_slack
from uam_platform_tests.sandbox import tiny_company
from uam_platform_tests.vendors.test_recorded_answers import Recorded, recorded

pytestmark = needs_samples
TOKEN = {"access_token": "t", "instance_url": "https://acme.my.salesforce.com"}


def lines(name: str) -> list[dict[str, Any]]:
    """Objects of a recorded file of JSON lines; other lines of a log are left out."""
    texts = (Path(FOLDER) / name).read_text(encoding="utf-8").splitlines()
    return [found for text in texts if text.startswith("{") and isinstance(found := json.loads(text), dict)]


def streams(name: str) -> dict[str, list[dict[str, Any]]]:
    """Records of a recorded synchronisation by stream."""
    found: dict[str, list[dict[str, Any]]] = {}
    for one in lines(name):
        record = one.get("record", one)
        if "stream" in record and "data" in record:
            found.setdefault(record["stream"].rpartition("__")[2], []).append(record["data"])
    return found


def spec(name: str) -> dict[str, Any]:
    """A published description in YAML."""
    loaded: dict[str, Any] = yaml.safe_load((Path(FOLDER) / name).read_text(encoding="utf-8"))
    return loaded


SEEDS = [
    "amplitude/fivetran/amplitude_event_data.csv", "amplitude/fivetran/amplitude_event_type_data.csv",
    "segment/dbt/example_segment_pages.csv",
    *(f"salesforce/fivetran/sf_{n}_data.csv"
      for n in "account contact event lead opportunity opportunity_history task user".split()),
    *(f"zendesk/fivetran/{n}_data.csv"
      for n in "audit_log group organization ticket_comment ticket ticket_field_history ticket_tag user".split()),
]  # fmt: skip


@pytest.mark.parametrize("name", SEEDS)
def test_a_warehouse_table_as_csv_is_read_as_an_export_of_ones_own(name: str) -> None:
    found = list(records(name, (Path(FOLDER) / name).read_bytes()))
    assert found
    assert not [row for row in found if isinstance(row, Broken)]
    assert all(len(row) > 1 for row in found)


def test_every_recorded_event_of_amplitude_is_read() -> None:
    events = streams("amplitude/airbyte/expected_records.jsonl")["events"]
    batch = pa.array([json.dumps(event) for event in events], pa.large_string())
    with duckdb.connect() as engine:
        engine.execute("SET TimeZone='UTC'")
        found = amplitude_lines.line_shape("workspace").decode(engine, batch, 0).to_pylist()
    assert [row["event_name"] for row in found] == [event["event_type"] for event in events]
    assert all(row["parse_error"] is None and row["message_id"] for row in found)
    assert len(found) == 8


@pytest.mark.proves("PostHog", "recorded answers")
def test_the_recorded_pages_of_posthogs_events_follow_each_other_and_every_event_is_read() -> None:
    pages = interactions("posthog/nango/events.json")
    events = [event for page in pages for event in page["response"]["results"]]
    for page, following in pairwise(pages):
        before = httpx.URL(page["response"]["next"]).params["before"]
        assert following["request"]["params"]["before"] == before == page["response"]["results"][-1]["timestamp"]
    assert pages[-1]["response"]["next"] is None
    assert [e["timestamp"] for e in events] == sorted((e["timestamp"] for e in events), reverse=True)
    found = read(*({**event, "uuid": event["id"]} for event in events))
    assert len({row["message_id"] for row in found}) == len(events) > 10


def test_the_recorded_second_page_of_salesforce_ends_a_result_and_all_its_rows_are_landed(tmp_path: Path) -> None:
    (more,) = interactions("salesforce/nango/retrieve-query-more.json")
    stamp = {"SystemModstamp": "2025-01-06T00:00:00.000+0000"}
    second = {**more["response"], "records": [{**row, **stamp} for row in more["response"]["records"]]}
    first = [{"attributes": {"type": "Account"}, "Id": f"001{n:012d}AAA", **stamp} for n in range(2000)]

    def answer(request: httpx.Request) -> httpx.Response:
        if "oauth2" in request.url.path:
            return reply(TOKEN)
        if request.url.path == more["path"]:
            return reply(second)
        if " FROM Account " in request.url.params.get("q", ""):
            return reply({"totalSize": 2086, "done": False, "nextRecordsUrl": more["path"], "records": first})
        return reply({"totalSize": 0, "done": True, "records": []})

    manifest = LoadManifest(tmp_path)
    source = SalesforceSource("https://acme.my.salesforce.com", "a", "b")
    load = salesforce.land(source, manifest, "l1", NOW, quiet, wire=FakeVendor(answer).wire())
    assert load is not None
    assert len(rows(manifest, load, RECORDS)) == more["response"]["totalSize"] == 2086


def test_recorded_accounts_and_other_records_of_salesforce_are_landed_under_their_ids() -> None:
    found = streams("salesforce/airbyte/expected_records.jsonl")
    landed = salesforce.records(READINGS[1], found["Account"] + found["Asset"])
    assert [row[1] for row in landed] == [row["Id"] for row in found["Account"] + found["Asset"]]
    assert all(datetime.fromisoformat(str(row[2])) for row in landed)


def test_recorded_tickets_and_ratings_of_another_synchronisation_become_rows() -> None:
    found = streams("zendesk/faros/all-streams.jsonl")
    landed = [*desk("ticket", found["tickets"]), *desk("satisfaction_rating", found["satisfaction_ratings"])]
    tables = staged("zendesk", landed)
    assert tables.quarantine.empty, tables.quarantine[["source_object", "reason", "detail"]]
    assert len(tables.tickets) == len({ticket["id"] for ticket in found["tickets"]}) >= 14
    assert len(tables.satisfaction_ratings) == len(found["satisfaction_ratings"])


def served_by_zendesk() -> Iterator[tuple[str, dict[str, Any]]]:
    """What the sandbox shows of a small company: name of a schema, object."""
    tables, url = tiny_company.small_tables(), "https://acme.zendesk.com"
    names = {
        "tickets": tiny_company.TABLES["zendesk_tickets"].names,
        "users": tiny_company.TABLES["zendesk_users"].names,
    }
    for row in tables["zendesk_tickets"]:
        yield "tickets", zendesk_shapes.ticket({**dict.fromkeys(names["tickets"]), **row}, url)
    for row in tables["zendesk_users"]:
        yield "users", zendesk_shapes.user({**dict.fromkeys(names["users"]), **row}, url)
    for row in tables["zendesk_organizations"]:
        yield "organizations", zendesk_shapes.organization(row, url)
    for row in tables["zendesk_satisfaction_ratings"]:
        yield "satisfaction_ratings", zendesk_feedback.rating({"assignee_id": None, "group_id": None, **row}, url)
    for row in tables["zendesk_ticket_metric_events"]:
        yield "ticket_metric_events", zendesk_feedback.metric_event(row)
    first = [row for row in tables["zendesk_ticket_events"] if row["ticket_id"] == 1]
    yield "ticket_audits", zendesk_shapes.audit(first[:2])
    yield (
        "ticket_metrics",
        zendesk_shapes.metric_set({**dict.fromkeys(names["tickets"]), **tables["zendesk_tickets"][0]}, first, url),
    )


def test_what_the_sandbox_shows_of_zendesk_fits_the_published_and_the_recorded_descriptions() -> None:
    oas = openapi("zendesk/oas/support-api.trimmed.json")
    published = {"tickets": "TicketObject", "ticket_audits": "TicketAuditObject", "ticket_metrics": "TicketMetricObject",
                 "satisfaction_ratings": "SatisfactionRatingObject", "ticket_metric_events": "TicketMetricEventBaseObject"}  # fmt: skip
    seen = set()
    for name, shown in served_by_zendesk():
        seen.add(name)
        if name in published:
            wrong = [w for w in problems(oas, published[name], shown) if not w.startswith("unknown key")]
            assert wrong == [], name
        schema = sample(f"zendesk/airbyte/schemas/{'shared/' if name == 'tickets' else ''}{name}.json")
        local = json.loads(json.dumps(schema).replace('"$ref"', '"$comment"'))
        errors = [e.message for e in jsonschema.Draft7Validator(local).iter_errors(shown)]
        assert errors == [], name
    assert seen == {
        "tickets",
        "users",
        "organizations",
        "satisfaction_ratings",
        "ticket_metric_events",
        "ticket_audits",
        "ticket_metrics",
    }


def test_recorded_histories_and_threads_of_slack_are_searched_to_their_end_and_hold_no_action_of_ours() -> None:
    searched = [
        answer for file, answer in recorded("slack") if file in ("get-conversation-history", "get-thread-replies")
    ]
    archived = [json.loads(json.dumps(m)) for m in streams("slack/airbyte/expected_records.jsonl")["channel_messages"]]
    searched.append(httpx.Response(200, json={"ok": True, "messages": archived, "has_more": False}))
    for answer in searched:
        last = {**answer.json(), "has_more": False, "response_metadata": {"next_cursor": ""}}
        found = slack.reconcile(Recorded(httpx.Response(200, json=last)), test_slack.action())  # type: ignore[arg-type]
        assert found.presence is Presence.ABSENT


def button(**fields: Any) -> dict[str, Any]:
    """An actions block with one button."""
    return {"type": "actions", "elements": [{"type": "button", "text": plain("a"), **fields}]}


def plain(text: str) -> dict[str, str]:
    """A text object."""
    return {"type": "plain_text", "text": text}


BUILT: dict[str, Any] = {
    "text": lambda n: {"type": "section", "text": plain("x" * n)},
    "action_id": lambda n: button(action_id="x" * n),
    "block_id": lambda n: {"type": "divider", "block_id": "x" * n},
    "button.text": lambda n: button(text=plain("x" * n)),
    "button.url": lambda n: button(url="x" * n),
    "button.value": lambda n: button(value="x" * n),
    "actions.elements": lambda n: {"type": "actions", "elements": button()["elements"] * n},
    "context.elements": lambda n: {"type": "context", "elements": [plain("a")] * n},
    "header.text": lambda n: {"type": "header", "text": plain("x" * n)},
    "image.image_url": lambda n: {"type": "image", "image_url": "x" * n, "alt_text": "a"},
    "image.alt_text": lambda n: {"type": "image", "image_url": "x", "alt_text": "x" * n},
    "markdown.text": lambda n: {"type": "markdown", "text": "x" * n},
    "section.text": lambda n: {"type": "section", "text": plain("x" * n)},
    "section.fields": lambda n: {"type": "section", "fields": [plain("a")] * n},
}
"""What a published limit is about, as far as our messages use it: size -> a block of that size."""


def test_the_sandbox_refuses_what_the_published_cases_call_invalid_and_takes_what_is_at_the_limit() -> None:
    limits = sample("slack/slackblocks/spec/limits.json")
    cases = sample("slack/slackblocks/spec/fixtures/invalid/manifest.json")["cases"]
    judged = set()
    for case in cases:
        about, _, bound = str(case["constraint"]).rpartition(".")
        if about not in BUILT or bound not in ("max_length", "max_items", "min_length"):
            continue
        limit = limits
        for part in (*about.split("."), bound):
            limit = limit[part]
        beyond = limit + 1 if bound.startswith("max") else limit - 1
        assert slack_blocks.findings([BUILT[about](limit)]) == [], case["id"]
        assert slack_blocks.findings([BUILT[about](beyond)]) != [], case["id"]
        judged.add(about)
    assert {"text", "header.text", "section.fields", "context.elements", "button.text", "block_id"} <= judged


def test_every_call_that_we_make_of_slack_is_a_published_one_with_published_arguments() -> None:
    swagger = sample("slack/slack-api-specs/slack_web_openapi_v2.trimmed.json")["paths"]
    agent = spec("slack/airbyte-agent/connector.openapi.yaml")["paths"]
    young = {
        "metadata",
        "include_all_metadata",
        "unfurl_links",
        "unfurl_media",
    }  # younger than the archived description
    said: dict[str, set[str]] = {}

    class Noting(Recorded):
        def _call(self, name: str, arguments: dict[str, Any], act: Any) -> dict[str, Any]:
            said.setdefault(name, set()).update(arguments)
            return super()._call(name, arguments, act)

    made = next(answer for file, answer in recorded("slack") if file == "post-message")
    told = Noting(made)
    assert slack.deliver(told, test_slack.action(), NOW).result is Result.SENT  # type: ignore[arg-type]
    slack.deliver(told, test_slack.action(kind="update", ref=f"{made.json()['channel']}/{made.json()['ts']}"), NOW)  # type: ignore[arg-type]
    methods = {
        "post": "/chat.postMessage",
        "update": "/chat.update",
        "history": "/conversations.history",
        "replies": "/conversations.replies",
    }
    assert {"post", "update"} <= said.keys()
    for name, arguments in said.items():
        assert methods[name] in agent
        if methods[name] in swagger:
            ((_, operation),) = swagger[methods[name]].items()
            assert arguments - young <= {p["name"] for p in operation["parameters"]}, name


def test_a_jira_issue_is_made_of_fields_that_a_recorded_project_asks_for() -> None:
    (metadata,) = interactions("jira/nango/get-create-issue-metadata.json")
    kinds = {kind["name"]: kind for project in metadata["response"]["projects"] for kind in project["issuetypes"]}
    site = test_jira.Site()
    site.destination().deliver(test_jira.action(), test_jira.NOW)
    fields = next(body for name, body in site.calls if name == "POST issue")["fields"]
    assert fields["issuetype"]["name"] in kinds
    known = {field["id"] for field in interactions("jira/nango/list-fields.json")[0]["response"]}
    assert set(fields) <= known | {"project", "issuetype"}


def issues_in(node: Any) -> Iterator[dict[str, Any]]:
    """Everything that is an issue of Jira's, however deep."""
    if isinstance(node, dict) and {"key", "fields"} <= set(node) and isinstance(node["fields"], dict):
        yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from issues_in(child)


def test_recorded_issues_of_jira_are_looked_through_and_none_is_taken_for_ours() -> None:
    files = ["nango/issues.json", "nango/get-issue.json", "airbyte/responses/issues.json", "faros/issues.json"]
    found = [issue for file in files for issue in issues_in(sample(f"jira/{file}"))]
    found += issues_in(streams("jira/airbyte/expected_records.jsonl")["issues"])
    found += issues_in(lines("jira/faros/all-streams.jsonl"))
    assert len(found) > 30
    site = test_jira.Site(POST_jql={"issues": found, "isLast": True})
    assert site.destination().deliver(test_jira.action(), test_jira.NOW).external_ref == "OPS-21/10053"
    said = sample("jira/airbyte/responses/issue_comments.json")
    later = test_jira.Site(
        GET_comment={**test_jira.COMMENTS, "comments": said["comments"], "total": len(said["comments"])}
    )
    outcome = later.destination().deliver(test_jira.action("update", "updated"), test_jira.NOW)
    assert outcome.result is Result.SENT
    assert "POST comment" in [name for name, _ in later.calls]


def test_the_addresses_that_we_call_exist_in_what_others_describe() -> None:
    zendesk = {path.strip("/") for path in spec("zendesk/airbyte-agent/connector.openapi.yaml")["paths"]}
    assert {e.path for e in EXPORTS if not e.path.startswith("incremental/")} <= zendesk
    gong = spec("gong/airbyte-agent/connector.openapi.yaml")["paths"]
    assert {"get"} <= set(gong["/v2/users"])
    assert {"post"} <= set(gong["/v2/calls/extensive"]) & set(gong["/v2/calls/transcript"])
    jira = spec("jira/airbyte-agent/connector.openapi.yaml")["paths"]
    assert {"post"} <= set(jira["/rest/api/3/issue"]) & set(jira["/rest/api/3/issue/{issueIdOrKey}/transitions"])
    export = spec("amplitude/api-evangelist/export-api.openapi.yml")["paths"]["/api/2/export"]["get"]
    assert {p["name"] for p in export["parameters"]} == {"start", "end"}
    assert (
        "/api/projects/{project_id}/query/" in spec("posthog/oas/schema.yaml")["paths"]
    )  # the POST is younger than this
    engage = spec("mixpanel/openapi/query.openapi.yaml")["paths"]["/engage"]["post"]
    named = json.dumps(engage)
    assert all(name in named for name in ("session_id", "page", "project_id"))
    assert "/query" in spec("salesforce/airbyte-agent/connector.openapi.yaml")["paths"]


def test_what_posthogs_clients_are_tested_to_send_to_is_served() -> None:
    from uam_platform_tests.collector.receiving import SERVER_KEY, receiving

    contracts = [
        (Path(FOLDER) / f"posthog/sdk-test-harness/{n}.yaml").read_text()
        for n in ("capture_tests", "capture_analytics_v1_tests")
    ]
    wanted = {
        path
        for path in ("/batch", "/i/v1/analytics/events", "/e", "/capture", "/i/v0/e", "/track")
        if any(f"{path}" in text for text in contracts)
    }
    assert {"/batch", "/i/v1/analytics/events"} <= wanted
    event = {
        "event": "e",
        "distinct_id": "u",
        "uuid": "0190a1b2-0000-7000-8000-000000000001",
        "timestamp": "2025-02-01T10:00:00Z",
    }
    import tempfile

    with tempfile.TemporaryDirectory() as folder, receiving(Path(folder) / "j") as client:
        answers = {
            p: client.post(p + "/", json={"api_key": SERVER_KEY, "batch": [event], **event}).status_code
            for p in sorted(wanted - {"/i/v1/analytics/events"})
        }
    assert {path: status for path, status in answers.items() if status == 404} == {}


def test_lines_of_the_sandboxs_archive_fit_the_described_calls_of_segment(tmp_path: Path) -> None:
    from uam_platform.simulation.sandbox import segment_lines

    company = tiny_company.write_company(tmp_path / "company")
    folder = Path(FOLDER) / "segment/api-evangelist"
    checked = set()
    for path in sorted((company / "deliveries").glob("*.parquet")):
        with duckdb.connect() as engine:
            engine.execute("SET TimeZone='UTC'")
            sides = [engine.execute(segment_lines.lines_query(path, side)).fetchall() for side in ("client", "server")]
            held = [row[-1].strip() for rows_of_side in sides for row in rows_of_side]
        for text in held:
            line = json.loads(text) if text.startswith("{") and text.endswith("}") else {}
            file = folder / f"segment-{line.get('type')}call-schema.json"
            if file.exists() and isinstance(line.get("userId"), str | None):
                schema = json.loads(file.read_text().replace('"$ref"', '"$comment"'))
                shown = {k: v for k, v in line.items() if v is not None}
                wrong = [e.message for e in jsonschema.Draft202012Validator(schema).iter_errors(shown)]
                if "event" in schema.get("required", ()) and "event" not in shown:
                    continue  # spoilt on purpose
                assert wrong == [], line
                checked.add(line["type"])
    assert checked == {"track", "identify", "group", "page"}
