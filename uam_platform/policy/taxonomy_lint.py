"""What is wrong with a taxonomy file, event by event, with what to write instead (R60, R62, R72).

Here: the rules, over the file as written, so that a file that does not load is told in full. Not here: what the keys mean
(`taxonomy`), how names are read (`event_names`), names that were delivered and nobody declared (`uam_platform.governance.seen_names`).
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final, Literal

from pydantic import ValidationError

from uam_platform.policy.event_names import SNAKE, actions_in, is_past_tense, normalise, proposed, split, stems
from uam_platform.policy.load import SHIPPED, PolicyError, parse, read_yaml
from uam_platform.policy.taxonomy import EventRule, Taxonomy, shared_spellings

Severity = Literal["error", "warning"]

REASONS: Final[Mapping[str, Severity]] = {
    "does_not_load": "error",
    "invalid_key": "error",
    "not_snake_case": "error",
    "not_object_action": "error",
    "ui_specific": "error",
    "vague": "error",
    "overloaded": "error",
    "synonym_collision": "error",
    "missing_meaning": "error",
    "missing_owner": "error",
    "name_and_parts_differ": "error",
    "not_past_tense": "warning",
    "near_synonym": "warning",
    "needless_synonym": "warning",
    "missing_domain": "warning",
    "missing_since": "warning",
    "missing_purpose": "warning",
    "wrong_layer": "warning",
    "deprecated_without_successor": "warning",
    "deprecated_without_end": "warning",
    "undeclared": "warning",
    "refused": "warning",
    "changed_without_entry": "error",
}
"""Every reason a finding can have, and how much it weighs."""

_VAGUE_OBJECTS: Final = frozenset(
    "event thing stuff something object entity misc other custom generic test action activity".split()
)
_VAGUE_ACTIONS: Final = frozenset("happened occurred done did handled processed interacted".split())
_EXPERIENCE: Final = frozenset("viewed opened clicked scrolled hovered explored shown tapped".split())
_OF_THE_FILE: Final = frozenset({"missing_owner", "missing_domain", "missing_since", "missing_purpose"})
Events = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Finding:
    """One thing to change.

    Attributes:
        file: file it stands in.
        event: the event, or empty for the file as a whole.
        reason: one of `REASONS`.
        says: what is wrong.
        write: what to write instead.
    """

    file: str
    event: str
    reason: str
    says: str
    write: str

    @property
    def severity(self) -> Severity:
        """error: refuses the file in CI; warning: a person decides."""
        return REASONS[self.reason]


def lint(data: Any, origin: str) -> list[Finding]:
    """Findings on one taxonomy file, in its order.

    Args:
        data: the parsed YAML.
        origin: file name for messages.
    """
    if not isinstance(data, dict) or not isinstance(data.get("events"), dict):
        return [
            Finding(origin, "", "does_not_load", "events is missing", "write events: {object_action: {meaning: …}}")
        ]
    events = {str(name): rule if isinstance(rule, dict) else {} for name, rule in data["events"].items()}
    found = _told_once([f for name, rule in events.items() for f in _of_event(name, rule, data, origin)], len(events))
    found += _between(events, origin)
    if not any(finding.severity == "error" for finding in found):
        found += _of_loading(data, origin)
    return found


def _of_event(name: str, rule: Mapping[str, Any], data: Mapping[str, Any], origin: str) -> Iterator[Finding]:
    reasons = [
        *_keys(rule),
        *(_name(name, rule, data) if SNAKE.fullmatch(name) else [_spelling(name)]),
        *_duties(name, rule, data),
        *_purpose(name, rule),
        *_end(rule),
    ]
    yield from (Finding(origin, name, *reason) for reason in reasons)


def _told_once(found: list[Finding], event_count: int) -> list[Finding]:
    """What every event lacks is a finding of the file."""
    lacking = Counter(finding.reason for finding in found if finding.reason in _OF_THE_FILE)
    everywhere = {reason for reason, count in lacking.items() if count == event_count > 1}
    first = {f.reason: f for f in reversed(found)}
    whole = [replace(first[r], event="", says=f"all {event_count} events: {first[r].says}") for r in sorted(everywhere)]
    return [*whole, *(finding for finding in found if finding.reason not in everywhere)]


Reason = tuple[str, str, str]


def _keys(rule: Mapping[str, Any]) -> Iterator[Reason]:
    try:
        EventRule.model_validate(rule)
    except ValidationError as error:
        for one in error.errors(include_url=False):
            key = "".join(f"{part}: " for part in one["loc"])
            if one["type"] == "missing" and one["loc"] == ("meaning",):
                continue  # told by its own rule
            says = "unknown key" if one["type"] == "extra_forbidden" else one["msg"].removeprefix("Value error, ")
            yield "invalid_key", f"{key}{says}", "correct the key; docs/taxonomy.md lists them"


def _spelling(name: str) -> Reason:
    better = proposed(name)
    if SNAKE.fullmatch(better):
        return "not_snake_case", "is not snake_case, so it is no object_action either", better
    return (
        "not_object_action",
        "does not say what it is about and what happened to it",
        f"<object>_{better or 'action'}",
    )


def _name(name: str, rule: Mapping[str, Any], data: Mapping[str, Any]) -> Iterator[Reason]:
    about, happened = split(name)
    is_detail = rule.get("tier") == "context_only" and rule.get("side") == "client"
    is_interface = not is_detail and _describes_interface(name, data)
    if is_interface:
        better = (
            "what the person achieved, e.g. settings_saved; or declare it as detail: side: client, tier: context_only"
        )
        yield "ui_specific", "describes the interface, not what happened", better
    if set(about.split("_")) <= _VAGUE_OBJECTS or happened in _VAGUE_ACTIONS:
        yield "vague", "could mean anything", "name the thing and how it ended, e.g. import_failed"
    if several := actions_in(name):
        yield "overloaded", f"tells several things at once: {', '.join(several)}", "one event for each"
    if not is_interface and not is_past_tense(name):
        better = proposed(name)
        yield (
            "not_past_tense",
            f"{happened!r} is not in the past tense",
            better if better != name else f"{about}_<done>",
        )
    parts = "_".join(str(rule.get(key) or read) for key, read in (("object", about), ("action", happened)))
    if parts != name and not name.endswith(f"_{parts}"):
        yield "name_and_parts_differ", f"object and action give {parts}", "change the name, or object and action"


def _describes_interface(name: str, data: Mapping[str, Any]) -> bool:
    """Whether a pattern refuses the name: the file's own, or the shipped ones for a file that leaves them out."""
    try:
        return any(re.search(pattern, name) for pattern in data.get("rejected_patterns", _shipped_patterns()))
    except (re.error, TypeError):
        return False  # told when the file is loaded


@cache
def _shipped_patterns() -> tuple[str, ...]:
    return tuple(read_yaml(SHIPPED / "taxonomy.yaml")["rejected_patterns"])


def _duties(name: str, rule: Mapping[str, Any], data: Mapping[str, Any]) -> Iterator[Reason]:
    meaning = str(rule.get("meaning") or "")
    if len(meaning.split()) < 2 or normalise(meaning) == normalise(name):
        yield "missing_meaning", "has no meaning that says more than its name", "meaning: what happened, in a sentence"
    if not (rule.get("owner") or data.get("owner")):
        yield "missing_owner", "nobody answers for its meaning", "owner: a team, here or for the whole file"
    if not rule.get("domain"):
        yield "missing_domain", "belongs to no part of the product", "domain: one of `domains`"
    if not (rule.get("since") or data.get("since")):
        yield (
            "missing_since",
            "nothing says from when the definition holds",
            "since: a date, here or for the whole file",
        )


def _purpose(name: str, rule: Mapping[str, Any]) -> Iterator[Reason]:
    has_marker = rule.get("marker", "none") != "none"
    if not has_marker and not rule.get("tier"):
        yield (
            "missing_purpose",
            "neither marker nor tier says what it is for",
            "marker: …, or tier: core, advanced or context_only",
        )
    if has_marker and rule.get("tier") == "context_only":
        yield "missing_purpose", "counts by its marker and is context only at once", "one of the two"
    if rule.get("side") == "client" and rule.get("tier") == "core":
        yield "wrong_layer", "value that only the client tells can be blocked and forged", "side: server, or either"
    if rule.get("side") == "server" and split(name)[1] in _EXPERIENCE:
        yield "wrong_layer", "experience is told by the client", "side: client, or the business fact behind it"


def _end(rule: Mapping[str, Any]) -> Iterator[Reason]:
    if not rule.get("deprecated_on"):
        return
    if not rule.get("deprecated_by"):
        yield (
            "deprecated_without_successor",
            "is deprecated and nothing takes its place",
            "deprecated_by: an event; leave it out only where nothing does",
        )
    if not rule.get("refused_from"):
        yield (
            "deprecated_without_end",
            "is deprecated for ever",
            "refused_from: a date after which the name is set aside",
        )


def _between(events: Events, origin: str) -> Iterator[Finding]:
    synonyms = {name: tuple(map(str, rule.get("synonyms") or ())) for name, rule in events.items()}
    collided = shared_spellings(synonyms)
    for spelling, first, second in collided:
        yield Finding(
            origin, second, "synonym_collision", f"{spelling!r} stands under {first} too", "keep it under one of them"
        )
    for name, others in synonyms.items():
        for spelling in others:
            if normalise(spelling) == normalise(name):
                says = f"synonym {spelling!r} is only another spelling of the name"
                yield Finding(origin, name, "needless_synonym", says, "leave it out: spelling is recognised")
    told = {second for _, _, second in collided}
    first_with: dict[tuple[str, ...], str] = {}
    for name in events:
        first = first_with.setdefault(stems(name), name)
        if first != name and name not in told:
            yield Finding(
                origin, name, "near_synonym", f"has the words of {first}", "one of the two as synonym of the other"
            )


def _of_loading(data: Mapping[str, Any], origin: str) -> Iterator[Finding]:
    try:
        parse(Taxonomy, data, origin)
    except PolicyError as error:
        for line in str(error).splitlines():
            yield Finding(
                origin,
                "",
                "does_not_load",
                line.removeprefix(f"{origin}: "),
                "correct it: no run starts with this file",
            )
