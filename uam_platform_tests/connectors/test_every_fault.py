"""Whatever a vendor does to whichever stream: afterwards nothing is lost, nothing doubled, and errors say what to do and no secret.

One case for each stream and fault that `faults.yaml` does not exclude. The sandbox runs in this process, waits are not waited for, and
pages go to Parquet without dlt, whose wrapping of errors `test_sandbox_round_trip.py` shows.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from uam_platform.connectors import api_records
from uam_platform.connectors.checks import PROFILED
from uam_platform.connectors.errors import ConnectorError
from uam_platform.connectors.http_json import Wire
from uam_platform.connectors.registry import _KNOWN
from uam_platform.connectors.retry import Retry
from uam_platform.lake.loads import DELIVERIES, RECORDS, Load, LoadManifest
from uam_platform.simulation.sandbox import gong as sandbox_gong
from uam_platform.simulation.sandbox import salesforce as sandbox_salesforce
from uam_platform.simulation.sandbox import server
from uam_platform.simulation.sandbox.faults import KINDS, FaultPlan
from uam_platform.simulation.sandbox.posthog_events import SHARE_PERCENT
from uam_platform.simulation.sandbox.reshaped_answers import NEW_FIELD
from uam_platform.simulation.sandbox.second_tools import MIXPANEL_SHARE
from uam_platform_tests.collector.test_vendors_clients import staged_ids
from uam_platform_tests.connectors.fakes import NOW, rows, straight
from uam_platform_tests.connectors.fault_cases import (
    ON_A_STORE,
    SECRETS,
    Case,
    Land,
    all_loads,
    cases,
    excluded,
    lands,
    table,
)
from uam_platform_tests.sandbox import tiny_company
from uam_platform_tests.sandbox.in_process import SandboxTransport

Rows = Counter[tuple[Any, ...]]
RESHAPED = tuple(table()["reshaping"])


@dataclass(frozen=True)
class Calm:
    """What a source lands when nothing goes wrong: loads, rows, which records and events they are, and events after staging."""

    loads: list[Load]
    rows: Rows
    identities: set[tuple[Any, ...]]
    staged: int


@dataclass
class Bench:
    """A sandbox in this process, one with a port for what is read through a store's client, and what each source lands in calm."""

    plan: FaultPlan
    store_url: str
    land: Mapping[str, Land]
    folder: Path
    calm: dict[str, "Calm"] = field(default_factory=dict)

    def trouble(self, case: Case) -> None:
        """The case's fault lies ahead."""
        if case.source in ON_A_STORE:
            said = FaultPlan([case.fault]).to_json()
            httpx.post(f"{self.store_url}/_faults", content=said).raise_for_status()
        self.plan.extend(FaultPlan([case.fault] if case.source not in ON_A_STORE else []))

    def pending(self) -> list[dict[str, Any]]:
        """Faults that have not run out."""
        return [*self.plan.pending(), *httpx.get(f"{self.store_url}/_faults").json()]

    def clear(self) -> None:
        """No faults any more."""
        self.plan.clear()
        httpx.delete(f"{self.store_url}/_faults")

    def in_calm(self, source: str) -> "Calm":
        """What a source lands when nothing goes wrong."""
        if source not in self.calm:
            manifest = LoadManifest(self.folder / source)
            loads = all_loads(self.land[source], source, manifest, lambda _: None)
            assert loads, "the sandbox serves nothing of this source"
            has_events = any(load.files.get(DELIVERIES) for load in loads)
            staged = staged_ids(manifest, self.folder / "lake" / source)[1] if has_events else 0
            self.calm[source] = Calm(loads, landed(manifest, loads), identities(manifest, loads), staged)
        return self.calm[source]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    plan, state = FaultPlan(), tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as patch:  # two pages of each suffice here, and small ones
        patch.setattr(tiny_company, "CONTACT_COUNT", 210)
        patch.setattr(tiny_company, "CALL_COUNT", 25)
        company = tiny_company.write_company(tmp_path_factory.mktemp("world") / "company", 40)
    _share_with_second_tools(company)
    app = server.create_app(company, state, plan, incremental_per_minute=10**6)
    wire = Wire(SandboxTransport(app), Retry(attempts=2, sleep=lambda _: None))
    with pytest.MonkeyPatch.context() as patch, server.running(company, state) as served:
        patch.setattr(api_records, "_through_dlt", straight)
        patch.setattr(sandbox_salesforce, "PAGE_SIZE", 200)
        patch.setattr(sandbox_gong, "PAGE_SIZE", 20)
        yield Bench(plan, served.url, lands(wire, served.url), tmp_path_factory.mktemp("calm"))


def _share_with_second_tools(company: Path) -> None:
    """Put all deliveries into one workspace of which PostHog and Mixpanel are told too."""
    with duckdb.connect() as engine:
        hit = f"md5_number_lower(name) % {MIXPANEL_SHARE} = 0 AND md5_number_lower(name) % 100 < {SHARE_PERCENT}"
        query = f"SELECT name FROM (SELECT 'ws_' || range AS name FROM range(1000)) WHERE {hit} ORDER BY name LIMIT 1"
        (workspace,) = engine.execute(query).fetchone() or ("",)
    for path in (company / "deliveries").glob("*.parquet"):
        table = pq.read_table(path)
        at = table.schema.get_field_index("group_id")
        pq.write_table(table.set_column(at, "group_id", pa.array([workspace] * len(table))), path)


def landed(manifest: LoadManifest, loads: Sequence[Load]) -> Rows:
    """All rows of some loads without their position."""
    found: Rows = Counter()
    for load in loads:
        for name in (DELIVERIES, RECORDS):
            if load.files.get(name):
                found.update(tuple(v for k, v in row.items() if k != "row_no") for row in rows(manifest, load, name))
    return found


def identities(manifest: LoadManifest, loads: Sequence[Load]) -> set[tuple[Any, ...]]:
    """Which records and events some loads hold, whatever their content."""
    found: set[tuple[Any, ...]] = set()
    for load in loads:
        found |= (
            {(r["source_object"], r["record_id"]) for r in rows(manifest, load, RECORDS)}
            if load.files.get(RECORDS)
            else set()
        )
        found |= (
            {(r["message_id"], r["raw_line"]) for r in rows(manifest, load, DELIVERIES)}
            if load.files.get(DELIVERIES)
            else set()
        )
    return found


def run_until_quiet(bench: Bench, case: Case, manifest: LoadManifest, said: list[str]) -> list[ConnectorError]:
    """Runs of the source while the fault lasts, at most six; their errors."""
    errors: list[ConnectorError] = []
    for _ in range(6):
        try:
            all_loads(bench.land[case.source], case.source, manifest, said.append, len(bench.calm[case.source].loads))
            break
        except ConnectorError as error:
            errors.append(error)
    return errors


@pytest.mark.parametrize("case", cases(), ids=str)
@pytest.mark.proves("Zendesk", "faults")
@pytest.mark.proves("Gong", "faults")
@pytest.mark.proves("Salesforce", "faults")
@pytest.mark.proves("Segment", "faults")
@pytest.mark.proves("PostHog", "faults")
@pytest.mark.proves("Mixpanel", "faults")
@pytest.mark.proves("Amplitude", "faults")
@pytest.mark.proves("Releases", "faults")
def test_after_the_fault_everything_is_there_once(
    case: Case, bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    calm = bench.in_calm(case.source)
    manifest, said = LoadManifest(tmp_path / "raw"), list[str]()
    known = calm.loads[-1].fields
    has_profile = case.kind == "changed_schema" and case.source in PROFILED and case.stream.split(",")[0] in known
    if has_profile:  # earlier loads knew the fields as they were
        load_id = manifest.next_id(case.source, NOW.replace(year=2024))
        manifest.commit(Load(load_id, case.source, "2024-02-01T00:00:00", {}, {}, fields=known))
    bench.trouble(case)
    before = bench.pending()
    try:
        errors = run_until_quiet(bench, case, manifest, said)
        assert bench.pending() != before, "the fault did not happen"
    finally:
        bench.clear()
    assert bool(errors) == case.fails, [str(error) for error in errors]
    for error in errors:
        assert error.where.startswith(case.source)
        assert case.facts["says"] in error.where
        assert len(error.action) > 10
    if case.kind == "empty_page":  # nobody can notice one that ends a stream: the next run does
        all_loads(bench.land[case.source], case.source, manifest, said.append)
    loads = [load for load in manifest.loads() if load.files]
    found = landed(manifest, loads)
    if case.kind == "changed_schema":
        assert identities(manifest, loads) == calm.identities
    else:  # neither lost nor ahead, and doubled only where the vendor told it twice
        assert found.keys() == calm.rows.keys()
        assert case.kind in RESHAPED or found == calm.rows
    if has_profile:
        assert any(NEW_FIELD in sentence for load in loads for sentence in load.drift)
    if case.kind in RESHAPED and calm.staged:
        assert staged_ids(manifest, tmp_path / "lake")[1] == calm.staged
    written = [path.read_text() for path in manifest.root.rglob("*.json")]
    shown = "\n".join([*map(str, errors), *said, caplog.text, *written, repr([*found])])
    assert not [secret for secret in SECRETS if secret in shown]


def test_the_table_names_every_source_and_every_fault_and_excludes_only_what_there_is() -> None:
    kinds = {kind for group in ("transient", "permanent", "harmless", "reshaping") for kind in table()[group]}
    assert kinds == set(KINDS)
    assert set(table()["sources"]) | set(table()["not_read_over_a_network"]) == set(_KNOWN)
    pairs = [(source, stream) for source, streams in table()["sources"].items() for stream in streams]
    for entry in table()["excluded"]:
        hit = [pair for pair in pairs for kind in entry["faults"] if excluded(*pair, kind) == entry["because"]]
        assert hit, entry


def test_every_stream_that_a_connector_reads_is_in_the_table(bench: Bench) -> None:
    for source in ("zendesk", "gong", "salesforce"):
        read = {source_object for source_object, _ in bench.in_calm(source).identities}
        assert read <= set(table()["sources"][source]), source
