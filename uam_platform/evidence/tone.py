"""How negative or positive a text sounds: a lexicon with negation and intensity.

Here: the arithmetic. Not here: the words (`rulebook/topics.yaml`). A library was weighed and left: the lexicons at hand were made for
social media, are not kept any more, and know neither the words of software support nor a way for a company to add its own.
"""

import re
from typing import Final

from uam_platform.policy.topics import SentimentRules

_TOKEN: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|[.!?,;]")
_NEGATED: Final = -0.7  # "not good" is less bad than "bad"
_SHOUTED: Final = 1.15


class Tone:
    """Judges texts by the rulebook's words."""

    def __init__(self, rules: SentimentRules) -> None:
        self._rules = rules
        self._plain = {word: points for word, points in rules.words.items() if " " not in word and "*" not in word}
        self._shaped = [(_shape(word), points) for word, points in rules.words.items() if " " in word]
        self._stems = sorted(
            ((w[:-1], points) for w, points in rules.words.items() if w.endswith("*") and " " not in w),
            key=lambda pair: -len(pair[0]),
        )
        self._negations = {word.replace("'", "’") for word in rules.negations} | set(rules.negations)

    def of(self, text: str) -> float:
        """Tone from -1 to 1; 0 where no word of the lexicon stands."""
        points = self.points(text)
        return round(points / (abs(points) + self._rules.scale), 4)

    def points(self, text: str) -> float:
        """Sum over the words, each with what stands before it."""
        lowered = text.lower()
        total = 0.0
        for shape, points in self._shaped:
            lowered, times = shape.subn(" ", lowered)
            total += points * times
        words = _TOKEN.findall(lowered)
        total += sum(self._weighted(words, number) for number in range(len(words)))
        return total * (_SHOUTED if "!" in text and abs(total) > 1 else 1.0)

    def _weighted(self, words: list[str], number: int) -> float:
        points = self._value(words[number])
        if not points:
            return 0.0
        for word in reversed(words[max(0, number - self._rules.reach) : number]):
            if word in ".!?;":
                break
            points *= self._rules.intensifiers.get(word, 1.0)
            points *= _NEGATED if word in self._negations else 1.0
        return points

    def _value(self, word: str) -> float:
        if word in self._plain:
            return self._plain[word]
        return next((points for stem, points in self._stems if word.startswith(stem)), 0.0)


def _shape(words: str) -> re.Pattern[str]:
    parts = [re.escape(word[:-1]) + r"\w*" if word.endswith("*") else re.escape(word) for word in words.split()]
    return re.compile(r"\b" + r"\s+".join(parts) + r"\b")
