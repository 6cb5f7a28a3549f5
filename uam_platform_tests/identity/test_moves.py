"""Leaving an account for another: agreement with the rule read day by day, and no later knowledge in what an earlier day knew."""

from itertools import product
from random import Random

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uam_platform.identity.intervals import BEGINNING
from uam_platform.identity.moves import presence
from uam_platform.policy.identity import IdentityPolicy
from uam_platform_tests.identity.product import RULES, Seen, accounts, directory, resolved, states, user
from uam_platform_tests.identity.random_products import DAYS, companies, products, records

QUIET, SPAN = 4, 24
SHORT = IdentityPolicy.model_validate(
    {**RULES.model_dump(), "quiet_in_account_days": {"most": QUIET, "reason": "short for short products"}}
)
IMPATIENT = SHORT.model_copy(
    update={"quiet_in_account_days": SHORT.quiet_in_account_days.model_copy(update={"most": 1})}
)
LAW = settings(max_examples=4, derandomize=True, deadline=None)


def movers(seed: int) -> list[Seen]:
    """Twelve persons in two or three accounts, some of whose days are known late; workspace w3 changes its account."""
    random = Random(seed)
    seen = [Seen(0, "founder", workspace=f"w{n}", account=f"a{n}", kind="group") for n in (1, 2, 3)]
    seen += [Seen(11, "founder", workspace="w3", account="a1", kind="group")]
    for n in range(12):
        places, is_late = random.choice([("w1", "w2"), ("w1", "w3"), ("w1", "w2", "w3")]), random.random() < 0.5
        for _ in range(random.randint(3, 9)):
            event = random.randrange(1, SPAN)
            late = event + random.randint(0, 6) if is_late and random.random() < 0.4 else None
            seen.append(Seen(event, f"p{n}", workspace=random.choice(places), known=late))
    return seen


def account_of(workspace: str | None, event: int, known: int) -> str:
    return "a1" if workspace == "w3" and event >= 11 and known >= 11 else f"a{str(workspace)[1:]}"


def belongs(seen: list[Seen], who: str, account: str, event: int, known: int) -> bool:
    """The rule for one person, account and day, from all sightings known by then."""
    told = [
        (s.day, account_of(s.workspace, s.day, known), s.workspace)
        for s in seen
        if s.user == who and s.known_day <= known
    ]
    own, places = sorted({d for d, a, _ in told if a == account}), {w for _, a, w in told if a == account}
    away = [d for d, a, w in told if a != account and w not in places]
    if not own or event < own[0]:
        return False
    last = max(d for d in own if d <= event)
    back = min((d for d in own if d > event), default=None)
    silent_to = known if back is None else back
    is_elsewhere = any(d > last + QUIET // 2 and (back is None or d < back) for d in away)
    return event == last or not (silent_to - last > QUIET and is_elsewhere)


@LAW
@given(st.integers(0, 2**32 - 1))
def test_memberships_are_what_the_rule_says_of_every_day_as_known_on_every_day(seed: int) -> None:
    seen = movers(seed)
    tables = resolved(seen, policy=SHORT)
    names = [f"p{n}" for n in range(12)]
    left = 0
    for known in range(0, SPAN + 12, 3):
        held = states(tables.memberships, ["person_key", "account_id"], ["role"], SPAN, known)
        for who, account, event in product(names, ("a1", "a2", "a3"), range(SPAN)):
            is_of_w3 = account == "a3" and event >= 11 and known >= 11  # the workspace is another account's by then
            came = min(
                (s.day for s in seen if s.user == who and s.known_day <= known and s.workspace == "w3"), default=99
            )
            first = [
                s.day
                for s in seen
                if s.user == who and s.known_day <= known and account_of(s.workspace, s.day, known) == account
            ]
            if account == "a1" and came <= event and known >= 11 and event >= 11 and (not first or event < min(first)):
                continue  # belongs by the workspace that changed hands, before the first day seen in the account
            expected = not is_of_w3 and belongs(seen, who, account, event, known)
            assert ((event, user(who), account) in held) == expected, (who, account, event, known)
            left += first != [] and not expected and event > min(first)
    assert left, "nobody ever left: the law would hold for nothing"


@LAW
@given(st.integers(0, 2**32 - 1), st.integers(0, DAYS - 1))
def test_what_was_known_of_moves_on_a_day_never_changes(seed: int, known: int) -> None:
    seen = products(seed)
    later = resolved(seen, directory(*records()), accounts(*companies()), IMPATIENT)
    then = resolved(
        [s for s in seen if s.known_day <= known],
        directory(*[r for r in records() if r["day"] <= known]),
        accounts(*[c for c in companies() if c[2] <= known]),
        IMPATIENT,
    )
    key, value = ["person_key", "account_id"], ["role", "evidence"]
    assert states(later.memberships, key, value, DAYS, known) == states(then.memberships, key, value, DAYS, known)


@pytest.mark.parametrize("known", [3, 9, 14, 20])
def test_what_was_known_of_long_moves_on_a_day_never_changes(known: int) -> None:
    seen = [s for n in range(6) for s in movers(n)]
    renamed = [Seen(**{**vars(s), "user": f"{n // 60}{s.user}"}) for n, s in enumerate(seen)]
    later, then = (resolved(rows, policy=SHORT) for rows in (renamed, [s for s in renamed if s.known_day <= known]))
    key, value = ["person_key", "account_id"], ["role", "evidence"]
    assert states(later.memberships, key, value, SPAN, known) == states(then.memberships, key, value, SPAN, known)


def test_without_the_rule_nobody_ever_leaves() -> None:
    never = SHORT.model_copy(update={"quiet_in_account_days": None})
    rows = resolved(movers(1), policy=never).memberships.to_pylist()
    assert all(r["valid_to_date"].year == 9999 or r["account_id"] == "a3" for r in rows)
    some = resolved(movers(1), policy=SHORT).memberships.to_pylist()
    assert any(r["valid_to_date"].year != 9999 and r["account_id"] != "a3" for r in some)


def test_only_pairs_that_were_ever_left_are_cut() -> None:
    stays = pd.DataFrame(
        {"user": [1, 1, 2], "workspace": [7, 8, 7], "first": [0, 2, 0], "last": [0, 30, 30], "known": [0, 2, 0]}
    )
    history = pd.DataFrame({"user": [1, 2], "person": [1, 2], "start": [0, 0], "end": [9_999, 9_999]})
    always = {"valid_from": BEGINNING, "valid_to": 9_999, "start": BEGINNING, "end": 9_999}
    places = pd.DataFrame([{"workspace": 7, "account": "a", **always}, {"workspace": 8, "account": "b", **always}])
    found = presence(stays, history, places, SHORT)
    assert set(zip(found["person"], found["account"], strict=True)) == {(1, "a")}
