"""What is done in a visit: value actions, workflows, imports, views, friction, intent, calls to the tracking library.

Belongs here: the expansion of visits into event rows. Does not belong here: who visits (``sessions``), how rows travel
(``transport``). All draws are vectorised: one Poisson count per visit and kind, then one row per count.
"""

import numpy as np

from uam_platform.simulation.world.clock import SECOND_US, Array
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

_CODE = EVENT_CODE
_IS_SERVER = np.array([SERVER if name in SERVER_EVENTS else CLIENT for name in EVENTS], dtype=np.int8)
_FAILURE_CHANCE = 0.045
_IMPORTING = 1
_STARTED, _COMPLETED, _FAILED = range(3)


def act(sessions: Sessions, accounts: Accounts, workflow_base: int, rng: np.random.Generator) -> tuple[Rows, int]:
    """Return all event rows of the visits and the number of workflow runs in them.

    Args:
        sessions: The visits; ``rows["session"]`` counts from 0 within them.
        accounts: The customers; their money and seats appear on billing events.
        workflow_base: First number for workflow runs, so that ids stay unique over stretches.
        rng: The stream of this stretch.
    """
    human = np.flatnonzero(sessions.is_work)
    length = (np.exp(rng.normal(6.4, 0.8, sessions.count)) * SECOND_US).astype(np.int64) + 60 * SECOND_US
    rate = _rates(sessions, human)
    parts = [_simple(sessions, human, rate[kind], odds, length, rng) for kind, odds in _KINDS.items()]
    parts.append(_workflows(sessions, human, rate["workflow"], length, workflow_base, rng))
    machine = np.flatnonzero(sessions.is_machine)
    parts.append(_runs(sessions, machine, workflow_base + len(parts[-1]["session"]), rng))
    parts += _calls(sessions, human, length, rng)
    parts += _onboarding(sessions, rng)
    parts += outside_rows(sessions, rng)
    rows = concat(parts)
    _bill(
        rows, accounts.mrr_cents[sessions.account[rows["session"]]], accounts.seats[sessions.account[rows["session"]]]
    )
    return rows, len(parts[len(_KINDS)]["session"]) + len(machine)


_KINDS: dict[str, dict[str, float]] = {
    "core": CORE, "experience": EXPERIENCE, "progress": PROGRESS, "friction": FRICTION, "intent": INTENT, "vague": VAGUE,
}  # fmt: skip


def _rates(sessions: Sessions, human: Array) -> dict[str, Array]:
    role = sessions.role[human]
    value = np.where(role == VIEWER, 0.3, 1.0)
    core = sessions.channel["core"][human]
    friction = sessions.channel["friction"][human]
    return {
        "core": 0.85 * value * core,
        "workflow": 0.42 * value * core,
        "experience": 1.35 + 0.25 * sessions.channel["breadth"][human],
        "progress": 0.02 * value,
        "friction": 0.13 * friction,
        "intent": np.where(role == ADMIN, 0.30, 0.06) * sessions.channel["intent"][human],
        "vague": np.full(len(human), 0.07),
    }


def _spread(human: Array, rate: Array, length: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    session = np.repeat(human, rng.poisson(rate))
    return session, (rng.random(len(session)) * length[session]).astype(np.int64) + 2 * SECOND_US


def _simple(
    sessions: Sessions, human: Array, rate: Array, odds: dict[str, float], length: Array, rng: np.random.Generator
) -> Rows:
    session, offset = _spread(human, rate, length, rng)
    codes = np.array([_CODE[name] for name in odds])
    share = np.array(list(odds.values()))
    event = codes[np.searchsorted(np.cumsum(share / share.sum())[:-1], rng.random(len(session)))]
    rows = block(session, event=event, offset_us=offset, side=_IS_SERVER[event])
    uses = event == _CODE["feature_used"]
    breadth = sessions.channel["breadth"][session[uses]]
    rows["feature"][uses] = _features(sessions.account[session[uses]], breadth, rng)
    failed = (event == _CODE["error_encountered"]) | (event == _CODE["sync_failed"])
    rows["error"][failed] = rng.integers(0, len(ERRORS), int(failed.sum()))
    counted = event == _CODE["report_exported"]
    rows["quantity"][counted] = rng.integers(1, 5_000, int(counted.sum()))
    return rows


def _features(account: Array, breadth: Array, rng: np.random.Generator) -> Array:
    rank = np.floor(rng.exponential(3.2 * np.clip(breadth, 0.2, 2.0))).astype(np.int64)
    return (rank + account * 7) % len(FEATURES)


def _workflows(
    sessions: Sessions, human: Array, rate: Array, length: Array, base: int, rng: np.random.Generator
) -> Rows:
    session, offset = _spread(human, rate, length, rng)
    count = len(session)
    is_import = rng.random(count) < 0.3
    other = rng.choice(len(WORKFLOW_SHARE), count, p=WORKFLOW_SHARE)
    workflow = np.where(is_import, _IMPORTING, other)
    ends = _outcome(sessions, session, rng)
    begun = np.where(is_import, _CODE["import_attempted"], _CODE["workflow_started"])
    number = base + np.arange(count)
    start = block(session, event=begun, offset_us=offset, workflow=workflow, workflow_id=number, step=0, state=_STARTED)
    return concat([start, _ending(start, ends, is_import, rng)])


def _outcome(sessions: Sessions, session: Array, rng: np.random.Generator) -> Array:
    odds = _FAILURE_CHANCE / (1 - _FAILURE_CHANCE) * sessions.channel["failure"][session]
    draw = rng.random(len(session))
    fails = draw < odds / (1 + odds)
    return np.where(fails, _FAILED, np.where(draw > 0.94, -1, _COMPLETED))


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


def _runs(sessions: Sessions, machine: Array, base: int, rng: np.random.Generator) -> Rows:
    count = len(machine)
    start = block(
        machine, event=_CODE["workflow_started"], side=SERVER, workflow=rng.choice([0, 3], count), step=0, state=_STARTED,
        workflow_id=base + np.arange(count), feature=1,
    )  # fmt: skip
    ends = _outcome(sessions, machine, rng)
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


def _onboarding(sessions: Sessions, rng: np.random.Generator) -> list[Rows]:
    """Return the first steps of accounts that signed up during the world, spread over their first visits."""
    second = SECOND_US
    number, draw = sessions.visit_no, rng.random(sessions.count)
    opened = np.flatnonzero(number == 0)
    connected = np.flatnonzero((number == 1) & (draw < 0.65))
    projects = np.flatnonzero((number == 2) & (draw < 0.7))
    reports = np.flatnonzero((number >= 0) & (number == 2 + sessions.account % 4))
    succeeds = draw[reports] < np.clip(sessions.channel["core"][reports], 0.1, 1.0)
    outcome = np.where(succeeds, _CODE["first_report_generated"], _CODE["setup_abandoned"])
    side = _IS_SERVER[outcome]
    return [
        block(opened, event=_CODE["workspace_created"], offset_us=3 * second, side=SERVER),
        block(opened, event=_CODE["setup_started"], offset_us=25 * second, side=SERVER),
        block(connected, event=_CODE["integration_connected"], offset_us=90 * second, side=SERVER),
        block(projects, event=_CODE["project_created"], offset_us=60 * second),
        block(reports, event=outcome, offset_us=150 * second, side=side),
    ]


def _bill(rows: Rows, mrr_cents: Array, seats: Array) -> None:
    shows_money = np.isin(rows["event"], [_CODE["billing_viewed"], _CODE["invoice_download_failed"]])
    rows["amount"] = np.where(shows_money, mrr_cents, rows["amount"])
    rows["quantity"] = np.where(rows["event"] == _CODE["seat_limit_reached"], seats, rows["quantity"])
