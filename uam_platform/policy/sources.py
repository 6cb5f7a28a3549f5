"""The source map: which fields of which source are collected, why, for which question, who acts and who answers (R26, R43-R50, R182).

Here: the typed model of `rulebook/sources.yaml` and what it says of one field. Not here: keeping refused fields out
(`uam_platform.staging`), the questions themselves (`questions`).

A field has a purpose once it has a question (which brings decision, outcome and who decides), a reason and an owner. One without is refused
where data are taken in: kept out, counted, and listed with what to add.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, cached_property
from typing import Final, Self

from pydantic import Field, model_validator

from uam_platform.contracts.model import Pii
from uam_platform.contracts.vocabulary import VOCABULARY
from uam_platform.policy.load import PolicyError, PolicyModel, load_section
from uam_platform.policy.questions import QuestionPolicy

DELIVERY: Final = "delivery"
"""Kind of an event record; its fields are the columns of the landed envelope."""

UNDECLARED: Final = "not in sources.yaml"


class Category(StrEnum):
    """The six kinds of evidence, and what people tell the platform itself."""

    PRODUCT_USE = "product_use"  # R43
    BACKEND_LOGS = "backend_logs"  # R44
    SUPPORT = "support"  # R45
    CONVERSATIONS = "conversations"  # R46
    CRM_AND_BILLING = "crm_and_billing"  # R47
    RELEASES = "releases"  # R48
    OWN_ANSWERS = "own_answers"  # no evidence about customers: verdicts, silences, thresholds


class FieldGroup(PolicyModel):
    """Fields that are collected for one reason. Without question, reason or owner they are refused."""

    fields: tuple[str, ...] = Field(min_length=1)
    why: str = ""
    question: str = Field(
        "", description="id of a question in questions.yaml; it brings decision, outcome and who acts"
    )
    owner: str = Field("", description="who answers for these fields; the source's owner where absent")
    retention_days: int | None = Field(None, ge=1, description="where it is kept for another time than the source")
    pii: Pii | None = Field(
        None,
        description="absent: the vocabulary's class of a column of that name, else personal, to be on the safe side",
    )


class Source(PolicyModel):
    """Records of one shape, from one connector or from several."""

    connectors: tuple[str, ...] = Field(min_length=1)
    kinds: tuple[str, ...] = Field((DELIVERY,), description="kinds of records; event records are of kind delivery")
    category: Category
    owner: str = ""
    retention_days: int = Field(ge=1)
    groups: tuple[FieldGroup, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_a_field_once(self) -> Self:
        names = [name for group in self.groups for name in group.fields]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"field {twice[0]!r} stands in two groups; one purpose each")
        return self


@dataclass(frozen=True)
class Declared:
    """What the map says of one field of one kind of record.

    Attributes:
        source: entry of sources.yaml.
        category: kind of evidence.
        field: its name as landed.
        owner: who answers for it.
        why: reason in words.
        question: id of the question.
        retention_days: how long it is kept.
        pii: how closely it points at a person.
        missing: what has to be added before it is collected; empty where it is.
    """

    source: str
    category: Category
    field: str
    owner: str
    why: str
    question: str
    retention_days: int
    pii: Pii
    missing: tuple[str, ...]

    @property
    def reason(self) -> str:
        """Why the field is refused, in words; empty where it is collected."""
        return f"add {', '.join(self.missing)}" if self.missing else ""


class SourceMap(PolicyModel):
    """The company's source map."""

    owner: str = Field(min_length=2)
    version: int = Field(ge=1)
    sources: dict[str, Source]

    @model_validator(mode="after")
    def _names_a_kind_once(self) -> Self:
        seen: dict[tuple[str, str], str] = {}
        for name, source in self.sources.items():
            for pair in ((connector, kind) for connector in source.connectors for kind in source.kinds):
                if (other := seen.setdefault(pair, name)) != name:
                    raise ValueError(f"{' '.join(pair)} stands under both {other} and {name}; keep one")
        return self

    @cached_property
    def _by_kind(self) -> Mapping[tuple[str, str], Mapping[str, Declared]]:
        return {
            (connector, kind): {one.field: one for one in _declared(name, source)}
            for name, source in self.sources.items()
            for connector in source.connectors
            for kind in source.kinds
        }

    def fields(self, connector: str, kind: str) -> Mapping[str, Declared]:
        """What is said of the fields of a kind of record, by name; empty where nothing is."""
        return self._by_kind.get((connector, kind), {})

    def collected(self, connector: str, kind: str) -> frozenset[str]:
        """Fields that have a purpose."""
        return self._collected.get((connector, kind), frozenset())

    @cached_property
    def _collected(self) -> Mapping[tuple[str, str], frozenset[str]]:
        return {
            pair: frozenset(name for name, one in fields.items() if not one.missing)
            for pair, fields in self._by_kind.items()
        }

    def refusal(self, connector: str, kind: str, name: str) -> str:
        """Why a field is kept out, with what to add; empty where it is collected."""
        one = self.fields(connector, kind).get(name)
        return UNDECLARED if one is None else one.reason

    def declared(self) -> Iterator[Declared]:
        """Every field of the map, in its order."""
        for name, source in self.sources.items():
            yield from _declared(name, source)

    def check(self, questions: QuestionPolicy) -> None:
        """Refuse a reference to a question that does not exist.

        Raises:
            PolicyError: one line per reference with file, key and the questions there are.
        """
        known = ", ".join(questions.questions)
        lines = [
            f"sources.yaml: sources.{name}.groups.{place}.question: no question {group.question!r} in questions.yaml; use one of {known}"
            for name, source in self.sources.items()
            for place, group in enumerate(source.groups)
            if group.question and group.question not in questions.questions
        ]
        if lines:
            raise PolicyError("\n".join(lines))


def _declared(name: str, source: Source) -> Iterator[Declared]:
    for group in source.groups:
        given = {"question": group.question, "why": group.why, "owner": group.owner or source.owner}
        missing = tuple(key for key, value in given.items() if not value)
        for field in group.fields:
            word = VOCABULARY.get(field)
            yield Declared(
                source=name,
                category=source.category,
                field=field,
                retention_days=group.retention_days or source.retention_days,
                pii=group.pii or (word.pii if word else Pii.PERSONAL),
                missing=missing,
                **given,
            )


@cache
def shipped_sources() -> SourceMap:
    """The source map that comes with the platform."""
    return load_section(SourceMap, "sources")
