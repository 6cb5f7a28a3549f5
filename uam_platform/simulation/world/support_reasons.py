"""Why tickets are written: who writes when, out of what, in what mood.

Belongs here: the draw of reasons. Does not belong here: failures in the product (``actions``; they arrive as candidates), the
work on a ticket (``support``), wording (``writer``).
"""

from dataclasses import dataclass

import numpy as np

from uam_platform.simulation.world import product
from uam_platform.simulation.world.clock import START_US, Array
from uam_platform.simulation.world.drivers import CHAMPION_LEFT, LOOKALIKES
from uam_platform.simulation.world.health import Benign
from uam_platform.simulation.world.people import ADMIN, People
from uam_platform.simulation.world.population import Accounts
from uam_platform.simulation.world.themes import Mood

_PER_WEEK = 0.034
_AFTER_FAILURE = 0.08
_ROLLOUT = next(index for index, each in enumerate(LOOKALIKES) if each.name == "rollout")
_SUPPORT_INCIDENT = 3
_NEW_DAYS = 90
_LEAST_LEVEL = 0.05
_SUCCESSOR_SHARE = 0.8
"""Of the questions of a customer without champion, how many come from the successor."""


@dataclass(frozen=True)
class Reasons:
    """Why tickets are written, one entry each: account, person, fractional day, kind, odds of a raise, slowness of the desk.

    ``theme`` (code of ``THEMES``), ``sentiment``, and where a failure is the reason its ``workflow`` and ``error`` (codes, else -1);
    ``is_new``: the writer has just taken over.
    """

    account: Array
    person: Array
    day: Array
    kind: list[str]
    raise_chance: Array
    slowness: Array
    theme: Array
    sentiment: Array
    workflow: Array
    error: Array
    is_new: Array


def collect_reasons(
    accounts: Accounts, people: People, benign: Benign, channels: dict[str, Array], paying: Array,
    failures: dict[str, Array], days: int, mood: Mood, rng: np.random.Generator, words: np.random.Generator,
    extra: dict[str, Array] | None = None,
) -> Reasons:  # fmt: skip
    """Draw who writes a ticket and why: from failures in the product and from everything else.

    Args:
        accounts: The customers.
        people: Their people.
        benign: Harmless episodes; a roll-out asks differently.
        channels: Multipliers of behaviour.
        paying: Accounts x days.
        failures: Candidates, see ``failures_of``.
        days: Visible days.
        mood: What people talk about.
        rng: Stream of the desk.
        words: Stream of themes and sentiments.
        extra: Tickets that are written in any case: ``account``, ``person``, ``day``, ``event`` (code of the failure or -1),
            ``workflow``, ``error``, ``is_raised``.
    """
    person, account, day, failure = _writers(accounts, people, channels, failures, days, rng)
    keep = (day >= 0) & (day < days) & paying[account, np.clip(day.astype(np.int64), 0, days - 1)]
    keep &= people.is_at(person, account, day)
    order = np.flatnonzero(keep)[np.argsort(day[keep], kind="stable")]
    account, person, day, failure = account[order], person[order], day[order], failure[order]
    when = day.astype(np.int64) // 7
    harm = mood.level[when, account, _SUPPORT_INCIDENT]
    kinds = _kinds(failure >= 0, _rollouts(benign, channels)[when, account], harm, rng)
    chance = np.clip(0.05 * channels["escalation"][when, account], 0.0, 0.8)
    drawn = {
        "account": account, "person": person, "day": day, "raise_chance": chance, "slowness": 1.0 + 4.0 * harm,
        **{name: np.where(failure >= 0, failures[name][failure], -1) for name in ("event", "workflow", "error")},
    }  # fmt: skip
    if extra is not None:
        visible = (extra["day"] >= 0) & (extra["day"] < days)
        drawn, kinds = _with_extra(drawn, kinds, {name: values[visible] for name, values in extra.items()})
    return _worded(drawn, kinds, accounts, people, mood, words)


def _writers(
    accounts: Accounts, people: People, channels: dict[str, Array], failures: dict[str, Array], days: int,
    rng: np.random.Generator,
) -> tuple[Array, Array, Array, Array]:  # fmt: skip
    weeks = -(-days // 7)
    rate = _PER_WEEK * np.sqrt(accounts.size)[None, :] * channels["tickets"][:weeks]
    week, account = np.nonzero(rng.poisson(rate))
    day = week * 7 + rng.integers(0, 5, len(week)) + rng.normal(0.55, 0.12, len(week))
    person = writers_of(people, account, rng)
    failed = rng.random(len(failures["account"])) < _AFTER_FAILURE * np.sqrt(
        channels["tickets"][failures["week"], failures["account"]]
    )
    wait = rng.exponential(0.25, int(failed.sum())) + 0.01
    return (
        np.concatenate([person, failures["person"][failed]]),
        np.concatenate([account, failures["account"][failed]]),
        np.concatenate([day, failures["day"][failed] + wait]),
        np.concatenate([np.full(len(week), -1), np.flatnonzero(failed)]),
    )


def writers_of(people: People, account: Array, rng: np.random.Generator) -> Array:
    """Draw one person of each account; early members speak more often."""
    order = np.argsort(people.account, kind="stable")
    number = np.bincount(people.account, minlength=int(people.account.max()) + 1)
    first = np.concatenate([[0], np.cumsum(number)[:-1]]).astype(np.int64)
    place = np.floor(rng.random(len(account)) ** 1.5 * number[account]).astype(np.int64)
    return np.asarray(order[first[account] + place])


def _rollouts(benign: Benign, channels: dict[str, Array]) -> Array:
    is_rollout = np.zeros(channels["tickets"].shape, dtype=bool)
    for index in np.flatnonzero(benign.kind == _ROLLOUT):
        is_rollout[benign.first_week[index] : benign.last_week[index], benign.account[index]] = True
    return is_rollout


def _kinds(is_failure: Array, is_rollout: Array, harm: Array, rng: np.random.Generator) -> list[str]:
    draw = rng.random(len(is_failure))
    kinds = []
    for failure, rollout, level, lot in zip(is_failure, is_rollout, harm, draw, strict=True):
        if failure:
            kinds.append("failure")
        elif level > 0.2 and lot < 0.7:
            kinds.append("incident")
        elif rollout and lot < 0.8:
            kinds.append("rollout")
        else:
            kinds.append("billing" if lot > 0.88 else "question")
    return kinds


def _with_extra(
    drawn: dict[str, Array], kinds: list[str], extra: dict[str, Array]
) -> tuple[dict[str, Array], list[str]]:
    count = len(extra["account"])
    added = {name: extra[name] for name in ("account", "person", "day", "event", "workflow", "error")}
    added |= {"raise_chance": np.where(extra["is_raised"], 1.0, 0.0), "slowness": np.ones(count)}
    kinds = kinds + ["failure" if event >= 0 else "question" for event in extra["event"]]
    joined = {name: np.concatenate([values, added[name]]) for name, values in drawn.items()}
    order = np.argsort(joined["day"], kind="stable")
    return {name: values[order] for name, values in joined.items()}, [kinds[index] for index in order]


def _worded(
    drawn: dict[str, Array],
    kinds: list[str],
    accounts: Accounts,
    people: People,
    mood: Mood,
    words: np.random.Generator,
) -> Reasons:
    account, day = drawn["account"], drawn["day"]
    event = drawn.pop("event")
    talk = [product.EVENTS[code] if kind == "failure" else kind for kind, code in zip(kinds, event, strict=True)]
    theme = mood.themes([each if each != "failure" else "workflow_failed" for each in talk], account, day, words)
    sentiment = mood.sentiments(theme, account, day, words)
    champion = mood.level[np.clip(day // 7, 0, len(mood.level) - 1).astype(np.int64), account, CHAMPION_LEFT]
    asks = (champion > _LEAST_LEVEL) & np.array([kind in ("question", "billing") for kind in kinds], dtype=bool)
    asks &= words.random(len(day)) < _SUCCESSOR_SHARE
    drawn["person"] = person = _successors(drawn, asks, accounts, people)
    is_new = _has_joined(person, account, day, accounts, people)
    is_new &= words.random(len(day)) < np.where(champion > _LEAST_LEVEL, 0.9, 0.25)
    return Reasons(**drawn, kind=kinds, theme=theme, sentiment=sentiment, is_new=is_new)


def _has_joined(person: Array, account: Array, day: Array, accounts: Accounts, people: People) -> Array:
    """Return who is an administrator that came lately, and not with the account."""
    tenure = day - people.join_day[person]
    came_later = people.join_day[person] > accounts.start_day[account] + _NEW_DAYS / 2
    return np.asarray((tenure >= 0) & (tenure < _NEW_DAYS) & (people.role[person] == ADMIN) & came_later)


def _successors(drawn: dict[str, Array], asks: Array, accounts: Accounts, people: People) -> Array:
    """Return the writers, with the newest administrator in place of whoever was drawn where a successor ``asks``."""
    writer = drawn["person"].copy()
    admins = np.flatnonzero(people.role == ADMIN)
    order = admins[np.lexsort((people.join_day[admins], people.account[admins]))]
    for row in np.flatnonzero(asks):
        first, last = np.searchsorted(people.account[order], [drawn["account"][row], drawn["account"][row] + 1])
        there = order[first:last]
        day, account = np.full(len(there), drawn["day"][row]), np.full(len(there), drawn["account"][row])
        fits = there[_has_joined(there, account, day, accounts, people) & (people.leave_day[there] > day)]
        if len(fits):
            writer[row] = fits[-1]
    return writer


def failures_of(rows: dict[str, Array], is_kept: Array) -> dict[str, Array]:
    """Return ticket candidates from the kept event rows: person, account, fractional day, week, event, workflow, error."""
    day = (rows["occurred_us"][is_kept] - START_US) / 86_400e6
    found = {name: rows[name][is_kept] for name in ("person", "account", "event", "workflow", "error")}
    return found | {"day": day, "week": np.maximum(0, day // 7).astype(np.int64)}
