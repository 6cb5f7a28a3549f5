"""Turns themes and moods into text: templates, slots, slips of the pen, personal data and look-alikes of it.

Belongs here: the grammar and what is planted in a text. Does not belong here: words (``phrases``, ``lexicon``,
``personal_data``), who speaks and when (``support``, ``conversations``, ``calls``, ``documents``).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from uam_platform.simulation.world import lexicon
from uam_platform.simulation.world.dice import Dice
from uam_platform.simulation.world.difficulty import Difficulty
from uam_platform.simulation.world.names import FIRST_NAMES, LAST_NAMES
from uam_platform.simulation.world.personal_data import (
    DECOY_KINDS,
    DECOY_SENTENCES,
    PII_KINDS,
    PII_SENTENCES,
    make_value,
)  # fmt: skip
from uam_platform.simulation.world.phrases import BUYING_THEMES, CONCERN_THEME, PHRASES

_PIECE = re.compile(r"(\{[a-z]+\}|\[[^\]]*\])")
_TONE_EDGE, _ANGRY = 0.22, -0.50
_TAIL_SHARE, _SECOND_SHARE, _CASUAL_SHARE, _DETAIL_SHARE = 0.7, 0.18, 0.12, 0.35
_SHORTEST_WORD = 5
_SECOND_THEMES = (
    "missing_feature",
    "training",
    "performance",
    "billing",
    "data_quality",
    "integrations",
    "praise",
    "pricing",
)


@dataclass(frozen=True)
class Said:
    """One planted statement; ``quote`` stands in the text letter by letter."""

    theme: str
    sentiment: float
    quote: str
    pii_kinds: tuple[str, ...] = ()
    is_escalation: bool = False
    is_renewal_concern: bool = False
    is_buying_signal: bool = False


@dataclass
class Text:
    """A text, the statements in it, and every planted value: kind, value, whether it is personal."""

    body: str = ""
    said: list[Said] = field(default_factory=list)
    planted: list[tuple[str, str, bool]] = field(default_factory=list)


class Slots(dict[str, str]):
    """The words of one text: a slot is filled when first asked for and keeps its word."""

    def __init__(self, dice: Dice, given: dict[str, str]) -> None:
        super().__init__(given)
        self._dice = dice

    def __missing__(self, name: str) -> str:
        word = self._number(name) or self._dice.pick(lexicon.SLOTS[name])
        self[name] = word
        return word

    def _number(self, name: str) -> str | None:
        dice = self._dice
        if name == "count":
            return str(dice.below(24) + 2)
        if name == "minutes":
            return f"{dice.below(40) + 2} {dice.pick(('minutes', 'min'))}"
        if name == "percent":
            return f"{dice.below(88) + 5} %"
        if name == "time":
            return f"{dice.below(11) + 7}:{dice.below(60):02d}"
        if name == "rows":
            return f"{dice.below(900) + 20},000"
        return None


class Writer:
    """Writes texts from one stream of chance; ``is_careful``: no slips, as in speech and in documents."""

    def __init__(self, dice: Dice, vector: Difficulty, is_careful: bool = False) -> None:
        self.dice, self._is_careful = dice, is_careful
        self._pii_share, self._typo_share = vector.pii_share, vector.typo_share
        self._compiled: dict[str, list[Any]] = {}

    def slots(self, **given: str | None) -> Slots:
        """Return the slots of a new text with some words given."""
        return Slots(self.dice, {name: word for name, word in given.items() if word is not None})

    def line(self, options: Sequence[str], slots: Slots) -> str:
        """Return one of the templates, filled."""
        return self._render(self._parts(self.dice.pick(options)), slots)

    def subject(self, theme: str, slots: Slots) -> str:
        """Return a subject line on a theme."""
        text = self.line(PHRASES[theme].subjects, slots)
        return text[:1].upper() + text[1:]

    def statement(self, theme: str, sentiment: float, slots: Slots, text: Text) -> str:
        """Say something on the theme; returns the quote and notes it, with what is planted in it, in ``text``."""
        phrases = PHRASES[theme]
        tone = phrases.bad if sentiment < -_TONE_EDGE else phrases.good if sentiment > _TONE_EDGE else phrases.plain
        quote = self.rough(self.line(tone, slots))
        if sentiment < _ANGRY and self.dice.roll() < _TAIL_SHARE:
            quote += " " + self.rough(self.line(lexicon.BAD_TAILS, slots))
        kinds: tuple[str, ...] = ()
        if self.dice.roll() < self._pii_share:
            kinds = (self.dice.pick(PII_KINDS),)
            quote += " " + self._plant(kinds[0], text)
        if self.dice.roll() < self._pii_share:
            quote += " " + self._plant(self.dice.pick(DECOY_KINDS), text)
        text.said.append(Said(
            theme, _rated(sentiment), quote, kinds,
            is_renewal_concern=theme == CONCERN_THEME and tone is phrases.bad,
            is_buying_signal=theme in BUYING_THEMES and tone is phrases.good,
        ))  # fmt: skip
        return quote

    def escalation(self, theme: str, sentiment: float, slots: Slots, text: Text) -> str:
        """Demand an escalation; noted like a statement."""
        quote = self.rough(self.line(lexicon.ESCALATIONS, slots))
        text.said.append(Said(theme, _rated(min(sentiment, -0.4)), quote, is_escalation=True))
        return quote

    def reply(self, options: Sequence[str], theme: str, sentiment: float, slots: Slots) -> Text:
        """Return a short answer of a customer that is one statement."""
        quote = self.rough(self.line(options, slots))
        if self.dice.roll() < _DETAIL_SHARE:
            quote += " " + self.rough(self.line(lexicon.CONTEXTS, slots))
        return Text(quote, [Said(theme, _rated(sentiment), quote)])

    def letter(
        self, theme: str, sentiment: float, slots: Slots, signed: str, is_new: bool, escalates: bool, remark: str = ""
    ) -> Text:
        """Return a message as people write them to a help desk; ``remark`` stands after the statement."""
        text, dice = Text(), self.dice
        parts = [self.statement(theme, sentiment, slots, text), remark]
        if is_new:
            slots["person"] = self.planted_name(text)
            parts.insert(0, self.line(lexicon.NEW_CONTACTS, slots))
        first = dice.below(len(lexicon.CONTEXTS))
        around = [lexicon.CONTEXTS[first - step] for step in range(dice.below(3))]
        parts += [self.rough(self.line((context,), slots)) for context in around]
        if dice.roll() < _SECOND_SHARE:
            second = dice.pick(_SECOND_THEMES)
            parts.append(self.statement(second, sentiment * 0.7 + 0.15 * dice.bell(), self.slots(), text))
        if escalates:
            parts.append(self.escalation(theme, sentiment, slots, text))
        parts.append(self.line(lexicon.ASKS, slots))
        greeting = dice.pick(lexicon.GREETINGS)
        gap = "\n\n" if dice.roll() < 0.5 else " "
        body = " ".join(part for part in parts if part)
        text.body = (greeting + gap if greeting else "") + body + self._farewell(signed, text)
        return text

    def rough(self, sentence: str) -> str:
        """Return the sentence with what happens when people type: slips, missing capitals and full stops."""
        dice = self.dice
        if self._is_careful:
            return sentence[:1].upper() + sentence[1:]
        if dice.roll() < self._typo_share:
            sentence = _slip(sentence, dice)
        return sentence[:1].lower() + sentence[1:].rstrip(".") if dice.roll() < _CASUAL_SHARE else sentence

    def planted_name(self, text: Text) -> str:
        """Return a made-up name and note it as personal."""
        name = f"{self.dice.pick(FIRST_NAMES)} {self.dice.pick(LAST_NAMES)}"
        text.planted.append(("name", name, True))
        return name

    def plant(self, kind: str, value: str, text: Text) -> str:
        """Return a sentence around a given value and note it."""
        text.planted.append((kind, value, kind in PII_SENTENCES))
        sentences = PII_SENTENCES.get(kind) or DECOY_SENTENCES[kind]
        return self.dice.pick(sentences).format(value)

    def _plant(self, kind: str, text: Text) -> str:
        return self.plant(kind, make_value(kind, self.dice), text)

    def _farewell(self, signed: str, text: Text) -> str:
        draw = self.dice.roll()
        if draw > 0.42:
            return ""
        name = signed if draw < 0.2 else signed.partition(" ")[0]
        text.planted.append(("name", name, True))
        return f"\n\n{self.dice.pick(('Best regards,', 'Thanks,', 'Regards', 'Best', 'Cheers,'))}\n{name}"

    def _parts(self, template: str) -> list[Any]:
        if template not in self._compiled:
            self._compiled[template] = _parsed(template)
        return self._compiled[template]

    def _render(self, parts: list[Any], slots: Slots) -> str:
        words = []
        for part in parts:
            if isinstance(part, str):
                words.append(part)
            elif isinstance(part, tuple):
                words.append(slots[part[0]])
            else:
                words.append(self._render(self.dice.pick(part), slots))
        return "".join(words)


def _rated(sentiment: float) -> float:
    return round(max(-1.0, min(1.0, sentiment)), 3)


def _parsed(template: str) -> list[Any]:
    """Return text as str, a slot as a tuple of its name, a choice as a list of such lists."""
    parts: list[Any] = []
    for piece in _PIECE.split(template):
        if piece.startswith("{"):
            parts.append((piece[1:-1],))
        elif piece.startswith("["):
            parts.append([_parsed(option) for option in piece[1:-1].split("|")])
        elif piece:
            parts.append(piece)
    return parts


def _slip(sentence: str, dice: Dice) -> str:
    words = sentence.split(" ")
    at = dice.below(len(words))
    word = words[at]
    if len(word) >= _SHORTEST_WORD and word.isalpha() and word.islower():
        place = dice.below(len(word) - 2)
        swapped = word[:place] + word[place + 1] + word[place] + word[place + 2 :]
        words[at] = swapped if dice.roll() < 0.6 else word[:place] + word[place + 1 :]
    return " ".join(words)
