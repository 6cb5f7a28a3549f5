"""A resolution that redoes what a day touches gives what resolving everything gives, day after day, and says when it must redo all."""

from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import timedelta
from pathlib import Path
from random import Random

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uam_platform.contracts.tables import IDENTITY_EVIDENCE
from uam_platform.identity.daily import EVERYTHING, WHAT_CHANGED, Resolution, Resolved, Sources
from uam_platform.identity.kept import OUTPUTS
from uam_platform.identity.resolve import IdentityTables, resolve
from uam_platform.lake.engine import connect
from uam_platform.lake.io_manager import as_table
from uam_platform.lake.store import Lake
from uam_platform_tests.identity.product import (
    RULES,
    Retracted,
    Seen,
    accounts,
    day,
    device,
    directory,
    evidence,
    mail,
    retractions,
    user,
)
from uam_platform_tests.identity.random_products import DAYS, companies, products, records
from uam_platform_tests.identity.taken_back import edges_of

LAW = settings(max_examples=1, derandomize=True, deadline=None)  # of 40 products; each resolution costs a second or two
seeds = st.integers(0, 2**32 - 1)
FEW = 120  # a limit on edges, of which there are more


class Company:
    """A lake to which days of evidence come; `policy` may be changed from one day to the next."""

    def __init__(self, root: Path) -> None:
        self.lake, self.connection, self.policy = Lake(root), connect(), RULES

    def arrive(self, seen: Sequence[Seen]) -> None:
        """Publish all evidence so far."""
        rows = evidence(seen)
        told = ("linked_user_key", "email_domain_key", "workspace_id_source", "actor_stem_key", "email_stem_key")
        grouped = rows.group_by(list(IDENTITY_EVIDENCE.key)).aggregate(
            **{name: rows[name].max() for name in (*told, "actor_kind", "ended_us")},
            event_count=rows.event_count.sum(),
            started_us=rows.started_us.min(),
        )
        self.rows = grouped
        days = sorted({str(day(s.day)) for s in seen})
        self.lake.publish(self.connection, IDENTITY_EVIDENCE, grouped, days)

    def resolve(
        self, people: pd.DataFrame, companies_now: pd.DataFrame, retracted: pd.DataFrame | None = None
    ) -> tuple[Resolved, IdentityTables]:
        """What a run publishes, and what resolving everything gives."""
        said = retractions() if retracted is None else retracted
        sources = Sources(people, companies_now, said, self.policy, timedelta(0), ("product",))
        resolution = Resolution(self.lake, self.connection, sources)
        found = resolution.resolve()
        for contract in OUTPUTS:
            self.lake.publish(self.connection, contract, as_table(getattr(found.tables, contract.name), contract))
        resolution.save(found)
        return found, resolve(self.rows, people, companies_now, said, policy=self.policy)

    def published(self) -> IdentityTables:
        """Tables of the lake."""
        return IdentityTables(**{c.name: self.lake.read(self.connection, c).to_pyarrow() for c in OUTPUTS})


def differences(published: IdentityTables, expected: IdentityTables) -> dict[str, pd.DataFrame]:
    """Rows that one of two results has and the other has not, by table."""
    found = {}
    for name in (field.name for field in fields(IdentityTables)):
        both = pd.concat([getattr(t, name).to_pandas().assign(side=s) for s, t in enumerate((published, expected))])
        own = both[~both.duplicated([c for c in both if c != "side"], keep=False)]
        assert len(getattr(published, name)) == len(getattr(expected, name)) or len(own)
        if len(own):
            found[name] = own
    return found


def known_by(seen: Sequence[Seen], today: int) -> list[Seen]:
    return [s for s in seen if s.known_day <= today]


def taken_back(seen: Sequence[Seen], seed: int) -> list[Retracted]:
    """An edge of some products is retracted on the fourth day, and of every other one of them restored on the fifth."""
    edges = list(edges_of(seen, Random(seed)))[::6]
    said = [r for n, edge in enumerate(edges) for r in replace(edge, day=3, restored=4 if n % 2 else None).said]
    assert {r.day for r in said} == {3, 4}
    return said


@LAW
@given(seeds)
def test_days_one_by_one_give_what_all_at_once_gives(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    """Late events and records come too; in some products an edge is taken back on a day, and in some restored."""
    company, seen = Company(tmp_path_factory.mktemp("lake")), products(seed)
    said = taken_back(seen, seed)
    last, ways = None, []
    for today in range(DAYS):
        company.arrive(known_by(seen, today))
        now = retractions(*[r for r in said if r.day <= today])
        people = directory(*[r for r in records() if r["day"] <= today])
        found, expected = company.resolve(people, accounts(*[c for c in companies() if c[2] <= today]), now)
        assert not differences(company.published(), expected), today
        ways.append(found.way)
        must_redo = last is None or len(now) != last
        assert found.way == (EVERYTHING if must_redo else WHAT_CHANGED)
        last = len(now)
    assert ways.count(WHAT_CHANGED) > 1, "the law would hold for nothing"


@LAW
@given(seeds)
def test_shares_of_whole_groups_give_what_all_at_once_gives(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    """With a limit that is passed, the engine finds the groups by stars and each share is resolved apart."""
    company, seen = Company(tmp_path_factory.mktemp("lake")), products(seed)
    limit = RULES.most_edges_in_memory.model_copy(update={"most": FEW})
    company.policy = RULES.model_copy(update={"most_edges_in_memory": limit})
    said = taken_back(seen, seed)
    company.arrive(seen)
    found, expected = company.resolve(directory(*records()), accounts(*companies()), retractions(*said))
    assert found.identifier_count > 2 * FEW
    assert not differences(company.published(), expected)


DESK = [
    Seen(0, user="ann", device="laptop", workspace="w1"),
    Seen(0, user="bob", device="desk", email="b@acme.io", workspace="w2"),
    Seen(1, user="cat", device="desk", workspace="w2"),
    Seen(1, device="tablet"),
]


def test_a_day_touches_only_the_groups_it_names(tmp_path: Path) -> None:
    company = Company(tmp_path)
    company.arrive(DESK)
    assert company.resolve(directory(), accounts())[0].identifier_count == 7
    company.arrive([*DESK, Seen(2, user="ann", device="phone", workspace="w1")])
    found, _ = company.resolve(directory(), accounts())
    assert (found.way, found.identifier_count) == (WHAT_CHANGED, 3)  # ann, her laptop and the phone
    company.arrive([*DESK, Seen(2, user="ann", device="phone", workspace="w1"), Seen(3, user="ann", device="desk")])
    assert company.resolve(directory(), accounts())[0].identifier_count == 7  # all but the tablet


def test_nothing_new_touches_nobody(tmp_path: Path) -> None:
    company = Company(tmp_path)
    company.arrive(DESK)
    company.resolve(directory(), accounts())
    found, expected = company.resolve(directory(), accounts())
    assert (found.way, found.identifier_count) == (WHAT_CHANGED, 0)
    assert not differences(company.published(), expected)


def test_evidence_that_is_gone_is_no_evidence_any_more(tmp_path: Path) -> None:
    """An erased event, or one that a repaired load no longer has."""
    company = Company(tmp_path)
    company.arrive([*DESK, Seen(1, user="ann", device="desk")])
    company.resolve(directory(), accounts())
    company.arrive(DESK)
    found, expected = company.resolve(directory(), accounts())
    assert found.way == EVERYTHING
    assert not differences(company.published(), expected)


def test_a_workspace_that_gets_another_account_touches_whoever_was_in_it(tmp_path: Path) -> None:
    company = Company(tmp_path)
    company.arrive(DESK)
    company.resolve(directory(), accounts())
    company.arrive([*DESK, Seen(5, user="dan", kind="group", workspace="w2", account="acme")])
    found, expected = company.resolve(directory(), accounts())
    assert (found.way, found.identifier_count) == (WHAT_CHANGED, 5)  # dan, bob, cat, their desk and an address
    assert not differences(company.published(), expected)


def test_records_that_change_touch_whom_they_name_before_and_after(tmp_path: Path) -> None:
    company = Company(tmp_path)
    company.arrive(DESK)
    company.resolve(directory({"email": "a@acme.io", "user": "ann", "account": "w1", "day": 0}), accounts())
    found, expected = company.resolve(
        directory({"email": "a@acme.io", "user": "cat", "account": "w1", "day": 0}), accounts()
    )
    assert (found.way, found.identifier_count) == (WHAT_CHANGED, 7)  # all but the tablet: a record once named ann
    assert not differences(company.published(), expected)


@pytest.mark.parametrize("what", ["rules", "a retraction", "a table", "the kept part of a killed run"])
def test_whatever_else_changes_everything_is_resolved(tmp_path: Path, what: str) -> None:
    company, said = Company(tmp_path), None
    company.arrive(DESK)
    company.resolve(directory(), accounts())
    if what == "rules":
        company.policy = RULES.model_copy(update={"aliased_users_are_one_person": False})
    elif what == "a retraction":
        said = retractions(Retracted("anonymous", device("desk"), user("bob"), 3))
    elif what == "a table":
        people = company.lake.read(company.connection, OUTPUTS[0])
        company.lake.publish(company.connection, OUTPUTS[0], people.filter(people.identifier_key != mail("b@acme.io")))
    else:
        (company.lake.root / "identity" / "_kept" / "kept.json").unlink()
    found, expected = company.resolve(directory(), accounts(), said)
    assert found.way == EVERYTHING
    assert not differences(company.published(), expected)
