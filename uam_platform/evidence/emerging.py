"""Emerging themes: words that statements without a topic use more than before.

Here: the words, grouped by which statements use them together. Not here: the topics of the rulebook (`topics`); a theme that stays is
to be written there. The factorisation starts from a fixed decomposition, so that equal statements give equal themes.
"""

from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import pandas as pd

from uam_platform.contracts.tables import EMERGING_THEMES
from uam_platform.evidence.themes import mondays
from uam_platform.evidence.topics import Reader
from uam_platform.policy.topics import TopicPolicy

_MOST: Final = 5
_LEAST_STATEMENTS: Final = 12
_WORDS_SHOWN: Final = 5
_LEAST_LIFT: Final = 1.5
_WORD: Final = r"(?u)\b(?!\w*\d)[^\W_]{3,}\b"


def emerging_themes(found: pd.DataFrame, policy: TopicPolicy) -> pd.DataFrame:
    """EMERGING_THEMES as of the last Monday; none where too little was said.

    Args:
        found: STATEMENTS contract.
        policy: window and least number of accounts.
    """
    set_phrases = Reader(policy).boilerplate
    placed = found[found["account_id"].notna() & found["topic"].isna()]
    placed = placed[[not set_phrases.search(str(quote).lower()) for quote in placed["quote"]]]
    weeks = mondays(found[found["account_id"].notna()])
    rows = _at(placed.sort_values("statement_id"), weeks[-1], policy) if weeks else []
    return pd.DataFrame(rows, columns=list(EMERGING_THEMES.column_names))


def _at(placed: pd.DataFrame, as_of: date, policy: TopicPolicy) -> list[dict[str, Any]]:
    start = as_of - timedelta(days=policy.window_days)
    recent, earlier = placed[placed["known_date"] >= start], placed[placed["known_date"] < start]
    if len(recent) < _LEAST_STATEMENTS:
        return []
    weights, parts, words, uses = _factors(recent["quote"].tolist())
    before = _share_of_words(earlier["quote"].tolist(), words)
    lift = ((uses.sum(axis=0) + 1) / (len(recent) + 2)) / ((before + 1) / (len(earlier) + 2))
    rows: list[dict[str, Any]] = []
    for part in np.argsort(-weights.sum(axis=0), kind="stable"):
        top = [
            number
            for number in np.argsort(-(parts[part] * lift), kind="stable")[:_WORDS_SHOWN]
            if parts[part][number] > 0
        ]
        own = recent.iloc[np.flatnonzero(uses[:, top[:2]].any(axis=1)) if top else []]
        if own["account_id"].nunique() >= policy.least_accounts and lift[top[0]] >= _LEAST_LIFT:
            rows.append(_row(own, [words[n] for n in top], float(lift[top[0]]), as_of, len(rows) + 1))
    return rows


def _row(own: pd.DataFrame, terms: list[str], lift: float, as_of: date, number: int) -> dict[str, Any]:
    example = own.iloc[0]
    return {
        "as_of": as_of,
        "theme_no": number,
        "terms": " ".join(terms),
        "mention_count": len(own),
        "mentioning_account_count": own["account_id"].nunique(),
        "lift_ratio": lift,
        "sentiment_mean": float(own["sentiment"].mean()),
        "statement_id": example["statement_id"],
        "quote": example["quote"],
    }


def _factors(texts: list[str]) -> tuple[np.ndarray, np.ndarray, list[str], np.ndarray]:
    """Weight of each part in each text, of each word in each part, the words, and which text uses which."""
    from sklearn.decomposition import NMF
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectors = TfidfVectorizer(token_pattern=_WORD, stop_words="english", min_df=2, max_features=2000)
    try:
        matrix = vectors.fit_transform(texts)
    except ValueError:  # no word is left
        return np.zeros((len(texts), 0)), np.zeros((0, 0)), [], np.zeros((len(texts), 0), dtype=bool)
    count = max(1, min(_MOST, *matrix.shape))
    model = NMF(n_components=count, init="nndsvda", random_state=0, max_iter=400, tol=1e-3)
    weights = model.fit_transform(matrix)
    return weights, model.components_, list(vectors.get_feature_names_out()), matrix.toarray() > 0


def _share_of_words(texts: list[str], words: list[str]) -> np.ndarray:
    """How many of the texts use each word."""
    from sklearn.feature_extraction.text import CountVectorizer

    if not texts or not words:
        return np.zeros(len(words))
    counts = CountVectorizer(token_pattern=_WORD, vocabulary=words, binary=True).fit_transform(texts)
    return np.asarray(counts.sum(axis=0)).ravel()
