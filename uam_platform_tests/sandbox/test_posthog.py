"""PostHog's query API over HTTP: which of the company's events it holds, page by page, and what it refuses."""

import json
from typing import Any

import duckdb
import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from uam_platform.connectors.posthog_query import query_text
from uam_platform.connectors.registry import configured
from uam_platform.lake.loads import DELIVERIES, RECORDS, LoadManifest
from uam_platform.settings import Settings
from uam_platform.simulation.sandbox import credentials, server
from uam_platform.simulation.sandbox.posthog_events import COLUMNS, PostHogEvents
from uam_platform_tests.connectors.fakes import NOW, contents, quiet, rows
from uam_platform_tests.sandbox.tiny_company import START, write_company

FIRST = ("2020-01-01T00:00:00.000000Z", "")


@pytest.fixture(scope="module")
def company(tmp_path_factory):
    """The tiny company with its deliveries each in a workspace of its own, so that PostHog records some of them."""
    root = write_company(tmp_path_factory.mktemp("world") / "company")
    for path in sorted((root / "deliveries").glob("*.parquet")):
        table = pq.read_table(path)
        at = table.schema.get_field_index("group_id")
        pq.write_table(
            table.set_column(at, "group_id", pa.array([f"ws_{path.stem[-2:]}_{n}" for n in range(len(table))])), path
        )
    return root


@pytest.fixture(scope="module")
def url(company, tmp_path_factory):
    with server.running(company, tmp_path_factory.mktemp("state"), incremental_per_minute=10_000) as running:
        yield running.url


@pytest.fixture(autouse=True)
def calm(url):
    yield
    httpx.delete(f"{url}/_faults")


def ask(
    url: str, text: str, key: str = credentials.POSTHOG_API_KEY, project: str = credentials.POSTHOG_PROJECT
) -> httpx.Response:
    body = {"query": {"kind": "HogQLQuery", "query": text}}
    address = f"{url}/posthog/api/projects/{project}/query/"
    return httpx.post(address, json=body, headers={"authorization": f"Bearer {key}"}, timeout=30)


def everything(url: str, size: int) -> list[dict[str, Any]]:
    position, found = FIRST, list[dict[str, Any]]()
    while True:
        body = ask(url, query_text(position, size)).json()
        found += [dict(zip(COLUMNS, row, strict=True)) for row in body["results"]]
        if not body["hasMore"]:
            return found
        position = (found[-1]["created_at"], found[-1]["uuid"])


def held(company) -> dict[str, dict[str, Any]]:
    found = [row for path in (company / "deliveries").glob("*.parquet") for row in pq.read_table(path).to_pylist()]
    return {row["message_id"]: row for row in found}


def test_pages_hold_every_event_once_whatever_their_size(url):
    whole = everything(url, 1000)
    assert len(whole) > 10
    assert everything(url, 3) == whole
    assert len({row["uuid"] for row in whole}) == len(whole)


def test_the_project_holds_browsers_of_some_workspaces_partly_under_segments_ids(url, company):
    told = held(company)
    whole = everything(url, 1000)
    forwarded = [told[row["uuid"]] for row in whole if row["uuid"] in told]
    assert 0 < len(forwarded) < len(whole)
    assert {row["side"] for row in forwarded} == {"client"}
    spaces = {row["group_id"] for row in told.values()}
    assert 0 < len({row["group_id"] for row in forwarded}) < len(spaces) / 2


def test_wrong_key_project_and_query_are_refused_in_posthogs_words(url):
    answers = [
        ask(url, "SELECT 1", key="phx_wrong"),
        ask(url, "SELECT 1", project="9"),
        ask(url, "SELECT * FROM persons"),
    ]
    assert [answer.status_code for answer in answers] == [401, 404, 400]
    assert all(set(answer.json()) == {"type", "code", "detail", "attr"} for answer in answers)


def connector(url: str):
    variables = {"UAM_POSTHOG_PAGE_ROWS": "20", **credentials.environment(url)}
    values = {name.removeprefix("UAM_").lower(): value for name, value in variables.items()}
    found = {c.name: c for c in configured(Settings(_env_file=None, posthog_start=START, **values))}
    return found["posthog"]


def test_every_event_arrives_as_a_delivery_under_the_id_that_tells_copies(url, company, tmp_path):
    manifest, source = LoadManifest(tmp_path / "raw"), connector(url)
    landed = [
        row
        for load in iter(lambda: source.land(manifest, manifest.next_id(source.name, NOW), NOW, quiet), None)
        if load.files.get(DELIVERIES)
        for row in rows(manifest, load, DELIVERIES)
    ]
    whole = everything(url, 1000)
    assert sorted(row["message_id"] for row in landed) == sorted(row["uuid"] for row in whole)
    told = held(company)
    for row in landed:
        assert row["workspace_id"].startswith("ws_")
        if row["message_id"] in told:
            original = told[row["message_id"]]
            assert (row["user_id"], row["workspace_id"]) == (original["user_id"], original["group_id"])
            if row["kind"] == "track":
                assert (row["event_name"], row["feature"]) == (original["event"], original["feature"])


@pytest.mark.parametrize("kind", ["429", "429_no_retry_after", "500", "cut_body", "200_error", "empty_page"])
def test_a_passing_trouble_changes_no_landed_byte(kind, url, tmp_path):
    calm, troubled = LoadManifest(tmp_path / "calm"), LoadManifest(tmp_path / "troubled")
    source = connector(url)
    expected = contents(calm, source.land(calm, calm.next_id("posthog", NOW), NOW, quiet))
    httpx.post(f"{url}/_faults", json={"match": "/posthog", "kind": kind, "after": 0}).raise_for_status()
    found = contents(troubled, source.land(troubled, troubled.next_id("posthog", NOW), NOW, quiet))
    assert httpx.get(f"{url}/_faults").json() == [], "the trouble did not happen"
    assert found == expected


def test_the_list_of_persons_arrives_whole(url, tmp_path):
    manifest, source = LoadManifest(tmp_path / "raw"), connector(url)
    loads = list(iter(lambda: source.land(manifest, manifest.next_id(source.name, NOW), NOW, quiet), None))
    landed = [row for load in loads if load.files.get(RECORDS) for row in rows(manifest, load, RECORDS)]
    assert {row["record_id"] for row in landed} == {row["distinct_id"] for row in everything(url, 1000)}


def test_a_person_is_a_user_with_the_devices_that_first_signed_in_as_them():
    def said(at: int, event: str, actor: str, device: str | None = None, email: str | None = None) -> dict[str, str]:
        properties = {"$anon_distinct_id": device, "$set": {"email": email} if email else None}
        created = f"2025-01-06T00:00:0{at}.000000Z"
        return {
            "uuid": f"{at}", "event": event, "distinct_id": actor, "created_at": created, "properties": json.dumps(properties),
        }  # fmt: skip

    held = object.__new__(PostHogEvents)
    held._engine = duckdb.connect()
    told = pa.Table.from_pylist(
        [
            said(1, "$pageview", "d_1"), said(2, "$identify", "u_1", "d_1", "old@x.example"), said(3, "$identify", "u_2", "d_1"),
            said(4, "$identify", "u_1", "d_2", "new@x.example"), said(5, "$pageview", "d_3"),
        ]
    )  # fmt: skip
    held._engine.from_arrow(told).create("events")
    found = {one["distinct_ids"][0]: (one["distinct_ids"][1:], one["properties"].get("email")) for one in held.persons}
    assert found == {"d_3": ([], None), "u_2": ([], None), "u_1": (["d_1", "d_2"], "new@x.example")}
