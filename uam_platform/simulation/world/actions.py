"""What is done in a visit: value actions, workflows, imports, views, friction, intent, calls to the tracking library.

Belongs here: the expansion of visits into event rows. Does not belong here: who visits (``sessions``), how rows travel
(``transport``). All draws are vectorised: one Poisson count per visit and kind, then one row per count.
"""

import numpy as np

from uam_platform.simulation.world.clock import SECOND_US, Array
from uam_platform.simulation.world.habits import Habits
from uam_platform.simulation.world.outside_visits import outside_rows
from uam_platform.simulation.world.people import ADMIN, VIEWER
from uam_platform.simulation.world.population import Accounts
from uam_platform.simulation.world.product import (
    CORE,
    ERRORS,
    EVENT_CODE,
    EVENTS,
    EXPERIENCE,
    FEATURES,
    FRICTION,
    INTENT,
    PAGES,
    PROGRESS,
    SERVER_EVENTS,
    VAGUE,
    WORKFLOW_SHARE,
    WORKFLOW_STEPS,
)  # fmt: skip
from uam_platform.simulation.world.rows import ALIAS, CLIENT, GROUP, IDENTIFY, PAGE, SERVER, Rows, block, concat
from uam_platform.simulation.world.sessions import Sessions
from uam_platform.simulation.world.setup import setup_rows

_CODE = EVENT_CODE
_IS_SERVER = np.array([SERVER if name in SERVER_EVENTS else CLIENT for name in EVENTS], dtype=np.int8)
_FAILURE_CHANCE = 0.045
_IMPORTING = 1
_STARTED, _COMPLETED, _FAILED = range(3)
_STALL_CHANCE, _STRAY_SHARE = 0.06, 0.05
_BROKEN_FAILURE, _BROKEN_VALUE = 3.0, -1.6
_EVALUATOR_VALUE, _EVALUATOR_INTENT = 0.1, 5.0
MAIN_SHARE = 0.82
"""How much of the value a C2 account gets through its main workflow on purpose; chance adds to it."""


def _per_event(codes: dict[str, int]) -> Array:
    return np.array([codes.get(name, -1) for name in EVENTS], dtype=np.int8)


_WORKFLOW_OF = _per_event({"report_generated": 0, "report_exported": 0, "dashboard_shared": 2, "alert_rule_saved": 3})
_VALUE_OF = np.array([
    _CODE["report_generated"], _CODE["report_exported"], _CODE["dashboard_shared"], _CODE["alert_rule_saved"],
])  # fmt: skip
_COMPARED = np.array([
    _CODE[name] for name in ("pricing_viewed", "plan_compared", "security_settings_viewed", "settings_explored")
])  # fmt: skip


def act(
    sessions: Sessions, accounts: Accounts, habits: Habits, arranged: Rows, workflow_base: int, rng: np.random.Generator
) -> tuple[Rows, int]:
    """Return all event rows of the visits and the number of workflow runs in them.

    Args:
        sessions: The visits; ``rows["session"]`` counts from 0 within them.
        accounts: The customers; their money and seats appear on billing events.
        habits: Kinds of people and accounts that use the product in their own way.
        arranged: Rows that are part of these visits in any case; their runs count from 0.
        workflow_base: First number for workflow runs, so that ids stay unique over stretches.
        rng: The stream of this stretch.
    """
    human = np.flatnonzero(sessions.is_work)
    machine = np.flatnonzero(sessions.is_machine)
    length = (np.exp(rng.normal(6.4, 0.8, sessions.count)) * SECOND_US).astype(np.int64) + 60 * SECOND_US
    rate = _rates(sessions, human, habits)
    parts = [_simple(sessions, human, rate[kind], kind, length, habits, rng) for kind in _KINDS]
    base = workflow_base
    parts.append(_workflows(sessions, human, rate["workflow"], length, base, habits, rng))
    base += len(parts[-1]["session"])
    parts.append(_runs(sessions, machine, base, habits, rng))
    base += len(machine)
    parts += _calls(sessions, human, length, rng)
    setup = setup_rows(sessions, habits.on_other_path, base, rng)
    base += len(setup[-1]["session"])
    played = {**arranged, "workflow_id": np.where(arranged["workflow_id"] >= 0, arranged["workflow_id"] + base, -1)}
    base += len(arranged["session"])
    rows = concat([*parts, *setup, played, *outside_rows(sessions, rng)])
    _bill(
        rows, accounts.mrr_cents[sessions.account[rows["session"]]], accounts.seats[sessions.account[rows["session"]]]
    )
    return rows, base - workflow_base


_KINDS: dict[str, dict[str, float]] = {
    "core": CORE, "experience": EXPERIENCE, "progress": PROGRESS, "friction": FRICTION, "intent": INTENT, "vague": VAGUE,
}  # fmt: skip


def _rates(sessions: Sessions, human: Array, habits: Habits) -> dict[str, Array]:
    role = sessions.role[human]
    evaluates = habits.is_evaluator[sessions.person[human]] & (role == ADMIN)
    value = np.where(role == VIEWER, 0.3, 1.0) * np.where(evaluates, _EVALUATOR_VALUE, 1.0)
    looks = np.where(role == ADMIN, 0.30, 0.06) * np.where(evaluates, _EVALUATOR_INTENT, 1.0)
    core = sessions.channel["core"][human]
    friction = sessions.channel["friction"][human]
    return {
        "core": 0.85 * value * core,
        "workflow": 0.42 * value * core,
        "experience": 1.35 + 0.25 * sessions.channel["breadth"][human],
        "progress": 0.02 * value,
        "friction": 0.13 * friction,
        "intent": looks * sessions.channel["intent"][human],
        "vague": np.full(len(human), 0.07),
    }


def _spread(human: Array, rate: Array, length: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    session = np.repeat(human, rng.poisson(rate))
    return session, (rng.random(len(session)) * length[session]).astype(np.int64) + 2 * SECOND_US


def _simple(
    sessions: Sessions, human: Array, rate: Array, kind: str, length: Array, habits: Habits, rng: np.random.Generator
) -> Rows:
    session, offset = _spread(human, rate, length, rng)
    odds = _KINDS[kind]
    codes = np.array([_CODE[name] for name in odds])
    share = np.array(list(odds.values()))
    event = codes[np.searchsorted(np.cumsum(share / share.sum())[:-1], rng.random(len(session)))]
    if kind == "core":
        event = _through_main(event, habits.main_workflow[sessions.account[session]], rng)
        works = _works(sessions, session, event, rng)
        session, offset, event = session[works], offset[works], event[works]
    if kind == "intent":
        event = _compared(event, habits.is_evaluator[sessions.person[session]], rng)
    rows = block(session, event=event, offset_us=offset, side=_IS_SERVER[event])
    uses = event == _CODE["feature_used"]
    breadth = sessions.channel["breadth"][session[uses]]
    stray = sessions.channel["stray"][session[uses]]
    rows["feature"][uses] = _features(sessions.account[session[uses]], breadth, stray, rng)
    failed = (event == _CODE["error_encountered"]) | (event == _CODE["sync_failed"])
    rows["error"][failed] = rng.integers(0, len(ERRORS), int(failed.sum()))
    counted = event == _CODE["report_exported"]
    rows["quantity"][counted] = rng.integers(1, 5_000, int(counted.sum()))
    return rows


def _features(account: Array, breadth: Array, stray: Array, rng: np.random.Generator) -> Array:
    """Return the habitual features of an account, and now and then one that is tried once and left."""
    rank = np.floor(rng.exponential(3.2 * np.clip(breadth, 0.2, 2.0))).astype(np.int64)
    strays = rng.random(len(account)) < np.minimum(_STRAY_SHARE * stray, 0.5)
    rank = np.where(strays, rng.integers(0, len(FEATURES), len(account)), rank)
    return (rank + account * 7) % len(FEATURES)


def _through_main(event: Array, main: Array, rng: np.random.Generator) -> Array:
    """Return the value actions with most of them turned into the one of the account's main workflow, if it has one."""
    turned = (main >= 0) & (rng.random(len(event)) < MAIN_SHARE) & (_WORKFLOW_OF[event] != main)
    return np.where(turned, _VALUE_OF[main], event)


def _works(sessions: Sessions, session: Array, event: Array, rng: np.random.Generator) -> Array:
    """Return which value actions come about: those of a broken workflow mostly do not."""
    broken = (sessions.channel["broken"][session] == _WORKFLOW_OF[event]) & (_WORKFLOW_OF[event] >= 0)
    return np.asarray(~broken | (rng.random(len(event)) < np.exp(_BROKEN_VALUE * sessions.channel["damage"][session])))


def _compared(event: Array, is_evaluator: Array, rng: np.random.Generator) -> Array:
    """Return what people look at, with evaluators reading prices, plans, security and settings."""
    looked = rng.choice(_COMPARED, len(event))
    return np.where(is_evaluator, looked, event)


def _workflows(
    sessions: Sessions, human: Array, rate: Array, length: Array, base: int, habits: Habits, rng: np.random.Generator
) -> Rows:
    session, offset = _spread(human, rate, length, rng)
    count = len(session)
    drawn = rng.choice(len(WORKFLOW_SHARE), count, p=WORKFLOW_SHARE)
    drawn = np.where(rng.random(count) < 0.3, _IMPORTING, drawn)
    main = habits.main_workflow[sessions.account[session]]
    workflow = np.where((main >= 0) & (rng.random(count) < MAIN_SHARE), main, drawn)
    is_import = workflow == _IMPORTING
    ends = _outcome(sessions, session, workflow, rng)
    begun = np.where(is_import, _CODE["import_attempted"], _CODE["workflow_started"])
    number = base + np.arange(count)
    start = block(session, event=begun, offset_us=offset, workflow=workflow, workflow_id=number, step=0, state=_STARTED)
    return concat([start, _ending(start, ends, is_import, rng)])


def _outcome(sessions: Sessions, session: Array, workflow: Array, rng: np.random.Generator) -> Array:
    """Return completed, failed or -1 for runs that are never finished; a broken workflow mostly fails."""
    odds = _FAILURE_CHANCE / (1 - _FAILURE_CHANCE) * sessions.channel["failure"][session]
    is_broken = sessions.channel["broken"][session] == workflow
    odds *= np.where(is_broken, np.exp(_BROKEN_FAILURE * sessions.channel["damage"][session]), 1.0)
    stalls = _STALL_CHANCE / (1 - _STALL_CHANCE) * sessions.channel["stall"][session]
    draw = rng.random(len(session))
    fails = draw < odds / (1 + odds)
    return np.where(fails, _FAILED, np.where(draw > 1 - stalls / (1 + stalls), -1, _COMPLETED))


def _ending(start: Rows, ends: Array, is_import: Array, rng: np.random.Generator) -> Rows:
    index = np.flatnonzero(ends >= 0)
    state, imports, count = ends[index], is_import[index], len(index)
    duration = (np.exp(rng.normal(9.6, 1.1, count)) + 200).astype(np.int64)
    good = np.where(imports, _CODE["import_completed"], _CODE["workflow_completed"])
    bad = np.where(imports, _CODE["import_failed"], _CODE["workflow_failed"])
    is_bad = state == _FAILED
    steps = len(WORKFLOW_STEPS)
    return block(
        start["session"][index], event=np.where(is_bad, bad, good), side=SERVER, state=state, duration_ms=duration,
        offset_us=start["offset_us"][index] + duration * 1_000, workflow=start["workflow"][index],
        workflow_id=start["workflow_id"][index], step=np.where(is_bad, rng.integers(1, steps, count), steps - 1),
        error=np.where(is_bad, rng.integers(0, len(ERRORS), count), -1),
        quantity=np.where(imports & ~is_bad, rng.integers(10, 20_000, count), -1),
    )  # fmt: skip


def _runs(sessions: Sessions, machine: Array, base: int, habits: Habits, rng: np.random.Generator) -> Rows:
    count = len(machine)
    workflow = rng.choice([0, 3], count)
    main = habits.main_workflow[sessions.account[machine]]
    workflow = np.where(main >= 0, main, workflow)
    start = block(
        machine, event=_CODE["workflow_started"], side=SERVER, workflow=workflow, step=0, state=_STARTED,
        workflow_id=base + np.arange(count), feature=1,
    )  # fmt: skip
    ends = _outcome(sessions, machine, workflow, rng)
    end = _ending(start, ends, np.zeros(count, dtype=bool), rng)
    end["feature"][:] = 1
    return concat([start, end])


def _calls(sessions: Sessions, human: Array, length: Array, rng: np.random.Generator) -> list[Rows]:
    signs = human[sessions.signs_in[human]]
    first = human[sessions.is_first_on_device[human]]
    browsing = np.repeat(signs, rng.poisson(np.where(sessions.is_first_on_device[signs], 1.6, 0.35)))
    before = -(rng.integers(2, 240, len(browsing)) * SECOND_US)
    looked = rng.choice(3, len(browsing), p=[0.5, 0.2, 0.3])
    views, viewed = _spread(human, np.full(len(human), 0.55), length, rng)
    identifies = signs[sessions.is_first_on_device[signs] | (rng.random(len(signs)) < 0.75)]
    groups = signs[sessions.is_first_on_device[signs] | (rng.random(len(signs)) < 0.3)]
    aliases = first[rng.random(len(first)) < 0.3]
    leaves = signs[rng.random(len(signs)) < sessions.signs_out_share[signs]]
    second = SECOND_US
    return [
        block(browsing, type=PAGE, page=looked, offset_us=before, is_anonymous=1),
        block(signs, event=_CODE["user_signed_in"], offset_us=0),
        block(aliases, type=ALIAS, offset_us=second // 8),
        block(identifies, type=IDENTIFY, offset_us=second // 4),
        block(groups, type=GROUP, offset_us=second // 2),
        block(views, type=PAGE, page=rng.integers(2, len(PAGES), len(views)), offset_us=viewed),
        block(leaves, event=_CODE["user_signed_out"], offset_us=length[leaves] + 5 * second),
    ]


def _bill(rows: Rows, mrr_cents: Array, seats: Array) -> None:
    shows_money = np.isin(rows["event"], [_CODE["billing_viewed"], _CODE["invoice_download_failed"]])
    rows["amount"] = np.where(shows_money, mrr_cents, rows["amount"])
    rows["quantity"] = np.where(rows["event"] == _CODE["seat_limit_reached"], seats, rows["quantity"])
