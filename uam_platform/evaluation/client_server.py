"""Are lost client events found: front ends that drifted, people whose trackers are blocked, and how much is missing?

Here: findings and under-counts of a run against the world's drifts and lost events. Not here: deliveries that arrived (`deduplication`).

The world's servers do not pass the browser on and its truth names none, so blocked browsers cannot be scored by name; people can.
"""

from typing import Final

import pandas as pd

from uam_platform.contracts.tables import EVENTS, QUALITY_FINDINGS, UNKNOWN_EVENTS
from uam_platform.evaluation.resampling import upper_bound
from uam_platform.evaluation.results import Row, Section, rate_parts, ratio
from uam_platform.evaluation.run_folder import RunFolder
from uam_platform.evaluation.truth import Truth
from uam_platform.policy.quality import QualityPolicy
from uam_platform.policy.rulebook import load_rulebook
from uam_platform.quality.twins import READ, told_runs

LEAST_RUNS: Final = 5
"""Runs of a person that servers told of, below which nobody could say that no client tells."""
_SETTLES: Final = pd.Timedelta(days=21)
_TITLE: Final = "Client beside server: drifted front ends and blocked trackers"
_NAMED: Final = "a version is found if its event and its version are named"


def section(run: RunFolder, truth: Truth) -> Section:
    """Drifts and blocked people found, under-counts measured, findings a day; needs the tables of `planted.plant`."""
    if not truth.has("drift"):
        return Section("client_server", _TITLE, (), note="this world's version loses no client events")
    policy = load_rulebook().quality
    runs = _runs(run, policy)
    rows = (*_drifts(run, truth), *_people(run, truth, runs), *_undercounts(run, truth, runs, policy), *_calm(run))
    return Section("client_server", _TITLE, rows)


def _runs(run: RunFolder, policy: QualityPolicy) -> pd.DataFrame:
    events = run.lake.read(run.connection, EVENTS)
    found = told_runs(run.connection, events.select(READ), run.lake.read(run.connection, UNKNOWN_EVENTS), policy)
    return found[found["server_count"] > 0]


def _drifts(run: RunFolder, truth: Truth) -> tuple[Row, ...]:
    found = run.frame(QUALITY_FINDINGS, where="finding_kind = 'front_end_drift'")
    planted = truth.frame("drift")
    end = pd.Timestamp(truth.world()["end"]).tz_localize(None)
    planted = planted[planted["valid_from"] + _SETTLES < end]
    named = {
        (event, part): pd.Timestamp(seen)
        for subject, part, seen in found[["finding_subject", "finding_part", "first_seen_date"]].itertuples(index=False)
        for event in subject.split()
    }
    keys = list(zip(planted["event"], planted["library_version"], strict=True))
    delays = pd.Series(
        [(named[k] - since).days for k, since in zip(keys, planted["valid_from"], strict=True) if k in named]
    )
    right = found["finding_part"].isin([version for _, version in keys])
    return (
        _rate("front-end drifts found", len(delays), len(planted), f"planted releases; {_NAMED}"),
        _rate("front-end drift findings that are right", int(right.sum()), len(found), "findings"),
        Row(
            "days from a release to its finding, median",
            float(delays.median()) if len(delays) else None,
            unit="days",
            note=f"of {len(delays)} found, longest {int(delays.max())}" if len(delays) else "none found",
        ),
    )


def _people(run: RunFolder, truth: Truth, runs: pd.DataFrame) -> tuple[Row, ...]:
    """People whose client tells nothing, as runs show them, against people all of whose sign-ins were lost to a blocker."""
    names = """
        SELECT actor_key, mode(true_person_id) AS person FROM stored JOIN planted USING (event_hi, event_lo) GROUP BY 1
    """
    blocked = run.query(f"""
        WITH came AS (SELECT DISTINCT true_person_id FROM read_parquet('{truth.path("deliveries")}')
            WHERE true_event_name = 'user_signed_in')
        SELECT DISTINCT true_person_id AS person FROM read_parquet('{truth.path("lost_events")}')
        WHERE true_event_name = 'user_signed_in' AND reason LIKE 'blocked%'
            AND true_person_id NOT IN (SELECT true_person_id FROM came)
    """)["person"]
    people = runs.merge(run.query(names), on="actor_key").groupby("person")[["server_count", "matched_count"]].sum()
    people = people[people["server_count"] >= LEAST_RUNS]
    is_blocked, is_silent = people.index.isin(blocked), people["matched_count"] == 0
    both = int((is_blocked & is_silent).sum())
    what = f"people with at least {LEAST_RUNS} runs that servers told of"
    return (
        _rate(
            "blocked people found", both, int(is_blocked.sum()), f"{what}, all of whose sign-ins a blocker swallowed"
        ),
        _rate("people told as blocked who are", both, int(is_silent.sum()), f"{what} and no client"),
    )


def _undercounts(run: RunFolder, truth: Truth, runs: pd.DataFrame, policy: QualityPolicy) -> list[Row]:
    """Measured against true missing share by twin; what came under another name counts as missing on both sides."""
    events = run.view(EVENTS, ("event_name", "side", "workflow_id"))
    unknown = run.view(UNKNOWN_EVENTS)
    rows = []
    for name, twin in sorted(policy.twins.items()):
        own = runs[runs["twin"] == name]
        starts = ", ".join(f"'{event}'" for event in twin.client)
        lost, renamed, came = run.query(f"""
            SELECT (SELECT count(*) FROM read_parquet('{truth.path("lost_events")}') WHERE true_event_name IN ({starts})),
                (SELECT count(*) FROM {unknown} WHERE event_name_source IN (SELECT renamed_to
                    FROM read_parquet('{truth.path("drift")}') WHERE event IN ({starts}))),
                (SELECT count(*) FROM {events} WHERE event_name IN ({starts}) AND side = 'client')
        """).iloc[0]
        whole, missing = int(own["server_count"].sum()), int((own["server_count"] - own["matched_count"]).sum())
        true = ratio(int(lost) + int(renamed), int(lost) + int(renamed) + int(came))
        rows.append(
            Row(
                f"runs that no client told of: {name}",
                ratio(missing, whole),
                yardsticks={"lost in truth": true},
                note=f"{missing:,} of {whole:,} runs; in truth {int(lost) + int(renamed):,} starts were lost or renamed",
            )
        )
    return rows


def _calm(run: RunFolder) -> list[Row]:
    """Findings that opened, by kind; how many a day people would have been told."""
    found = run.frame(QUALITY_FINDINGS)
    events = run.view(EVENTS, ("event_date",))
    days = int(run.query(f"SELECT count(DISTINCT event_date) AS n FROM {events}")["n"].iloc[0])
    kinds = ", ".join(f"{kind} {n}" for kind, n in found["finding_kind"].value_counts().sort_index().items())
    return [Row("findings opened a day", ratio(len(found), days), unit="ratio", note=f"{days} days: {kinds or 'none'}")]


def _rate(metric: str, hits: int, trials: int, note: str) -> Row:
    missed = upper_bound(trials - hits, trials) if trials else None
    return Row(
        metric,
        ratio(hits, trials),
        low=None if missed is None else 1 - missed,
        note=f"{hits:,} of {trials:,}: {note}",
        parts=rate_parts(hits, trials),
    )
