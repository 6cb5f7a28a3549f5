"""The one entry to the simulated company: draw it, live it, write it.

Belongs here: the order of the phases, one random stream per concern, progress. Does not belong here: any rule of the
company itself; see the modules it calls. The same arguments give the same bytes in ``company/`` and ``truth/``.
"""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from uam_platform.simulation.world import (
    crm,
    crm_contracts,
    crm_deals,
    evidence,
    support_reasons,
    truth,
    truth_behaviour,
    truth_people,
)  # fmt: skip
from uam_platform.simulation.world.actions import act
from uam_platform.simulation.world.affairs import Affairs, add_levels, make_affairs, name_split_offs
from uam_platform.simulation.world.aftermath import follow_contracts
from uam_platform.simulation.world.arranged import arranged_rows, together
from uam_platform.simulation.world.arrangements import Arrangements, arrange, flag_facts, flag_labels
from uam_platform.simulation.world.backend_logs import BackendLogs
from uam_platform.simulation.world.careers import add_outsiders, live_careers
from uam_platform.simulation.world.clients import Clients, drift_truth, make_clients
from uam_platform.simulation.world.clock import BEYOND_DAYS, Array, instant
from uam_platform.simulation.world.commerce import Book, ChurnLaw, make_churn_law, run_contracts
from uam_platform.simulation.world.deliveries import Archive
from uam_platform.simulation.world.difficulty import WORLD_VERSION, Difficulty, chosen_difficulty
from uam_platform.simulation.world.habits import Habits, make_habits
from uam_platform.simulation.world.health import Benign, Health, Law
from uam_platform.simulation.world.hidden_state import CONCERNS, HiddenState, draw_hidden_state
from uam_platform.simulation.world.kiosks import add_kiosks
from uam_platform.simulation.world.oracle import churn_probability, make_outlook
from uam_platform.simulation.world.outside_visits import OutsideVisits
from uam_platform.simulation.world.people import Devices, People, make_devices, make_people
from uam_platform.simulation.world.population import Accounts, make_accounts
from uam_platform.simulation.world.press import Press
from uam_platform.simulation.world.product import EVENT_CODE
from uam_platform.simulation.world.releases import exposure_rows, release_rows
from uam_platform.simulation.world.renegotiation import change_plans, draw_switches
from uam_platform.simulation.world.schemas import COMPANY, TRUTH
from uam_platform.simulation.world.seasons import calendar_rows
from uam_platform.simulation.world.second_tool import SecondTool
from uam_platform.simulation.world.sessions import Visits
from uam_platform.simulation.world.store import write_columns, write_rows
from uam_platform.simulation.world.transport import NONE, send

Progress = Callable[[str, int, int], None]
_LONGEST_STRETCH_DAYS = 28
_ROWS_PER_STRETCH = 600_000
_CONCERNS = ("accounts", "health", "benign", "noise", "churn", "contracts", "people", "devices", "oracle", "support",
             "crm", "activity", "clients", "second_tool",
             "levels", "affairs", "switches", "plans", "careers", "outsiders", "kiosks", "callers", "sales",
             "words", "chats", "calls", "documents", "logs", *CONCERNS, "arranged",
             "arranged_steps", "temper")  # fmt: skip
_FAILURES = np.array([EVENT_CODE[name] for name in ("import_failed", "workflow_failed", "sync_failed")])


@dataclass(frozen=True)
class WorldSummary:
    """What was written: counts and wall seconds per phase (measured by the caller's clock, not part of any file)."""

    accounts: int
    days: int
    seed: int
    difficulty: str
    people: int
    deliveries: int
    tickets: int
    churned: int
    seconds: float


@dataclass(frozen=True)
class _Life:
    """Everything that is decided before anybody opens the product."""

    vector: Difficulty
    accounts: Accounts
    state: HiddenState
    law: Law
    health: Health
    benign: Benign
    channels: dict[str, Array]
    churn: ChurnLaw
    book: Book
    affairs: Affairs
    people: People
    habits: Habits
    arranged: Arrangements
    devices: Devices
    clients: Clients
    streams: dict[str, np.random.SeedSequence]


def simulate(
    accounts: int,
    days: int,
    seed: int,
    out: Path,
    difficulty: str | Difficulty = "default",
    progress: Progress | None = None,
) -> WorldSummary:
    """Write the simulated company to ``out/company`` and the truth to ``out/truth``.

    Args:
        accounts: Number of customers that ever exist, at least 10.
        days: Visible days from 2025-01-06, at least 28; the truth looks 56 days further.
        seed: Same arguments, same bytes.
        out: Directory to fill; it must be empty or not exist yet.
        difficulty: ``easy``, ``default`` or ``hard``, or a vector of one's own (give it a name of its own).
        progress: Called with (phase, done, total) after each phase and each stretch of days.

    Returns:
        Counts and the wall seconds it took.

    Raises:
        ValueError: An argument is out of range or ``out`` is not empty; the message says what to write instead.
    """
    began = time.perf_counter()
    vector = chosen_difficulty(difficulty)
    company, hidden = _prepare(accounts, days, out)
    tell = progress or _silent
    life = _live(accounts, days, seed, vector, tell)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="oracle") as aside:
        # The oracle needs nobody's activity, only processors: it runs beside it, on a stream of its own.
        foretold = aside.submit(_write_probabilities, life, days, hidden)
        delivered, seen, failures = _use_product(life, days, company, hidden, tell)
        tickets = _write_company(life, days, seed, company, hidden, failures, tell)
        foretold.result()
    _write_truth(life, days, seed, hidden, seen, tell)
    churned = sum(1 for end in life.book.ends if end.ended_day <= days and not end.is_censored)
    seconds = round(time.perf_counter() - began, 3)
    return WorldSummary(accounts, days, seed, vector.name, life.people.count, delivered, tickets, churned, seconds)


def _silent(_phase: str, _done: int, _total: int) -> None:
    """Report to nobody."""


def _prepare(accounts: int, days: int, out: Path) -> tuple[Path, Path]:
    if accounts < 10 or days < 28:
        raise ValueError(f"a world needs at least 10 accounts and 28 days: got accounts={accounts}, days={days}")
    if out.exists() and any(out.iterdir()):
        raise ValueError(f"{out} is not empty: name a new directory, or remove it first")
    company, hidden = out / "company", out / "truth"
    company.mkdir(parents=True, exist_ok=True)
    hidden.mkdir(parents=True, exist_ok=True)
    return company, hidden


def _live(accounts: int, days: int, seed: int, vector: Difficulty, tell: Progress) -> _Life:
    children = np.random.SeedSequence(seed).spawn(len(_CONCERNS))
    streams = dict(zip(_CONCERNS, children, strict=True))
    rng = {name: np.random.default_rng(stream) for name, stream in streams.items()}
    weeks = -(-(days + BEYOND_DAYS) // 7)
    horizon = weeks * 7
    people_of = add_levels(make_accounts(accounts, days, vector, rng["accounts"]), vector, rng["levels"])
    state = draw_hidden_state(people_of, days, weeks, vector, rng)
    law, health, benign = state.law, state.health, state.benign
    tell("hidden state", 1, 1)
    churn = make_churn_law(people_of, vector, rng["churn"], rng["switches"])
    contract_seed = int(streams["contracts"].generate_state(1)[0])
    switch_at = draw_switches(people_of, vector, rng["switches"])
    book = run_contracts(people_of, health, law, churn, vector, horizon, contract_seed, switch_at, state.wishes)
    change_plans(people_of, book, vector, rng["plans"])
    affairs = make_affairs(people_of, book, vector, rng["affairs"])
    people_of = name_split_offs(people_of, affairs)
    channels = follow_contracts(state.channels, book)
    tell("contracts", 1, 1)
    people = make_people(people_of, health, horizon, vector, rng["people"])
    people = live_careers(people, people_of, affairs, horizon, vector, rng["careers"])
    people = add_outsiders(people, people_of, vector, rng["outsiders"])
    devices = make_devices(people, horizon, vector, rng["devices"])
    devices = add_kiosks(devices, people, people_of, horizon, vector, rng["kiosks"])
    clients = make_clients(devices, days, vector, rng["clients"])
    habits = make_habits(state.cohorts, people, state.on_other_path)
    arranged = arrange(people_of, people, state, channels, book.paying, days, vector, rng["arranged"])
    tell("people", 1, 1)
    return _Life(
        vector, people_of, state, law, health, benign, arranged.channels, churn, book, affairs, people, habits, arranged,
        devices, clients, streams,
    )  # fmt: skip


def _use_product(
    life: _Life, days: int, company: Path, hidden: Path, tell: Progress
) -> tuple[int, Array, dict[str, Array]]:
    is_open, split_day = life.affairs.open_days(life.accounts, life.book), life.affairs.split_day(life.accounts.count)
    visits = Visits(life.accounts, life.people, life.devices, life.channels, is_open, split_day, life.vector)
    outside = OutsideVisits(life.people, life.channels, life.book.paying, life.vector)
    callers = np.random.default_rng(life.streams["callers"])
    length = _stretch_days(life)
    stretches = range(0, days, length)
    event_no = workflow_no = 0
    failures: list[dict[str, Array]] = []
    flags, names = flag_labels(life.state.releases, life.benign, *life.channels["sessions"].shape)
    archive = Archive(company, hidden, days, life.accounts, life.people, life.devices, life.clients, flags, names)
    playing = np.random.default_rng(life.streams["arranged_steps"])
    second_rng = np.random.default_rng(life.streams["second_tool"])
    second = SecondTool(
        company, hidden, days, life.accounts, life.people, life.devices, archive.names, life.vector, second_rng
    )
    logs = BackendLogs(
        company, hidden, days, life.people, archive.names, life.vector.logs_per_event,
        np.random.default_rng(life.streams["logs"]),
    )  # fmt: skip
    with Press(archive, second, logs) as press:
        for number, stream in enumerate(life.streams["activity"].spawn(len(stretches))):
            rng = np.random.default_rng(stream)
            first, last = stretches[number], min(stretches[number] + length, days)
            planned, steps = life.arranged.agenda.callers(first, last)
            sessions = visits.draw(first, last, together(outside.draw(first, last, callers), planned), rng)
            played = arranged_rows(steps, sessions.count - len(planned.day), playing)
            rows, runs = act(sessions, life.accounts, life.habits, played, workflow_no, rng)
            life.arranged.watch.note(rows, sessions)
            deliveries, lost = send(rows, sessions, life.people, life.devices, life.clients, event_no, life.vector, rng)
            event_no, workflow_no = event_no + len(rows["session"]), workflow_no + runs
            failures.append(_failures(deliveries))
            press.file(deliveries, lost, sessions, last if last == days else last - 1)
            tell("activity", last, days)
    joined = {name: np.concatenate([part[name] for part in failures]) for name in failures[0]}
    return archive.delivered, visits.seen, joined


def _stretch_days(life: _Life) -> int:
    """Return how many days are lived at once: memory follows the rows of a stretch, not the size of the world."""
    rows_per_day = life.accounts.count * life.vector.events_per_account_day
    return int(np.clip(_ROWS_PER_STRETCH / rows_per_day, 1, _LONGEST_STRETCH_DAYS))


def _failures(deliveries: dict[str, Array]) -> dict[str, Array]:
    failed = np.isin(deliveries["event"], _FAILURES) & (deliveries["repeat"] == NONE)
    return support_reasons.failures_of(deliveries, failed)


def _ground(life: _Life, days: int, roster: crm.Roster, owners: evidence.Records) -> evidence.Ground:
    return evidence.Ground(
        life.accounts, life.people, life.health, life.law, life.benign, life.channels, life.book, life.vector, days,
        roster, owners,
    )  # fmt: skip


def _write_company(
    life: _Life, days: int, seed: int, company: Path, hidden: Path, failures: dict[str, Array], tell: Progress
) -> int:
    sales = np.random.default_rng(life.streams["sales"])
    roster = crm.make_roster(life.accounts, days, life.vector, sales)
    records, account_history = crm.account_rows(life.accounts, life.affairs, roster, days, sales)
    owners = crm.owners(roster, days)
    said, statements = evidence.speak(
        _ground(life, days, roster, owners), failures, life.streams, life.arranged.tickets
    )
    contracts, contract_history = crm_contracts.contract_rows(life.book, days)
    tables: dict[str, list[dict[str, Any]]] = {
        **said, "salesforce_user": owners, "salesforce_account": records,
        "salesforce_contact": crm.contacts(life.accounts, life.people, life.affairs, days, sales),
        "salesforce_opportunity": crm_deals.opportunities(life.book, roster, days, sales),
        "salesforce_contract": contracts, "salesforce_contract_history": contract_history,
        "salesforce_account_history": account_history, "releases": release_rows(life.state.releases, days),
        "flag_exposures": exposure_rows(
            life.state.releases, life.accounts, life.book.paying, flag_facts(life.benign), days
        ),
        "public_calendar": calendar_rows(days),
    }  # fmt: skip
    arranged = life.arranged
    planted = truth_behaviour.sequence_truth(life.accounts, arranged.plantings, arranged.tickets, said, arranged.watch)
    write_rows(hidden / "sequences.parquet", planted, TRUTH["sequences"])
    for name, rows in statements.tables().items():
        write_rows(hidden / f"{name}.parquet", rows, TRUTH[name])
    for number, (name, rows) in enumerate(tables.items()):
        write_rows(company / f"{name}.parquet", rows, COMPANY[name])
        tell("support and CRM", number + 1, len(tables))
    facts = {
        "world_version": WORLD_VERSION, "accounts": life.accounts.count, "days": days, "seed": seed,
        "difficulty": life.vector.name, "start": f"{instant(0):%Y-%m-%dT%H:%M:%SZ}",
        "end": f"{instant(days):%Y-%m-%dT%H:%M:%SZ}",
    }  # fmt: skip
    (company / "world.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    return len(said["zendesk_tickets"])


def _write_probabilities(life: _Life, days: int, hidden: Path) -> None:
    outlook = make_outlook(life.accounts, life.book, life.churn, days // 7 + 1)
    oracle = np.random.default_rng(life.streams["oracle"])
    chance = churn_probability(outlook, life.accounts, life.health, life.law, life.churn, oracle)
    columns = truth.health_truth(life.accounts, life.health, life.law, outlook, chance)
    write_columns(hidden / "health.parquet", columns, TRUTH["health"])


def _write_truth(life: _Life, days: int, seed: int, hidden: Path, seen: Array, tell: Progress) -> None:
    tell("truth", 1, 2)
    # One at a time: with 24,000 accounts all of them together would be gigabytes of dictionaries.
    tables: dict[str, Callable[[], list[dict[str, Any]]]] = {
        "accounts": lambda: truth.account_truth(life.accounts, life.health, days),
        "churn": lambda: truth.churn_truth(life.accounts, life.book, days),
        "episodes": lambda: truth.episode_truth(life.accounts, life.health, life.benign, life.book, days),
        "people": lambda: truth_people.people_truth(life.people, life.devices, seen, days),
        "memberships": lambda: truth_people.membership_truth(life.accounts, life.people, days),
        "shared_devices": lambda: truth_people.shared_truth(life.people, life.devices, seen),
        "hierarchy": lambda: truth_people.hierarchy_truth(life.accounts, life.affairs, days),
        "person_kinds": lambda: truth_people.person_kinds_truth(life.accounts, life.people, life.devices, days),
        "account_events": lambda: truth_people.account_event_truth(life.accounts, life.book, life.affairs, days),
        "drift": lambda: drift_truth(life.clients),
        "cohorts": lambda: truth_behaviour.cohort_truth(life.accounts, life.state, life.people, life.habits, days),
        "releases": lambda: truth_behaviour.release_truth(life.state.releases, life.state.breakage, days),
        "expansions": lambda: truth_behaviour.expansion_truth(life.accounts, life.state, life.book, days),
        "patterns": lambda: truth_behaviour.pattern_truth(life.accounts, life.arranged.plays),
    }
    for name, rows_of in tables.items():
        write_rows(hidden / f"{name}.parquet", rows_of(), TRUTH[name])
    knobs = {"world_version": WORLD_VERSION, "seed": seed} | asdict(life.vector)
    (hidden / "difficulty.json").write_text(json.dumps(knobs, indent=2) + "\n", encoding="utf-8")
    tell("truth", 2, 2)
