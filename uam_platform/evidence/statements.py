"""Statements: what each utterance of a customer says, sentence by sentence, with the quote that carries it.

Here: utterances into STATEMENTS and their sums by account. Not here: matching (`topics`), tone (`tone`), how many speak of a topic
(`themes`). One frame of utterances serves every channel; what staff say is left out, since it tells their work and not the account.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from uam_platform.contracts.tables import ACCOUNT_THEMES, STATEMENTS
from uam_platform.evidence.sentences import quotable, sentences, telling
from uam_platform.evidence.tone import Tone
from uam_platform.evidence.topics import NO_SIGNALS, Reader, Signals
from uam_platform.policy.topics import TopicPolicy

_MOST_TOPICS = 3
_LEAST_SHARE = 0.6  # a second topic of an utterance needs this share of the points of the first
_FLAGS = ("is_escalation", "is_renewal_concern", "is_buying_signal")


@dataclass(frozen=True)
class _Said:
    topic: str | None
    points: float
    quote: str
    signals: Signals


def statements(utterances: pd.DataFrame, ticket_events: pd.DataFrame, policy: TopicPolicy) -> pd.DataFrame:
    """STATEMENTS of all utterances of customers.

    Args:
        utterances: UTTERANCES contract; texts are redacted.
        ticket_events: tells which comments came with a reopening.
        policy: topics, signals, tone.
    """
    reader, tone = Reader(policy), Tone(policy.sentiment)
    reopened = _reopened(ticket_events)
    rows, about = [], dict[str, str | None]()
    by_customers = utterances[utterances["author_kind"] != "agent"].sort_values(["said_at", "utterance_id"])
    for utterance in by_customers.to_dict("records"):
        is_reopen = (utterance["ticket_id"], utterance["load_id"], utterance["row_no"]) in reopened
        said = _said(str(utterance["text"]), reader)
        if utterance["channel"] == "ticket_comment":
            said = _in_context(said, about.get(str(utterance["ticket_id"])), policy.own_points)
        elif utterance["channel"] == "ticket" and said:
            about[str(utterance["ticket_id"])] = said[0].topic
        rows += [_row(utterance, each, is_reopen, tone) for each in said]
    found = pd.DataFrame(rows, columns=list(STATEMENTS.column_names))
    return found.sort_values("statement_id", ignore_index=True)


def _reopened(ticket_events: pd.DataFrame) -> set[tuple[Any, Any, Any]]:
    rows = ticket_events[ticket_events["change"] == "reopened"]
    return set(zip(rows["ticket_id"], rows["load_id"], rows["row_no"], strict=True))


def _in_context(said: list[_Said], topic: str | None, own_points: float) -> list[_Said]:
    """A comment that hardly names a topic of its own speaks of what its ticket is about."""
    if topic is None or not said or said[0].points >= own_points:
        return said
    return [replace(said[0], topic=topic)]


def _said(text: str, reader: Reader) -> list[_Said]:
    """What an utterance says: its strongest sentence per topic, strongest topics first; signals go with the first."""
    pieces = telling(sentences(text), reader.boilerplate)
    judged = [_Said(*reader.topic(piece), piece, reader.signals(piece)) for piece in pieces]
    if not judged:
        return []
    together = NO_SIGNALS
    for each in judged:
        together |= each.signals
    best = list(_best(judged))
    if not best:
        carrying = next((each for each in judged if each.signals.any), max(judged, key=lambda s: len(s.quote)))
        return [_Said(None, 0.0, carrying.quote, together)]
    strong = [each for each in best if each.points >= _LEAST_SHARE * best[0].points][:_MOST_TOPICS]
    first = strong[0]
    quote = first.quote
    if together != first.signals:  # the sentence that carries the signal is quoted too
        carrying = next(each for each in judged if set(each.signals.reasons) - set(first.signals.reasons))
        quote = f"{quote} … {carrying.quote}"
    return [_Said(first.topic, first.points, quote, together), *strong[1:]]


def _best(judged: list[_Said]) -> Iterator[_Said]:
    seen: set[str] = set()
    for each in sorted((s for s in judged if s.topic), key=lambda s: -s.points):
        if each.topic not in seen:
            seen.add(str(each.topic))
            yield each


def _row(utterance: Mapping[Any, Any], said: _Said, is_reopen: bool, tone: Tone) -> dict[str, Any]:
    kept = {name: utterance[name] for name in STATEMENTS.column_names if name in utterance}
    identity = hashlib.md5(f"{utterance['utterance_id']}|{said.topic}".encode(), usedforsecurity=False)
    return {
        **kept,
        "statement_id": identity.hexdigest(),
        "topic": said.topic,
        "sentiment": tone.of(said.quote),
        "is_escalation": said.signals.is_escalation,
        "is_reopen": is_reopen,
        "is_renewal_concern": said.signals.is_renewal_concern,
        "is_buying_signal": said.signals.is_buying_signal,
        "signal_reason": " ".join(said.signals.reasons) or None,
        "quote": quotable(said.quote),
    }


def account_themes(found: pd.DataFrame) -> pd.DataFrame:
    """ACCOUNT_THEMES: statements with account and topic, summed by known day."""
    placed = found[found["account_id"].notna() & found["topic"].notna()]
    sums = placed.groupby(["account_id", "topic", "known_date"], as_index=False).agg(
        mention_count=("statement_id", "size"),
        call_mention_count=("channel", lambda channels: int((channels == "call").sum())),
        sentiment_sum=("sentiment", "sum"),
        escalation_count=("is_escalation", "sum"),
        reopen_count=("is_reopen", "sum"),
        renewal_concern_count=("is_renewal_concern", "sum"),
        buying_signal_count=("is_buying_signal", "sum"),
    )
    return sums[list(ACCOUNT_THEMES.column_names)]


def channel_counts(found: pd.DataFrame) -> dict[str, int]:
    """Statements by channel."""
    return dict(Counter(found["channel"]))
