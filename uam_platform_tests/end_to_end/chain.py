"""The whole path on a small simulated company, for the end-to-end tests.

Here: making the company, a rulebook under which so small a company has alerts, running code in a process of its own, and
reading what the chain left. Not here: any test.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import select

from uam_platform.connectors.registry import source_names
from uam_platform.contracts.tables import CONTRACTS
from uam_platform.instances import scratch_instance
from uam_platform.lake.store import Lake
from uam_platform.ledger.engine import open_ledger
from uam_platform.ledger.models import AlertRow, OutboxRow, TransitionRow
from uam_platform.orchestration.wiring import wire
from uam_platform.policy.load import SHIPPED
from uam_platform.policy.rulebook import load_rulebook
from uam_platform.runner import Runner
from uam_platform.scratch import settings_of, world_clock
from uam_platform.simulation.sandbox.credentials import logs_environment
from uam_platform.simulation.sandbox.server import running
from uam_platform.simulation.world.generate import simulate

ACCOUNTS, DAYS, SEED = 40, 60, 5


def make_company(folder: Path) -> Path:
    """A simulated company whose truth was moved where no run could find it; returns its company folder."""
    simulate(ACCOUNTS, DAYS, SEED, folder / "world", "default", lambda what, i, n: None)
    (folder / "world" / "truth").rename(folder / "truth-put-away")
    return folder / "world" / "company"


def make_rulebook(folder: Path) -> Path:
    """The shipped rulebook, but with few daily snapshots, and alerts on any account that pays."""
    folder.mkdir()
    time = _shipped("time") | {"daily_snapshot_days": 3}
    alerts = _shipped("alerts")
    alerts["confidence"] = {"max_interval_width": 1.0, "abstaining_rungs": []}
    alerts["budget"] = {"new_per_owner_week": 1, "new_per_week": 1}
    renewal = alerts["detectors"]["renewal_at_risk"] | {
        "conditions": [{"column": "arr_usd_cents", "op": ">", "value": 0}],
        "tuned": None,
        "is_suppressed_by_context": False,
    }
    alerts["detectors"] = {"renewal_at_risk": renewal}
    for name, section in (("time", time), ("alerts", alerts)):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(section, sort_keys=False), encoding="utf-8")
    return folder


def _shipped(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((SHIPPED / f"{name}.yaml").read_text(encoding="utf-8"))
    return loaded


def run_program(program: str, arguments: Sequence[Path], log: Path, kill_when: Callable[[], bool] | None = None) -> int:
    """Run Python code in a process of its own and return its exit code; it and what it started are killed once `kill_when` holds."""
    command = [sys.executable, "-W", "ignore", "-c", program, *map(str, arguments)]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as console:
        process = subprocess.Popen(command, stdout=console, stderr=subprocess.STDOUT, start_new_session=True)
        waiting = threading.Event()
        while process.poll() is None:
            if kill_when is not None and kill_when():
                os.killpg(process.pid, signal.SIGKILL)
                break
            waiting.wait(0.01 if kill_when else 0.1)
        return process.wait()


@contextmanager
def reader(company: Path, out: Path, rules: Path, now: datetime) -> Iterator[Runner]:
    """A runner whose vendors only hold what had happened by `now` (naive UTC), and whose clock says so too."""
    first, _ = world_clock(company)
    epoch = int(now.replace(tzinfo=UTC).timestamp())
    state = out / f"sandbox-{now:%Y%m%d}"
    with running(company, state, incremental_per_minute=6000, now=epoch, has_logs=True) as sandbox:
        environment = {**sandbox.credentials, **logs_environment()}
        settings = settings_of(environment, data_dir=out, first_day=first, now=now, policy_dir=rules)
        with scratch_instance(out) as instance:
            yield Runner(wire(settings, load_rulebook(rules), source_names(settings)), instance, lambda line: None)


def versions(out: Path, but: frozenset[str] = frozenset()) -> dict[str, str]:
    """Content hash of every published partition by `stage/table/key`, but for some tables."""
    lake = Lake(out / "lake")
    return {
        f"{c.stage}/{c.name}/{key}": (lake.pointer(c, key) or {})["version"]
        for c in CONTRACTS
        if c.name not in but
        for key in lake.keys(c)
    }


def ledger_rows(out: Path) -> dict[str, list[dict[str, Any]]]:
    """Alerts, transitions and outbox of a run, without what names a message at its destination, counts attempts or paces them."""
    ledger = open_ledger(f"sqlite:///{(out / 'ledger.db').absolute()}")
    by_destination = {"external_ref", "message_ref", "attempt_count", "reconcile_count", "last_error"}
    by_wall_clock = {"due_at", "attempted_at", "lease_until_at", "sent_at"}  # pacing of deliveries follows real time
    hidden = by_destination | by_wall_clock
    found: dict[str, list[dict[str, Any]]] = {}
    with ledger.transaction() as session:
        for table in (AlertRow, TransitionRow, OutboxRow):
            names = [c.name for c in table.__table__.columns if c.name not in hidden]
            rows = [{n: getattr(row, n) for n in names} for row in session.scalars(select(table))]
            found[table.__tablename__] = sorted(rows, key=str)
    ledger.close()
    return found


def received(out: Path) -> list[dict[str, Any]]:
    """What the sandbox's Slack accepted, oldest first."""
    path = out / "sandbox" / "received" / "slack.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
