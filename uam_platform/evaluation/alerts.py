"""Do alerts find true harm, early, and leave harmless look-alikes alone?

Here: the section, precision and recall beside as many random alerts. Not here: what an alert and a match are
(`alert_matching`), time (`alert_lead`), groups (`alert_breakdown`), budgets (`alert_sweep`), harmless episodes (`look_alikes`).
Precision is also given under two wider readings, labelled so.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from uam_platform.contracts.tables import CANDIDATES
from uam_platform.evaluation.alert_breakdown import breakdown_rows
from uam_platform.evaluation.alert_lead import lead_curves, lead_rows
from uam_platform.evaluation.alert_matching import Alert, is_risk, match, openings
from uam_platform.evaluation.alert_sweep import sweep
from uam_platform.evaluation.alert_watch import Watch, watch_of
from uam_platform.evaluation.look_alikes import benign_rows
from uam_platform.evaluation.results import RANDOM, Row, Section, ratio
from uam_platform.evaluation.run_folder import RunFolder
from uam_platform.evaluation.shares import share_row
from uam_platform.evaluation.truth import Truth

RANDOM_DRAWS: Final = 100
_DRAWN_CURVES: Final = 20
_TITLE: Final = "Alerts: severe harm found, early, and look-alikes left alone"


def section(run: RunFolder, truth: Truth, seed: int) -> Section:
    """Alerts of all snapshots."""
    watch = watch_of(run, truth)
    if not watch.eligible:
        return Section("alerts", _TITLE, (), "The run has no snapshots.")
    columns = ("as_of", "fingerprint", "detector", "audience", "account_id", "decision")
    opened = openings(run.frame(CANDIDATES, columns))
    alerts = [alert for alert in opened if is_risk(alert)]
    draws = _random_draws(alerts, watch, seed)
    churn, episodes = truth.frame("churn"), truth.frame("episodes")
    swept, budget_curves = sweep(run, truth, watch, alerts, seed)
    rows = (
        *_found(alerts, watch, draws, seed),
        *breakdown_rows(alerts, watch, seed),
        *swept,
        *lead_rows(alerts, watch, churn, seed),
        *benign_rows(alerts, episodes, watch.eligible, seed),
    )
    curves = (*budget_curves, *lead_curves(alerts, watch, churn, draws[:_DRAWN_CURVES]))
    return Section("alerts", _TITLE, rows, _note(alerts, len(opened) - len(alerts), watch), curves)


def _note(alerts: Sequence[Alert], others: int, watch: Watch) -> str:
    counted = ", ".join(f"{name} {n}" for name, n in sorted(Counter(a.detector for a in alerts).items())) or "none"
    aside = f"; {others:,} alerts that foretell growth are not judged here" if others else ""
    return (
        f"{len(alerts):,} alerts ({counted}) in {len(watch.eligible)} snapshots; true: first opening within 84 days of the onset of "
        f"an episode of severity 0.5 or more with a compatible cause, one to one{aside}"
    )


def _found(alerts: Sequence[Alert], watch: Watch, draws: Sequence[Sequence[Alert]], seed: int) -> Iterator[Row]:
    matched = match(alerts, watch.episodes)
    true, countable = set(matched.values()), watch.countable()
    random = _random(draws, watch)
    accounts = [a.account_id for a in alerts]
    yield share_row(
        "precision", accounts, [a in true for a in alerts], seed, what="alerts", target="≥ 0.60",
        yardsticks={RANDOM: random["precision"]},
    )  # fmt: skip
    yield share_row(
        "recall", [e.account_id for e in countable], [e.episode_id in matched for e in countable], seed, target="≥ 0.50",
        what="episodes; an alert on an older episode counts for precision alone", yardsticks={RANDOM: random["recall"]},
    )  # fmt: skip
    yield share_row(
        "precision if any active harm counts", accounts, [watch.is_harmed(a) for a in alerts], seed,
        what="alerts; wider reading", yardsticks={RANDOM: random["harmed"]},
    )  # fmt: skip
    yield share_row(
        "precision if churn within 56 days counts", accounts, [watch.is_leaving(a) for a in alerts], seed,
        what="alerts; wider reading", yardsticks={RANDOM: random["leaving"]},
    )  # fmt: skip


def _random_draws(alerts: Sequence[Alert], watch: Watch, seed: int) -> list[list[Alert]]:
    """The same alerts, each on a random eligible account of its snapshot, drawn many times."""
    judged = [alert for alert in alerts if alert.as_of in watch.eligible]
    rng = np.random.default_rng(seed)
    return [[_moved(a, watch.eligible[a.as_of], rng) for a in judged] for _ in range(RANDOM_DRAWS if judged else 0)]


def _moved(alert: Alert, accounts: Sequence[str], rng: np.random.Generator) -> Alert:
    return replace(alert, account_id=accounts[int(rng.integers(len(accounts)))])


def _random(draws: Sequence[Sequence[Alert]], watch: Watch) -> dict[str, float | None]:
    """Means over the random draws."""
    if not draws:
        return dict.fromkeys(("precision", "recall", "harmed", "leaving"))
    countable = {e.episode_id for e in watch.countable()}
    totals = np.zeros(4)
    for drawn in draws:
        matched = match(drawn, watch.episodes)
        harmed, leaving = sum(watch.is_harmed(a) for a in drawn), sum(watch.is_leaving(a) for a in drawn)
        totals += (len(matched), len(countable & matched.keys()), harmed, leaving)
    precision, recall, harm, leave = totals / len(draws)
    volume = len(draws[0])
    return {
        "precision": ratio(precision, volume), "recall": ratio(recall, len(countable)),
        "harmed": ratio(harm, volume), "leaving": ratio(leave, volume),
    }  # fmt: skip
