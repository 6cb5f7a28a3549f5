"""A name that a person accepts comes in with a replay, and goes out again when it is withdrawn, through Dagster's own runs.

The lake is one that an older contract has written: columns that came later are missing in it."""

import json
from collections import Counter
from datetime import date
from pathlib import Path

import dagster as dg
import pyarrow.parquet as pq

from uam_platform.contracts.tables import ACTOR_DAYS, DELIVERIES, EVENTS, LOAD_RECONCILIATION, SESSIONS, UNKNOWN_EVENTS
from uam_platform.lake.store import POINTER, Lake
from uam_platform.orchestration.stale import stale_days
from uam_platform.policy.taxonomy_changes import Decision, accept, own_file, withdraw
from uam_platform.replays import Outcome, Replayer, Wanted
from uam_platform.staging.reconcile import imbalance
from uam_platform_tests.orchestration.small_lake import at_noon, delivered, runner_over, warehouse_of

DAYS = ("2025-01-06", "2025-01-07", "2025-01-08")
NAME, OLDER = "Report made", "written-by-an-older-contract"
ADA = Decision(date(2026, 12, 1), "Ada", "it is the same thing")


class Company:
    """A company's folder with its own rulebook, one instance, and a fresh code location whenever a rule has changed."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.rules = folder / "data", folder / "rules"
        self.rules.mkdir()
        self.taxonomy = own_file(self.rules, None)
        self.instance = dg.DagsterInstance.ephemeral()

    def replayer(self) -> Replayer:
        runner = runner_over(self.folder, self.instance, self.rules)
        return Replayer(runner, warehouse_of(runner))

    def replay(self, *, is_renamed: bool = False) -> Outcome:
        replayer, wanted = self.replayer(), Wanted(is_renamed=is_renamed)
        return replayer.carry_out(replayer.plan(wanted), wanted, lambda line: None)

    def names(self) -> dict[str, Counter[str]]:
        """Stored event names by day; a name that is set aside in brackets."""
        warehouse = self.replayer().warehouse
        found: dict[str, Counter[str]] = {day: Counter() for day in DAYS}
        for contract, column, shown in ((EVENTS, "event_name", "{}"), (UNKNOWN_EVENTS, "event_name_source", "({})")):
            for row in (
                warehouse.lake.read(warehouse.connection, contract)
                .select("event_date", column)
                .to_pyarrow()
                .to_pylist()
            ):
                found[row["event_date"].isoformat()][shown.format(row[column])] += 1
        return found

    def sessions_events(self) -> int:
        """Events that the sessions of all days count."""
        warehouse = self.replayer().warehouse
        return int(warehouse.lake.read(warehouse.connection, SESSIONS).event_count.sum().execute())

    def age(self, *columns: str) -> None:
        """Rewrite deliveries and events as an older contract, without these columns, left them."""
        lake = Lake(self.folder / "lake")
        for contract in (DELIVERIES, EVENTS):
            for key in lake.keys(contract):
                folder = lake.partition_folder(contract, key)
                pointer = json.loads((folder / POINTER).read_text(encoding="utf-8"))
                (folder / OLDER).mkdir()
                for name in pointer["files"]:
                    rows = pq.read_table(folder / pointer["version"] / name, partitioning=None)
                    pq.write_table(rows.drop_columns(columns), folder / OLDER / name)
                older = pointer | {"contract_version": contract.version - 1, "version": OLDER}
                (folder / POINTER).write_text(json.dumps(older, sort_keys=True), encoding="utf-8")

    def due(self) -> list[date]:
        """Days that the sensor would still compute."""
        return stale_days(self.instance, self.replayer().runner.wiring)

    def versions(self) -> dict[str, str]:
        """Content of `DAYS` in every daily table."""
        lake = Lake(self.folder / "lake")
        tables = (EVENTS, UNKNOWN_EVENTS, SESSIONS, ACTOR_DAYS)
        return {f"{c.name} {key}": (lake.pointer(c, key) or {})["version"] for c in tables for key in DAYS}

    def books(self) -> list[str]:
        warehouse = self.replayer().warehouse
        return imbalance(warehouse.lake.read(warehouse.connection, LOAD_RECONCILIATION).to_pandas())


def test_a_name_is_accepted_replayed_and_withdrawn_and_leaves_the_tables_as_they_were(tmp_path: Path) -> None:
    company = Company(tmp_path)
    runner = company.replayer().runner
    sent = [at_noon(day, f"{day}a", "report_generated", workspace_id="w1") for day in DAYS]
    delivered(runner, [*sent, at_noon(DAYS[1], "late", NAME, workspace_id="w1")])
    runner.daily_tables()
    once = Counter({"report_generated": 1})
    aside = {DAYS[0]: once, DAYS[1]: once + Counter({f"({NAME})": 1}), DAYS[2]: once}
    assert company.names() == aside
    before, counted = company.versions(), company.sessions_events()
    company.age("browser", "app_version")

    accept(company.taxonomy, NAME, "report_generated", ADA)
    outcome = company.replay()
    assert (outcome.days, dict(outcome.accepted)) == ([DAYS[1]], {("segment", f"unknown_name {NAME}"): 1})
    assert company.names() == {**dict.fromkeys(DAYS, once), DAYS[1]: Counter({"report_generated": 2})}
    assert company.sessions_events() == counted + 1
    assert (company.books(), company.due()) == ([], [])
    again = company.replayer()
    assert again.plan(Wanted(is_renamed=True)).is_empty, "a replay that is done leaves nothing to do"

    withdraw(company.taxonomy, NAME, ADA)
    assert company.replayer().plan(Wanted()).is_empty, "accepted events leave only where that is asked for"
    outcome = company.replay(is_renamed=True)
    assert outcome.days == [DAYS[1]]
    assert company.names() == aside
    assert company.versions() == before
    assert (company.books(), company.due()) == ([], [])
