"""Does the run hear what customers say: topics, tone and signals beside the truth, and is what is personal cut?

Here: the run's statements and utterances beside the planted ones, of the channels the run has read. Not here: what was planted (the
world). A text is the unit: it may have several topics.
"""

from collections.abc import Iterator
from typing import Final

import pandas as pd

from uam_platform.contracts.tables import STATEMENTS, UTTERANCES
from uam_platform.evaluation.results import Row, Section, rate_parts, ratio
from uam_platform.evaluation.run_folder import RunFolder
from uam_platform.evaluation.truth import Truth

_TITLE: Final = "Evidence: topics, tone, signals and redaction of what customers say"
_SIGNALS: Final = {
    "is_escalation": "escalations",
    "is_renewal_concern": "renewal concerns",
    "is_buying_signal": "buying signals",
}
_LEAST: Final = 30
_PASSAGE: Final = r"^(document:[^:]*):.*$"
_SAMPLE: Final = "fewer than 30 texts"


def section(run: RunFolder, truth: Truth) -> Section:
    """Evidence; empty where the run or the world knows no statements."""
    if not (truth.has("statements") and truth.has("pii")):
        return Section("evidence", _TITLE, (), "The world was written before statements were planted.")
    if not (run.lake.files(STATEMENTS) and run.lake.files(UTTERANCES)):
        return Section("evidence", _TITLE, (), "The run has no statements yet.")
    heard = run.query(f"SELECT utterance_id, text FROM {run.view(UTTERANCES)}")
    read = run.query(f"SELECT utterance_id, topic, sentiment, {', '.join(_SIGNALS)} FROM {run.view(STATEMENTS)}")
    planted = compared_with(truth.frame("statements"), heard)
    hidden = compared_with(truth.frame("pii"), heard)
    rows = (
        *topic_rows(planted, read),
        *channel_rows(planted, read),
        tone_row(planted, read),
        *signal_rows(planted, read),
        *redaction_rows(hidden),
    )
    note = f"{planted['text_id'].nunique():,} planted texts in the channels that the run has read"
    return Section("evidence", _TITLE, rows, note)


def compared_with(planted: pd.DataFrame, heard: pd.DataFrame) -> pd.DataFrame:
    """Planted rows whose text reached the run, with text_id (channel:reference) and the stored text."""
    named_texts = heard.assign(text_id=text_ids(heard["utterance_id"])).sort_values("utterance_id")
    stored = named_texts.groupby("text_id", as_index=False)["text"].agg("\n".join)
    named = planted.assign(text_id=planted["source"].astype(str) + ":" + planted["source_ref"].astype(str))
    return named.merge(stored, on="text_id")


def text_ids(utterance_ids: pd.Series) -> pd.Series:
    """Channel and reference of an utterance, without the vendor; passages of a document have that of the document."""
    found: pd.Series = utterance_ids.str.split(":", n=1).str[1]
    return found.str.replace(_PASSAGE, r"\1", regex=True)


def topic_rows(planted: pd.DataFrame, read: pd.DataFrame) -> Iterator[Row]:
    """Precision and recall of the topics: mean over topics (macro), then each."""
    true = planted[["text_id", "theme"]].drop_duplicates()
    said = read.assign(text_id=text_ids(read["utterance_id"]))
    said = said[said["text_id"].isin(true["text_id"]) & said["topic"].notna()][["text_id", "topic"]].drop_duplicates()
    both = true.merge(said, left_on=["text_id", "theme"], right_on=["text_id", "topic"])
    hits = both["theme"].value_counts()
    counts = pd.DataFrame(
        {"true": true["theme"].value_counts(), "said": said["topic"].value_counts(), "hits": hits}
    ).fillna(0)
    named = counts[counts["true"] > 0]
    precision = (named["hits"] / named["said"].where(named["said"] > 0)).fillna(0.0)
    yield Row("topic precision, macro", float(precision.mean()) if len(named) else None, note=f"{len(named)} topics")
    recall = named["hits"] / named["true"]
    yield Row("topic recall, macro", float(recall.mean()) if len(named) else None, note=f"{len(named)} topics")
    for topic, row in named.iterrows():
        parts = rate_parts(row["hits"], row["true"])
        note = f"precision {ratio(row['hits'], row['said']) or 0:.2f}; {int(row['true'])} texts"
        yield Row(f"recall of {str(topic).replace('_', ' ')}", ratio(row["hits"], row["true"]), note=note, parts=parts)


def channel_rows(planted: pd.DataFrame, read: pd.DataFrame) -> Iterator[Row]:
    """Recall of the topics by channel: what is spoken is harder to read than what is written."""
    true = planted[["source", "text_id", "theme"]].drop_duplicates()
    said = read.assign(text_id=text_ids(read["utterance_id"]))[["text_id", "topic"]].drop_duplicates()
    both = true.merge(said, left_on=["text_id", "theme"], right_on=["text_id", "topic"])
    for channel, own in true.groupby("source", sort=True):
        hits = int((both["source"] == channel).sum())
        note = f"{own['text_id'].nunique():,} texts"
        parts = rate_parts(hits, len(own))
        yield Row(f"topic recall in {str(channel).replace('_', ' ')}s", ratio(hits, len(own)), note=note, parts=parts)


def tone_row(planted: pd.DataFrame, read: pd.DataFrame) -> Row:
    """Rank correlation of the mean tone of a text with the planted one."""
    said = read.assign(text_id=text_ids(read["utterance_id"])).groupby("text_id")["sentiment"].mean()
    both = pd.concat([planted.groupby("text_id")["sentiment"].mean(), said], axis=1, join="inner")
    if len(both) < _LEAST:
        return Row("tone, rank correlation", None, unit="ratio", note=_SAMPLE)
    value = float(both.iloc[:, 0].rank().corr(both.iloc[:, 1].rank()))
    return Row("tone, rank correlation", value, unit="ratio", note=f"Spearman over {len(both):,} texts")


def signal_rows(planted: pd.DataFrame, read: pd.DataFrame) -> Iterator[Row]:
    """Precision and recall of escalations, renewal concerns and buying signals."""
    said = read.assign(text_id=text_ids(read["utterance_id"]))
    said = said[said["text_id"].isin(planted["text_id"])]
    for flag, name in _SIGNALS.items():
        true, found = set(planted[planted[flag]]["text_id"]), set(said[said[flag]]["text_id"])
        both = len(true & found)
        note = f"{len(true)} planted, {len(found)} found"
        yield Row(f"{name}, precision", ratio(both, len(found)), note=note, parts=rate_parts(both, len(found)))
        yield Row(f"{name}, recall", ratio(both, len(true)), note=note, parts=rate_parts(both, len(true)))


def redaction_rows(hidden: pd.DataFrame) -> Iterator[Row]:
    """What personal data was cut, how much is left, and what was cut although it is none."""
    is_left = pd.Series(
        [value in text for value, text in zip(hidden["value"], hidden["text"], strict=True)],
        index=hidden.index,
        dtype=bool,
    )
    personal, other = hidden["is_pii"].astype(bool), ~hidden["is_pii"].astype(bool)
    yield Row(
        "personal data left",
        float((personal & is_left).sum()),
        unit="count",
        target="0",
        note=_by_kind(hidden[personal & is_left]),
    )
    cut, all_personal = int((personal & ~is_left).sum()), int(personal.sum())
    yield Row("redaction recall", ratio(cut, all_personal), target="≥ 0.99", parts=rate_parts(cut, all_personal))
    wrong, all_other = int((other & ~is_left).sum()), int(other.sum())
    note = _by_kind(hidden[other & ~is_left])
    yield Row("cut without need", ratio(wrong, all_other), note=note, parts=rate_parts(wrong, all_other))


def _by_kind(rows: pd.DataFrame) -> str:
    return ", ".join(f"{kind} {count}" for kind, count in rows["kind"].value_counts().sort_index().items())
