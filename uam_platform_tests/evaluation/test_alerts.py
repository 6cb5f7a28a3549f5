"""What counts as one alert, which alert found which episode, and what harmless episodes raise."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uam_platform.contracts.tables import ACCOUNT_FEATURES, CANDIDATES
from uam_platform.evaluation.alert_lead import delays
from uam_platform.evaluation.alert_matching import Alert, Episode, is_risk, match, openings, severe_episodes
from uam_platform.evaluation.alert_sweep import point, threshold_alerts
from uam_platform.evaluation.alert_watch import Watch
from uam_platform.evaluation.alerts import section
from uam_platform.evaluation.run_folder import RunFolder
from uam_platform.evaluation.targets import verdict
from uam_platform.evaluation.truth import Truth
from uam_platform_tests.evaluation.small_run import at, publish, write_truth

DAY0 = pd.Timestamp("2025-03-03")


def alert(day: int, account: str = "a", detector: str = "any") -> Alert:
    return Alert(detector, account, DAY0 + pd.Timedelta(days=day))


def episode(day: int, name: str = "e1", account: str = "a", family: str = "product") -> Episode:
    return Episode(name, account, family, DAY0 + pd.Timedelta(days=day))


def seen(*days: int, decision: str = "alert", fingerprint: str = "f") -> pd.DataFrame:
    at_days = [DAY0 + pd.Timedelta(days=d) for d in days]
    return pd.DataFrame(
        {"fingerprint": fingerprint, "detector": "d", "account_id": "a", "as_of": at_days, "decision": decision}
    )


def test_rows_of_one_fingerprint_at_most_56_days_apart_are_one_alert():
    assert [a.as_of for a in openings(seen(0, 7, 63, 120))] == [alert(0).as_of, alert(120).as_of]


def test_only_what_was_sent_is_an_alert():
    rows = pd.concat([seen(0, decision="suppressed"), seen(7, decision="over_budget"), seen(14)])
    assert openings(rows) == [Alert("d", "a", DAY0 + pd.Timedelta(days=14))]


@pytest.mark.parametrize(
    ("day", "is_found"),
    [(-1, False), (0, True), (84, True), (85, False)],
    ids=["before", "onset", "last day", "too late"],
)
def test_an_alert_is_true_from_onset_to_84_days_after(day, is_found):
    assert bool(match([alert(day)], [episode(0)])) is is_found


def test_a_detector_is_not_credited_with_a_cause_it_cannot_see():
    detector = "core_decline_after_escalation"
    assert not match([alert(5, detector=detector)], [episode(0, family="people")])
    assert match([alert(5, detector=detector)], [episode(0, family="support")])


def test_a_second_alert_on_one_episode_is_false_and_takes_another_episode_if_there_is_one():
    alerts = [alert(5), alert(70)]
    assert match(alerts, [episode(0)]) == {"e1": alerts[0]}
    assert match(alerts, [episode(0), episode(10, "e2")]) == {"e1": alerts[0], "e2": alerts[1]}


@settings(derandomize=True, max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 300), max_size=12), st.lists(st.integers(0, 300), max_size=8))
def test_matching_is_one_to_one_and_as_large_as_it_can_be(alert_days, onsets):
    import networkx

    alerts = [alert(d) for d in sorted(set(alert_days))]
    episodes = [episode(d, f"e{n}") for n, d in enumerate(sorted(onsets))]
    found = match(alerts, episodes)
    assert len(set(found.values())) == len(found)
    graph = networkx.Graph()
    graph.add_nodes_from(range(len(alerts)), bipartite=0)
    graph.add_edges_from((i, e.episode_id) for i, a in enumerate(alerts) for e in episodes if match([a], [e]))
    best = networkx.bipartite.maximum_matching(graph, top_nodes=range(len(alerts)))
    assert len(found) == len(best) // 2


def test_mild_harmless_and_hopeless_episodes_are_not_to_be_found():
    rows = pd.DataFrame(
        {
            "episode_id": ["mild", "harmless", "hopeless", "severe"],
            "account_id": ["a", "a", "b", "a"],
            "family": "product",
            "is_harmful": [True, False, True, True],
            "severity": [0.4, 0.9, 0.9, 0.5],
            "onset_at": DAY0,
        }
    )
    churn = pd.DataFrame({"account_id": ["b"], "ended_at": [DAY0 + pd.Timedelta(days=27)]})
    assert [e.episode_id for e in severe_episodes(rows, churn)] == ["severe"]


@pytest.fixture
def company(tmp_path):
    """100 accounts over 20 Mondays; `a00` is harmed and alerted, `a01` harmed and missed, `a02` harmless and alerted."""
    world, run = tmp_path / "world", tmp_path / "run"
    mondays = [(DAY0 + pd.Timedelta(weeks=w)).date() for w in range(20)]
    names = [f"a{n:02d}" for n in range(100)]
    base = {"end_at": at("2025-05-30"), "severity": 0.9, "family": "product", "is_harmful": True, "is_announced": False}
    write_truth(
        world,
        {
            "episodes": [
                base | {"episode_id": "e1", "account_id": "a00", "onset_at": at("2025-03-20")},
                base | {"episode_id": "e2", "account_id": "a01", "onset_at": at("2025-03-20")},
                base
                | {
                    "episode_id": "b1",
                    "account_id": "a02",
                    "onset_at": at("2025-03-20"),
                    "is_harmful": False,
                    "severity": 0.0,
                },
            ],
            "churn": [{"account_id": "a00", "ended_at": at("2025-06-10"), "is_causal": True, "is_censored": False}],
        },
    )
    publish(run, ACCOUNT_FEATURES, [{"account_id": n, "as_of": m, "is_eligible": True} for m in mondays for n in names])
    sent = [
        {"fingerprint": n, "account_id": n, "as_of": m, "detector": "any", "decision": "alert", "evidence_json": "{}"}
        for n in ("a00", "a02")
        for m in (date(2025, 3, 31), date(2025, 4, 7))
    ]
    publish(run, CANDIDATES, sent)
    return world, run


def test_the_section_counts_hits_misses_delay_and_raised_look_alikes(company):
    world, run = company
    found = section(RunFolder(run), Truth(world), seed=0)
    assert found.row("precision").value == 0.5
    assert found.row("recall").value == 0.5
    assert found.row("precision").yardsticks["random alerts"] < 0.1
    assert found.row("median delay from onset").value == 84  # half of the episodes were missed
    assert verdict(found.row("median delay from onset")) == "not met"
    assert found.row("causal churners alerted 30 days before").value == 1
    assert found.row("unannounced look-alikes raised").value == 1
    assert found.row("unannounced look-alikes raised").yardsticks["quiet accounts"] == 0
    assert found.row("announced look-alikes raised").value is None
    assert np.isfinite(found.row("precision").low)


def test_recall_is_told_by_cause_family_and_precision_by_detector(company):
    world, run = company
    found = section(RunFolder(run), Truth(world), seed=0)
    assert found.row("recall, cause family product").value == 0.5
    assert found.row("precision, detector any").parts == {"hits": 1.0, "trials": 2.0}
    assert found.row("unannounced look-alikes raised, minus quiet").value == 1


def test_the_curve_of_delays_ends_at_recall_and_the_curve_of_leads_starts_at_all_who_were_alerted(company):
    world, run = company
    curves = {c.key: c for c in section(RunFolder(run), Truth(world), seed=0).curves}
    assert curves["delay"].y[0] == 0  # the alert came eleven days after the onset
    assert curves["delay"].y[2] == curves["delay"].y[-1] == 0.5
    assert curves["lead"].y[0] == 1
    assert curves["lead"].y[11] == 0  # 71 days before the end, not 77


def test_what_is_told_to_sales_is_not_judged_as_a_warning():
    assert is_risk(alert(0))
    assert not is_risk(Alert("seats_full", "a", DAY0, "sales"))


def test_a_delay_is_counted_from_the_onset_and_a_miss_is_never():
    mondays = {DAY0 + pd.Timedelta(weeks=w): ["a", "b"] for w in range(20)}
    watch = Watch([episode(3), episode(10, "e2", "b")], {}, {}, mondays)
    assert list(delays([alert(14)], watch)) == [11, np.inf]


def test_a_threshold_sweep_counts_an_ongoing_finding_once():
    weeks = [DAY0 + pd.Timedelta(weeks=w) for w in range(20)]
    ranked = pd.DataFrame([{"as_of": w, "account_id": n, "p": n == "a"} for w in weeks for n in ("a", "b")])
    alerts = threshold_alerts(ranked.astype({"p": float}), "p", 0.5)
    assert [(a.account_id, a.as_of) for a in alerts] == [("a", DAY0)]
    watch = Watch([episode(0), episode(0, "e2", "b")], {}, {}, {w: ["a", "b"] for w in weeks})
    assert (point(alerts, watch).precision, point(alerts, watch).recall) == (1.0, 0.5)


def test_a_run_without_snapshots_says_so(company, tmp_path):
    world, _ = company
    (tmp_path / "empty" / "lake").mkdir(parents=True)
    found = section(RunFolder(tmp_path / "empty"), Truth(world), seed=0)
    assert found.rows == ()
    assert "no snapshots" in found.note
