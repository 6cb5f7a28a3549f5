"""`uam run`: the whole chain on any simulated company or mapping, in a folder of its own.

Here: settings and clock of such a run, and the sandbox it reads from. Not here: the layers (`runner`), the commands (`cli`).
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from uam_platform.connectors.registry import source_names
from uam_platform.contracts.tables import DELIVERIES
from uam_platform.instances import scratch_instance
from uam_platform.lake.store import Lake
from uam_platform.orchestration.wiring import wire
from uam_platform.policy.company import rulebook_for
from uam_platform.policy.load import PolicyError
from uam_platform.policy.rulebook import load_rulebook
from uam_platform.runner import Runner
from uam_platform.settings import Settings

COMPANY = "company"
_EXPORTS_PER_MINUTE = 6000
_ANY_DAY = date(1970, 1, 2)


@dataclass(frozen=True)
class Source:
    """What a run reads: a simulated company's folder, or a mapping."""

    company: Path | None
    mapping: Path | None


def source_of(path: Path) -> Source:
    """What `--from` names.

    Raises:
        PolicyError: it is neither a simulated company nor a YAML mapping.
    """
    if path.is_file() and path.suffix in (".yaml", ".yml"):
        return Source(company=None, mapping=path)
    for company in (path / COMPANY, path):
        if (company / "world.json").exists():
            return Source(company=company, mapping=None)
    raise PolicyError(
        f"--from {path}: expected a folder made by `uam simulate` (with {COMPANY}/world.json) or a YAML mapping of own exports"
    )


def world_clock(company: Path) -> tuple[date, datetime]:
    """First day of a simulated company, and a moment after the decision time of its last snapshot (naive UTC)."""
    facts = json.loads((company / "world.json").read_text(encoding="utf-8"))
    start, end = (datetime.fromisoformat(facts[k]).replace(tzinfo=None) for k in ("start", "end"))
    return start.date(), end + timedelta(hours=8)


@contextmanager
def vendors(company: Path, state: Path) -> Iterator[dict[str, str]]:
    """The sandbox of a company, running; yields the environment variables a client needs.

    Its limit on incremental exports is lifted, because a whole history is read at once.
    """
    from uam_platform.simulation.sandbox.credentials import logs_environment
    from uam_platform.simulation.sandbox.server import running

    with running(company, state, incremental_per_minute=_EXPORTS_PER_MINUTE, has_logs=True) as sandbox:
        yield {**sandbox.credentials, **logs_environment()}


def settings_of(variables: Mapping[str, str], /, **options: Any) -> Settings:
    """Settings from named options and `UAM_…` variables, not from this process's environment file."""
    known = {k.removeprefix("UAM_").lower(): v for k, v in variables.items()}
    return Settings(_env_file=None, **{**known, **options})


def run_world(
    company: Path,
    out: Path,
    say: Callable[[str], None],
    steps: Callable[[Runner], None] = Runner.everything,
    **overrides: Any,
) -> Runner:
    """The whole chain on a simulated company, read over HTTP from its sandbox, into `out`.

    Actions are delivered: the destinations are the sandbox's.

    Args:
        company: the company's folder.
        out: folder for everything the run writes.
        say: receives one line per finished piece of work.
        steps: what is run; every layer unless told otherwise.
        overrides: further settings.
    """
    first, now = world_clock(company)
    options = {"data_dir": out, "first_day": first, "now": now, "actions_enabled": True, **overrides}
    rulebook = load_rulebook(settings_of({}, **options).policy_dir)  # mistakes are told before anything is started
    with vendors(company, out / "sandbox") as environment:
        settings = settings_of(environment, **options)
        runner = Runner(wire(settings, rulebook, source_names(settings)), scratch_instance(out), say)
        steps(runner)
    return runner


def run_mapping(mapping: Path, out: Path, say: Callable[[str], None], now: datetime | None) -> Runner:
    """The whole chain on own exports described by a mapping, into `out`.

    The first day and, unless given, the clock follow from the data: the day after its last event.
    """
    settings = settings_of({}, data_dir=out, mapping=mapping, now=now, first_day=_ANY_DAY)
    rulebook = rulebook_for(settings)
    instance = scratch_instance(out)
    Runner(wire(settings, rulebook, source_names(settings)), instance, say).ingest()
    days = [key.split("/")[0] for key in Lake(settings.lake_dir).keys(DELIVERIES)]
    if not days:
        raise PolicyError(f"{mapping}: no event could be read; see the quarantine under {settings.lake_dir}")
    closing = now or datetime.fromisoformat(max(days)) + timedelta(days=1, hours=8)
    settings = settings.model_copy(update={"first_day": date.fromisoformat(min(days)), "now": closing})
    runner = Runner(wire(settings, rulebook, source_names(settings)), instance, say)
    runner.daily_tables()
    runner.snapshots()
    runner.deliver()
    return runner
