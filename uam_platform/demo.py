"""`uam demo`: the product from end to end on a simulated company, through the project's persistent Dagster instance.

Here: the order of the demonstration, its processes and its environment file, so that `make dev` afterwards shows the same
instance. Not here: the layers (`runner`), the summary (`report`).
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.text import Text

from uam_platform.connectors.registry import source_names
from uam_platform.instances import PROJECT, persistent_instance
from uam_platform.ledger import outbox
from uam_platform.ledger.engine import Ledger, open_ledger
from uam_platform.orchestration.failures import RunError
from uam_platform.orchestration.wiring import wire
from uam_platform.policy.load import PolicyError
from uam_platform.policy.rulebook import load_rulebook
from uam_platform.report import scoreboard, summary
from uam_platform.runner import Runner
from uam_platform.scratch import settings_of, vendors, world_clock
from uam_platform.settings import Settings

WORLD = Path("data/worlds/demo")
DATA = Path("data/demo")
ENVIRONMENT = Path("data/demo.env")
_INSTANCE = Path("data/dagster")
_MARKER = _INSTANCE / ".demo"
CHUNK_DAYS = 364  # one range: days that two chunks share would be recorded twice in Dagster's event log
_STALLED_SECONDS = 150


def demonstrate(accounts: int, days: int, seed: int, say: Callable[[str], None], console: Console) -> RenderableType:
    """Run the demonstration and return its summary.

    Raises:
        PolicyError: the instance under data/dagster is not the demo's, so it is not touched.
        RunError: a layer failed, or the sensor did not deliver in time.
    """
    os.chdir(PROJECT)
    _start_afresh()
    _world(accounts, days, seed, say, console)
    first, now = world_clock(WORLD / "company")
    with vendors(WORLD / "company", WORLD / "sandbox") as environment:
        say(
            "vendor APIs answer on loopback: Segment (S3), Mixpanel, Amplitude, PostHog, backend logs (S3), Zendesk, Gong, Salesforce, "
            "Jira, Linear, Slack"
        )
        options = {
            "data_dir": str(DATA),
            "first_day": first.isoformat(),
            "now": now.isoformat(),
            "environment": "demo",
            "chunk_days": str(CHUNK_DAYS),
            "actions_enabled": "true",
        }
        _write_environment({**environment, **{f"UAM_{k.upper()}": v for k, v in options.items()}})
        settings = settings_of(environment, **options)
        runner = Runner(
            wire(settings, load_rulebook(settings.policy_dir), source_names(settings)), persistent_instance(), say
        )
        runner.ingest()
        runner.daily_tables()
        runner.snapshots()
        say(runner.where_the_time_went())
        _let_the_sensor_deliver(settings, say)
        board = scoreboard(DATA, WORLD, WORLD / "sandbox" / "received")
        return Group(summary(settings), board, _next_commands())


def _start_afresh() -> None:
    if _INSTANCE.exists() and not _MARKER.exists():
        raise PolicyError(
            f"{_INSTANCE} holds an instance that no demo made; the demo will not replace it. Move it away, or run "
            "`uam simulate` and `uam run --from … --out …`, which use a folder of their own"
        )
    for folder in (_INSTANCE, DATA, WORLD / "sandbox" / "received"):
        shutil.rmtree(folder, ignore_errors=True)
    _INSTANCE.mkdir(parents=True)
    _MARKER.touch()


def _world(accounts: int, days: int, seed: int, say: Callable[[str], None], console: Console) -> None:
    from uam_platform.simulation.world.difficulty import WORLD_VERSION
    from uam_platform.simulation.world.generate import simulate

    wanted = {"accounts": accounts, "days": days, "seed": seed, "world_version": WORLD_VERSION}
    facts = WORLD / "company" / "world.json"
    if facts.exists() and wanted.items() <= json.loads(facts.read_text(encoding="utf-8")).items():
        say(f"simulated company of {accounts:,} accounts is there already ({WORLD})")
        return
    shutil.rmtree(WORLD, ignore_errors=True)
    with console.status("simulating a company") as status:
        made = simulate(
            accounts, days, seed, WORLD, "default", lambda what, i, n: status.update(f"simulating: {what} {i}/{n}")
        )
    say(
        f"simulated company: {accounts:,} accounts, {made.people:,} people, {made.deliveries:,} deliveries in {days} days"
    )


def _write_environment(variables: dict[str, str]) -> None:
    lines = ["# The demo's environment; `make dev` reads it, so that the UI shows what the demo made."]
    lines += [f"{name}={value}" for name, value in sorted(variables.items())]
    ENVIRONMENT.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _let_the_sensor_deliver(settings: Settings, say: Callable[[str], None]) -> None:
    ledger = open_ledger(settings.ledger_address)
    waiting = _waiting(ledger)
    say(f"{waiting} alert messages planned in the outbox; the Dagster daemon starts, its sensor fires the playbook")
    started = moved = time.perf_counter()
    left, shown = waiting, 0.0
    with _daemon():
        while now_left := _waiting(ledger):
            now = time.perf_counter()
            if now_left < left:  # runs send so many each, one after the other
                left, moved = now_left, now
            if now - moved > _STALLED_SECONDS:
                raise RunError(
                    f"the outbox still holds {left} messages and none was sent for {now - moved:.0f} s; see data/dagster/daemon.log"
                )
            if now - started - shown >= 5:
                shown = now - started
                say(f"waiting for the sensor's runs: {waiting - left} of {waiting} delivered")
            time.sleep(0.5)
        _wait_for_run_end(say)
    say(f"{waiting} messages delivered by the sensor's run ({time.perf_counter() - started:.1f} s)")


def _waiting(ledger: Ledger) -> int:
    return sum(count for state, count in outbox.counts(ledger).items() if state in ("pending", "sending", "unknown"))


def _wait_for_run_end(say: Callable[[str], None]) -> None:
    import dagster as dg

    instance = persistent_instance()
    for _ in range(60):
        if not instance.get_runs_count(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED])):
            return
        time.sleep(0.5)
    say("the delivery run is still finishing")


@contextmanager
def _daemon() -> Iterator[None]:
    variables = dict(os.environ, DAGSTER_HOME=str(PROJECT), PYTHONWARNINGS="ignore")
    for line in ENVIRONMENT.read_text(encoding="utf-8").splitlines():
        if "=" in line and not line.startswith("#"):
            name, value = line.split("=", 1)
            variables[name] = value
    command = [str(Path(sys.executable).parent / "dagster-daemon"), "run", "-w", "workspace.yaml"]
    with (_INSTANCE / "daemon.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own executable
            command, cwd=PROJECT, env=variables, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGINT)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)


def _next_commands() -> RenderableType:
    return Text(
        "\nNext:\n"
        "  make dev                                                   the Dagster UI on this instance, http://localhost:3000\n"
        f"  uam evaluate --run {DATA} --world {WORLD}      every number against the truth of this company\n"
        "  uam run --from docs/examples/online_retail.yaml --out /tmp/own   your own exports, described by one YAML mapping\n"
    )
