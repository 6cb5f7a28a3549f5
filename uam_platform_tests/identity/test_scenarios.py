"""Named stories of identity, in `scenarios.yaml`: evidence in, people, memberships and hierarchy out, in any order of the rows.

All stories of one set of rules are resolved at once (their names are set apart by the story's), so the suite costs two resolutions a set.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
import yaml

from uam_platform.identity.edges import TAKEN_OVER
from uam_platform.identity.resolve import IdentityTables
from uam_platform.policy.identity_exclusions import ExclusionPolicy
from uam_platform.temporal.keys import workspace_key
from uam_platform_tests.identity.product import (
    LATER,
    RULES,
    Seen,
    accounts,
    day,
    device,
    directory,
    mail,
    resolved,
    rows_at,
    user,
)

Scenario = dict[str, Any]
SCENARIOS: Final[list[Scenario]] = yaml.safe_load(Path(__file__).with_name("scenarios.yaml").read_text())
SHUFFLED: Final = 20250106  # seed of the second order
_PLACES: Final = ("user", "device", "workspace", "account", "was_user", "was_device")


def own(story: Scenario, name: str | None) -> str | None:
    """A name as no other story has it."""
    return None if name is None else f"{story['name']}/{name}"


def own_mail(story: Scenario, address: str | None) -> str | None:
    return None if address is None else f"{address.rstrip()}.{story['name']}"


def sightings(story: Scenario) -> Iterator[Seen]:
    for row in story["evidence"]:
        named = {field: own(story, row.get(field)) for field in _PLACES}
        named["previous_user"], named["previous_device"] = named.pop("was_user"), named.pop("was_device")
        rest = {field: value for field, value in row.items() if field not in (*_PLACES, "email")}
        yield Seen(**named, **rest, email=own_mail(story, row.get("email")))


def records(story: Scenario) -> Iterator[dict[str, object]]:
    for row in story.get("directory", ()):
        named = {field: own(story, row.get(field)) for field in ("user", "account")}
        yield {**row, **named, "email": own_mail(story, row.get("email"))}


def companies(story: Scenario) -> Iterator[tuple[str, str | None, int, str]]:
    for account, parent, since, *name in story.get("accounts", ()):
        yield str(own(story, account)), own(story, parent), since, name[0] if name else account


def exclusions(stories: list[Scenario]) -> ExclusionPolicy:
    """The rules of all stories; each names whom it keeps out as no other story has it, but for names of accounts."""
    rules = {
        f"{story['name']}/{name}": rule
        | {
            field: [own(story, value) for value in rule[field]]
            for field in ("users", "accounts", "stems")
            if field in rule
        }
        | {field: [own_mail(story, value) for value in rule[field]] for field in ("emails", "domains") if field in rule}
        for story in stories
        for name, rule in story.get("exclusions", {}).items()
    }
    return ExclusionPolicy.model_validate({"rules": rules})


def rules(story: Scenario) -> str:
    return repr(sorted(story.get("rules", {}).items()))


@cache
def tables(chosen: str, is_shuffled: bool) -> IdentityTables:
    """All stories that share their rules, resolved at once."""
    stories = [s for s in SCENARIOS if rules(s) == chosen]
    seen = [row for s in stories for row in sightings(s)]
    found = [row for s in stories for row in records(s)]
    known = [row for s in stories for row in companies(s)]
    if is_shuffled:
        for rows in (seen, found, known):
            Random(SHUFFLED).shuffle(rows)
    policy = RULES.model_validate({**RULES.model_dump(), **stories[0].get("rules", {})})
    return resolved(seen, directory(*found), accounts(*known), policy, exclusions=exclusions(stories))


def identifier(story: Scenario, text: str) -> int:
    """Key of "user ann", "device d", "mail a@x", "device was old" (a user id that only an alias names so far)."""
    kind, name = text.split(" ", 1)
    if kind == "mail":
        return mail(own_mail(story, name))
    if name.startswith("was "):
        return device(own(story, name.removeprefix("was ")))
    return {"user": user, "device": device}[kind](own(story, name))


def person_of(story: Scenario, text: str) -> int:
    """Key of a person: of its first user id; "least a b" where several user ids became known on the same day."""
    if text.startswith("mail "):
        return identifier(story, text)
    return min(user(own(story, name)) for name in text.removeprefix("least ").split(" "))


def spoken(story: Scenario) -> dict[int, str]:
    """What a story calls its keys, for a failure that a person can read."""
    names: dict[int, str] = {}
    for row in [*story["evidence"], *story.get("directory", ())]:
        for field, kind in (("user", "user"), ("was_user", "user"), ("device", "device"), ("was_device", "device")):
            if row.get(field):
                names[identifier(story, f"{kind} {row[field]}")] = f"{kind} {row[field]}"
        if row.get("was_user"):
            names[identifier(story, f"device was {row['was_user']}")] = f"device was {row['was_user']}"
        if row.get("email"):
            names[mail(own_mail(story, row["email"]))] = f"mail {row['email'].strip().lower()}"
        if row.get("workspace"):
            names[workspace_key("product", own(story, row["workspace"]))] = row["workspace"]
    return names


def short(story: Scenario, name: object) -> object:
    return name.removeprefix(f"{story['name']}/") if isinstance(name, str) else name


def holding(story: Scenario, table: str, then: Scenario, key: str, chosen: str) -> list[dict[str, Any]]:
    """Rows of this story's keys that hold at the moment."""
    is_shuffled = chosen == "shuffled"
    names = spoken(story)
    rows = rows_at(getattr(tables(rules(story), is_shuffled), table), then["at"], then.get("known", LATER))
    return [r for r in rows if r[key] in names]


def known_at(story: Scenario, table: str, then: Scenario, key: str, order: str) -> list[dict[str, Any]]:
    """Rows of this story's keys that are known on the day, of a table without event days."""
    names, known = spoken(story), day(then.get("known", LATER))
    rows = getattr(tables(rules(story), order == "shuffled"), table).to_pylist()
    return [r for r in rows if r[key] in names and r["known_from_date"] <= known < r["known_to_date"]]


@pytest.mark.parametrize("order", ["as told", "shuffled"])
@pytest.mark.parametrize("story", [pytest.param(s, id=s["name"]) for s in SCENARIOS])
def test_a_story_ends_as_told(story: Scenario, order: str) -> None:
    names = spoken(story)
    for then in story["then"]:
        at = f"day {then['at']}, as known on {then.get('known', 'any later day')}: {story['why']}"
        if "people" in then:
            found = {
                names[r["identifier_key"]]: r["person_key"]
                for r in holding(story, "people", then, "identifier_key", order)
            }
            expected = {
                names[identifier(story, i)]: person_of(story, person)
                for person, held in then["people"].items()
                for i in held
            }
            assert {i: names.get(p, p) for i, p in found.items()} == {
                i: names.get(p, p) for i, p in expected.items()
            }, at
        if "memberships" in then:
            belongs = {
                (r["person_key"], short(story, r["account_id"]), r["role"])
                for r in holding(story, "memberships", then, "person_key", order)
            }
            members = {(person_of(story, p), account, role) for p, account, role in then["memberships"]}
            assert {(names[p], *rest) for p, *rest in belongs} == {(names[p], *rest) for p, *rest in members}, at
        for table, key in (("people", "identifier_key"), ("hierarchy", "workspace_key")):
            expected_out = then.get({"people": "kept_out", "hierarchy": "places_kept_out"}[table])
            if expected_out is not None:
                rows = holding(story, table, then, key, order)
                assert {names[r[key]]: short(story, r["exclusion"]) for r in rows if r["exclusion"]} == expected_out, at
        if "taken_over" in then:
            found = known_at(story, "ambiguous_identifiers", then, "identifier_key", order)
            told = {
                (names[r["identifier_key"]], names[r["linked_actor_key"]]) for r in found if r["reason"] == TAKEN_OVER
            }
            assert told == {(f"mail {address}", f"user {who}") for address, who in then["taken_over"]}, at
        if "hierarchy" in then:
            placed = {
                (
                    names[r["workspace_key"]],
                    short(story, r["account_id"]),
                    short(story, r["parent_account_id"]),
                )
                for r in holding(story, "hierarchy", then, "workspace_key", order)
            }
            assert placed == {tuple(row) for row in then["hierarchy"]}, at


def test_there_are_enough_stories_and_each_says_why() -> None:
    assert len(SCENARIOS) >= 35
    assert len({s["name"] for s in SCENARIOS}) == len(SCENARIOS)
    assert all(s["why"].endswith(".") and s["then"] for s in SCENARIOS)
