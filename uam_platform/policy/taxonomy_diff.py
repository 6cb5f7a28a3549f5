"""What changed between two taxonomies, whom it affects, and whether it breaks them (R72, R79).

Here: comparing two files that load, with the consumers of each changed event. Not here: who consumes what (`consumers`), naming mistakes
(`taxonomy_lint`), the log of accepted changes (`taxonomy_history`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from uam_platform.policy.consumers import Consumer, Consumers
from uam_platform.policy.event_names import normalise, words
from uam_platform.policy.taxonomy import Taxonomy

_SHOWN: Final = ("domain", "object", "action", "workflow", "step", "owner", "since")
"""Keys that nothing is computed from: a change is told and breaks nothing."""

_MOVE: Final = "move these rules to the new name, or keep the old one until they are moved"


@dataclass(frozen=True)
class Change:
    """One difference.

    Attributes:
        event: the event, or the key of the file.
        kind: added, removed, renamed, or the key that changed.
        before: value before, as written.
        after: value after.
        says: what that means, in a sentence.
        is_breaking: somebody who reads the event gets another answer than before.
        consumers: what stands on the event, before or after.
        then: what to do before it is released; empty where nothing is to be done.
    """

    event: str
    kind: str
    before: str
    after: str
    says: str
    is_breaking: bool
    consumers: tuple[Consumer, ...] = ()
    then: str = ""


def diff(old: Taxonomy, new: Taxonomy, registry: Consumers) -> list[Change]:
    """All differences, breaking ones first, then in the order of the events' names.

    Args:
        old: the taxonomy that is in use.
        new: the one that is proposed.
        registry: consumers, read off the rulebook that is in use.
    """
    found = [*_of_events(old, new, registry), *_of_file(old, new)]
    return sorted(found, key=lambda change: (not change.is_breaking, change.event, change.kind))


def _of_events(old: Taxonomy, new: Taxonomy, registry: Consumers) -> Iterator[Change]:
    moved = new.canonical_names()
    renamed = {name: to for name in old.events.keys() - new.events.keys() if (to := moved.get(normalise(name)))}
    for name in old.events.keys() - new.events.keys():
        alike = [n for n in new.events.keys() - old.events.keys() if new.events[n].meaning == old.events[name].meaning]
        yield _gone(name, renamed.get(name), old, registry, alike)
    for name in new.events.keys() - old.events.keys() - set(renamed.values()):
        yield Change(name, "added", "", name, new.events[name].meaning, False)
    pairs = {name: name for name in old.events.keys() & new.events.keys()} | renamed
    for name, now in pairs.items():
        yield from _changed(name, now, old, new, registry)


def _gone(name: str, to: str | None, old: Taxonomy, registry: Consumers, alike: list[str]) -> Change:
    if to is None:
        used = registry.of_event(name, old.events[name])
        says = "is no longer declared: what is delivered under it is set aside as unknown"
        then = "deprecate it first: deprecated_on, deprecated_by, refused_from"
        if alike:
            then = f"if it was renamed, list it under synonyms of {alike[0]}, which means the same"
        return Change(name, "removed", name, "", says, True, used, then)
    by_name = registry.of_words([name])
    says = f"counts as {to} now; deliveries under the old name are still taken"
    return Change(name, "renamed", name, to, says, bool(by_name), by_name, _MOVE if by_name else "")


def _changed(name: str, now: str, old: Taxonomy, new: Taxonomy, registry: Consumers) -> Iterator[Change]:
    before, after = old.events[name], new.events[now]
    used = tuple(sorted({*registry.of_event(name, before), *registry.of_event(now, after)}))
    for key in type(before).model_fields:
        one, other = getattr(before, key), getattr(after, key)
        if one != other and (told := _told(key, one, other, bool(used))):
            says, is_breaking, then = told
            yield Change(now, key, _written(one), _written(other), says, is_breaking, used, then)
    yield from _synonyms(name, now, old, new, used)
    if before.deprecated_on != after.deprecated_on or before.deprecated_by != after.deprecated_by:
        yield _deprecated(now, new, registry)


def _told(key: str, before: Any, after: Any, is_used: bool) -> tuple[str, bool, str] | None:
    """What a changed key means: sentence, whether it breaks, what to do. None for keys that have a rule of their own."""
    if key in _SHOWN:
        return "is described otherwise", False, ""
    if key == "marker":
        return (
            "is counted in other columns from now on, also for days that are computed again",
            True,
            "agree with the owners of these; say from when",
        )
    if key == "tier":
        is_core = "core" in (before, after)
        says = (
            "counts as core work or no longer does, also for days that are computed again"
            if is_core
            else "is described otherwise"
        )
        return says, is_core, "agree with the owners of these; say from when" if is_core else ""
    if key == "side":
        says = (
            "what the other layer delivers is refused by the collector"
            if after != "either"
            else "both layers may tell it"
        )
        return says, after != "either", "make sure that this layer tells it" if after != "either" else ""
    if key == "meaning":
        is_same = words(before) == words(after)
        return (
            ("is worded otherwise" if is_same else "means something else, or is only told better"),
            not is_same and is_used,
            ("" if is_same else "a new meaning is a new event; where only the words are better, allow it"),
        )
    if key == "refused_from":
        is_earlier = after is not None and (before is None or after < before)
        return (
            "from this event day on the name is set aside",
            is_earlier and is_used,
            "move senders and rules before that day",
        )
    return None


def _synonyms(name: str, now: str, old: Taxonomy, new: Taxonomy, used: tuple[Consumer, ...]) -> Iterator[Change]:
    taken, given = old.canonical_names(), new.canonical_names()
    for spelling in old.events[name].synonyms:
        to = given.get(normalise(spelling))
        if to != now:
            says = f"now counts as {to}" if to else "is set aside as unknown from now on"
            yield Change(
                now,
                "synonym removed",
                spelling,
                to or "",
                f"{spelling!r} {says}",
                True,
                used,
                "make sure that nobody sends it any more",
            )
    for spelling in new.events[now].synonyms:
        if taken.get(normalise(spelling)) is None:
            says = f"what is delivered as {spelling!r} counts here; events set aside under it can be replayed"
            yield Change(now, "synonym added", "", spelling, says, False, used)


def _deprecated(name: str, new: Taxonomy, registry: Consumers) -> Change:
    rule = new.events[name]
    if rule.deprecated_on is None:
        return Change(name, "deprecation", "deprecated", "", "is in use again", False)
    by_name = registry.of_words([name])
    says = (
        f"from {rule.deprecated_on} on it counts as {rule.deprecated_by}"
        if rule.deprecated_by
        else "ends without successor"
    )
    return Change(
        name, "deprecation", "", str(rule.deprecated_on), says, bool(by_name), by_name, _MOVE if by_name else ""
    )


def _of_file(old: Taxonomy, new: Taxonomy) -> Iterator[Change]:
    if old.features != new.features[: len(old.features)]:
        then = "append new features; never move or drop one"
        says = "positions are bits in stored sets: what is stored would name other features"
        yield Change("features", "order", _written(old.features), _written(new.features), says, True, then=then)
    for name in new.features[len(old.features) :] if old.features == new.features[: len(old.features)] else ():
        yield Change("features", "added", "", name, "a feature", False)
    if old.product_type != new.product_type:
        then = "sessions are cut otherwise; compute the days again"
        yield Change(
            "product_type", "changed", old.product_type, new.product_type, "another session rule holds", True, then=then
        )
    if old.accept_unknown and not new.accept_unknown:
        yield Change("accept_unknown", "changed", "true", "false", "names that nobody declared are set aside now", True)


def _written(value: Any) -> str:
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def consumers_by_kind(consumers: tuple[Consumer, ...]) -> Mapping[str, list[str]]:
    """Names by kind, for people."""
    found: dict[str, list[str]] = {}
    for consumer in consumers:
        found.setdefault(consumer.kind, []).append(consumer.name)
    return found


def markdown(changes: list[Change], allowed: frozenset[str]) -> str:
    """The differences as a comment on a pull request."""
    breaking = sum(change.is_breaking and not is_allowed(change, allowed) for change in changes)
    verdict = f"{breaking} breaking" if breaking else "nothing breaks"
    lines = [f"### Taxonomy: {len(changes)} changes, {verdict}", ""]
    if changes:
        lines += ["| | Event | Change | Means | Used by | Do |", "| --- | --- | --- | --- | --- | --- |"]
    for change in changes:
        mark = ("allowed" if is_allowed(change, allowed) else "**breaks**") if change.is_breaking else ""
        what = f"{change.kind}: {change.before or '–'} → {change.after or '–'}"
        used = "; ".join(f"{kind} {', '.join(names)}" for kind, names in consumers_by_kind(change.consumers).items())
        cells = (mark, f"`{change.event}`", what, change.says, used or "–", change.then or "–")
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join([*lines, ""])


def is_allowed(change: Change, allowed: frozenset[str]) -> bool:
    """Whether a person let the change pass: by its event, or all of them."""
    return bool(allowed & {change.event, "all"})
