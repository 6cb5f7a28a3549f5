"""Who uses an event: features, scores, sequences, journeys, cohorts, alerts, playbooks and questions that stand on it.

Here: the registry, read off the loaded rulebook and the vocabulary. Whatever a rule writes (a name of an event, of a column, of a group of
actions, of a playbook) ties it to what carries that name, so a new rule is a consumer without being listed. Not here: the rules, what
changed between two taxonomies (`taxonomy_diff`), volumes (`uam_platform.governance.audit`).

An event reaches columns by its marker and tier: a column that begins with `friction_` counts friction, one that begins with `core_` core
work (`docs/naming.md`). What counts any event (`event_28d_count`) is no use of one.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any, Final

from pydantic import BaseModel

from uam_platform.contracts.tables import ACCOUNT_FEATURES, REVENUE_AT_RISK, SCORES
from uam_platform.contracts.vocabulary import VOCABULARY
from uam_platform.policy.harm import HARM_SCORE
from uam_platform.policy.rulebook import Rulebook
from uam_platform.policy.scores import ACTION_INPUTS, DERIVED_INPUTS
from uam_platform.policy.taxonomy import EventRule, Taxonomy

_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")
_KINDS: Final = {  # where a rule of the rulebook stands -> what it is called; the rest of its key is its name
    ("sequences", "sequences"): "sequence",
    ("journeys",): "journey",
    ("cohorts",): "cohort",
    ("scores", "action_groups"): "group of actions",
    ("scores", "formulas"): "KPI",
    ("alerts", "detectors"): "alert",
    ("alerts", "harm", "signals"): "signal of harm",
    ("alerts", "context"): "context of alerts",
    ("churn", "features"): "model input",
    ("churn", "diagnosis", "signs"): "sign of a diagnosis",
    ("playbooks", "playbooks"): "playbook",
    ("questions", "questions"): "question",
    ("logs", "events"): "rule of logs",
    ("reviews",): "review",
}
_LEADS_ON: Final = frozenset({"playbook", "question"})
"""Kinds that an alert or a KPI leads to by naming them."""

_LEFT_OUT: Final = "left_out"
"""Key under which a rule names what it does not read."""

_NO_USE: Final = frozenset({"rule of logs", "group of actions"})
"""Kinds that deliver events, or count only where another rule reads them."""


@dataclass(frozen=True, order=True)
class Consumer:
    """One thing that stands on an event.

    Attributes:
        kind: alert, KPI, sequence, feature …
        name: as the rulebook or the contract has it.
    """

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


class Consumers:
    """The registry of one rulebook."""

    def __init__(self, rulebook: Rulebook) -> None:
        """Read what every rule names.

        Args:
            rulebook: the loaded rulebook.
        """
        self._named: dict[Consumer, set[str]] = {}
        for section in fields(rulebook):
            if section.name != "taxonomy":
                for path, text in _texts(getattr(rulebook, section.name), (section.name,)):
                    self._named.setdefault(_owner(path), set()).update((text, *_PLACEHOLDER.findall(text)))

    def of_event(self, name: str, rule: EventRule) -> tuple[Consumer, ...]:
        """What stands on an event by its name, its marker or its tier."""
        return self.of_words([name, *counted_by(rule)])

    def of_words(self, words: Iterable[str]) -> tuple[Consumer, ...]:
        """What stands on names: of events, columns, groups of actions."""
        reached: set[Consumer] = set()
        open_words = list(words)
        while open_words:
            word = open_words.pop()
            found = {Consumer("feature", word)} if word in ACCOUNT_FEATURES.column_names else set()
            for consumer in (found | self._by_word.get(word, set()) | self._by_pattern(word)) - reached:
                reached.add(consumer)
                open_words += self._provided(consumer)
                reached |= self._led_to(consumer)
        return tuple(sorted(consumer for consumer in reached if consumer.kind not in _NO_USE))

    @cached_property
    def _by_word(self) -> Mapping[str, set[Consumer]]:
        found: dict[str, set[Consumer]] = {}
        for consumer, words in self._named.items():
            for word in words:
                found.setdefault(word, set()).add(consumer)
        return found

    @cached_property
    def _patterns(self) -> tuple[tuple[str, Consumer], ...]:
        return tuple((word, c) for c, words in self._named.items() for word in words if re.fullmatch(r"\w*\*\w*", word))

    def _by_pattern(self, word: str) -> set[Consumer]:
        return {consumer for pattern, consumer in self._patterns if fnmatchcase(word, pattern)}

    def _led_to(self, consumer: Consumer) -> set[Consumer]:
        words = self._named.get(consumer, set())
        return {other for other in self._named if other.kind in _LEADS_ON and other.name in words}

    def _provided(self, consumer: Consumer) -> tuple[str, ...]:
        """Names under which others read what a consumer makes."""
        if consumer.kind == "group of actions":
            return (f"actions.{consumer.name}", *(f"{consumer.name}_{window}" for window in ACTION_INPUTS))
        if consumer.kind == "signal of harm":
            return (HARM_SCORE,)
        if consumer.kind == "model input":
            made = {*SCORES.column_names, *REVENUE_AT_RISK.column_names} - set(ACCOUNT_FEATURES.column_names)
            return tuple(sorted(made - {*SCORES.key, *REVENUE_AT_RISK.key}))
        if consumer.kind == "KPI":
            return (f"{consumer.name}_score",)
        if consumer.kind in ("journey", "feature"):
            return tuple(name for name, derived in DERIVED_INPUTS.items() if consumer.name in derived.made_of)
        return ()


def counted_by(rule: EventRule) -> tuple[str, ...]:
    """Columns that count an event by its marker or because it is core work, and what is made of them."""
    counts = {rule.marker} - {"none"} | ({"core"} if rule.is_core else set())
    direct = {name for name in VOCABULARY if name.split("_")[0] in counts}
    return tuple(sorted(direct | {n for n, column in VOCABULARY.items() if direct & set(column.made_of)}))


def _owner(path: tuple[str, ...]) -> Consumer:
    for length in (3, 2, 1):
        if (kind := _KINDS.get(path[:length])) is not None:
            name = path[length] if len(path) > length else path[-1]
            return Consumer(kind, name)
    return Consumer(path[0], path[1] if len(path) > 1 else path[0])


def _texts(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every text inside a section with the keys that lead to it."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields.keys() - {_LEFT_OUT}:
            yield from _texts(getattr(value, name), (*path, name))
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts(inner, (*path, str(key)))
    elif isinstance(value, list | tuple | set | frozenset):
        for place, inner in enumerate(value):
            yield from _texts(inner, (*path, str(place)))


def declared(taxonomy: Taxonomy, rulebook: Rulebook) -> dict[str, tuple[Consumer, ...]]:
    """Consumers of every declared event."""
    registry = Consumers(rulebook)
    return {name: registry.of_event(name, rule) for name, rule in taxonomy.events.items()}
