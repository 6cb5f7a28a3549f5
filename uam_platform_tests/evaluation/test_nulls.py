"""Where there is nothing to know the platform's models know nothing, and who sees the future is caught: on one small simulated company."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from uam_platform.evaluation.churn_metrics import ORACLE_SCORE, SCORE, Estimate, Judged
from uam_platform.evaluation.churn_quality import ranking_rows
from uam_platform.evaluation.foreknowledge import LEAK, LIMIT, beyond_oracle
from uam_platform.evaluation.null_skill import forecast, permuted_labels, permuted_skill, skill
from uam_platform.evaluation.null_worlds import Kept, is_clean, null_plan
from uam_platform.evaluation.nulls import BROKEN, HELD, TOLD, leaks, null_check, quiet_check, rises_check
from uam_platform.evaluation.results import Row
from uam_platform.evaluation.truth import Truth
from uam_platform.policy.churn import ChurnPolicy
from uam_platform.simulation.world.difficulty import Difficulty, difficulty_named
from uam_platform.simulation.world.generate import simulate
from uam_platform_tests.churn.frames import shipped_policy
from uam_platform_tests.evaluation.boards import board
from uam_platform_tests.evaluation.frames_of_world import world_frames

Frames = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]
ACCOUNTS, DAYS, SEED = 600, 420, 7
SURE = 1.5  # half-widths of a 95 % interval: about three standard errors, so that a null fails by error, not by chance


def thin(**knobs: float) -> Difficulty:
    """A world with few events and much churn: small enough for a test, with enough leavers to tell."""
    return replace(difficulty_named("default"), name="thin", events_per_account_day=1.2, churn_gain=1.5, **knobs)


def frames(folder: Path, policy: ChurnPolicy, vector: Difficulty) -> Frames:
    simulate(ACCOUNTS, DAYS, SEED, folder, vector)
    return world_frames(folder, policy)


@pytest.fixture(scope="module")
def policy() -> ChurnPolicy:
    """The shipped rules with fewer, larger steps: a third of the time."""
    usual = shipped_policy()
    faster = usual.lightgbm.model_copy(update={"num_trees": 100, "learning_rate": 0.06})
    return usual.model_copy(update={"lightgbm": faster})


def surely_above(found: Estimate) -> bool:
    assert found.low is not None
    return found.value - SURE * (found.value - found.low) > 0


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory, policy: ChurnPolicy) -> Frames:
    """Signal doubled, so that a few dozen leavers suffice to see it."""
    return frames(tmp_path_factory.mktemp("plain"), policy, thin(signal_gain=2.0))


@pytest.fixture(scope="module")
def scored(plain: Frames, policy: ChurnPolicy) -> pd.DataFrame:
    return forecast(plain[0], plain[1], policy, SEED)


def test_behaviour_tells_more_than_contracts_where_there_is_signal(scored: pd.DataFrame) -> None:
    assert set(scored["model_rung"]) == {"lightgbm"}, "the promotion gate passes it"
    assert scored.loc[scored["is_churned"], "account_id"].nunique() >= 30
    assert surely_above(skill(scored, SEED)), "else the nulls below would show nothing"


def test_permuted_labels_leave_no_skill_beyond_contract(plain: Frames, policy: ChurnPolicy) -> None:
    assert not surely_above(permuted_skill(plain[0], plain[1], policy, SEED, times=4))


def test_without_signal_there_is_no_skill_beyond_contract(tmp_path: Path, policy: ChurnPolicy) -> None:
    features, labels, _ = frames(tmp_path / "world", policy, thin(signal_gain=0.0))
    rows = forecast(features, labels, policy, SEED)
    assert rows.loc[rows["is_churned"], "account_id"].nunique() >= 30
    assert not surely_above(skill(rows, SEED))


def test_where_nothing_was_learned_no_null_is_held(scored: pd.DataFrame) -> None:
    fallen_back = scored.assign(model_rung="contract_hazard")
    few = scored[
        ~scored["is_churned"] | scored["account_id"].isin(scored.loc[scored["is_churned"], "account_id"].unique()[:29])
    ]
    for rows in (fallen_back, few):
        assert null_check("n", skill(rows, SEED), "").result == TOLD


def test_permuted_labels_keep_what_contracts_say(plain: Frames) -> None:
    features, labels, _ = plain
    permuted = permuted_labels(features, labels, SEED)
    periods = features[["account_id", "as_of", "billing_period"]]
    rates = [
        frame.merge(periods, on=["account_id", "as_of"])
        .dropna(subset=["is_churned"])
        .groupby("billing_period")["is_churned"]
        .mean()
        for frame in (labels, permuted)
    ]
    assert len(rates[0]) > 1
    assert rates[1].to_numpy(dtype=float) == pytest.approx(rates[0].to_numpy(dtype=float), rel=0.2)
    both = labels.merge(permuted, on=["account_id", "as_of"], suffixes=("", "_permuted"))
    agreement = both[["is_churned", "is_churned_permuted"]].dropna().astype(float).corr().iloc[0, 1]
    assert abs(agreement) < 0.15, "but whose they are is gone"
    assert permuted_labels(features, labels, SEED).equals(permuted)


def judged(scored: pd.DataFrame, plain: Frames, score: pd.Series | None = None) -> Judged:
    rows = scored.merge(plain[2], on=["account_id", "as_of"], how="inner", validate="1:1")
    rows = rows.assign(p_contract=rows["baseline_probability"], mrr_usd=100.0)
    return Judged(rows if score is None else rows.assign(churn_probability=score.to_numpy()), SEED)


def says_leak(found: Judged) -> bool:
    return any(row.note.startswith(LEAK) for row in ranking_rows(found))


def test_an_honest_score_is_no_leak(scored: pd.DataFrame, plain: Frames) -> None:
    assert not says_leak(judged(scored, plain))


def test_a_feature_that_sees_the_future_is_caught(plain: Frames, policy: ChurnPolicy) -> None:
    """The planted leak: an input of the model carries the outcome of the coming 56 days."""
    features, labels, _ = plain
    keyed = features[["account_id", "as_of"]]
    future = keyed.merge(labels[["account_id", "as_of", "is_churned"]], how="left", validate="1:1")["is_churned"]
    leaking = features.assign(reopen_84d_count=future.fillna(False).astype(float).to_numpy())
    rows = forecast(leaking, labels, policy, SEED)
    assert says_leak(judged(rows, plain))


def test_a_leak_in_few_accounts_is_caught_though_the_score_stays_far_below_the_oracle(
    scored: pd.DataFrame, plain: Frames
) -> None:
    accounts = scored["account_id"].unique()
    is_told = scored["account_id"].isin(accounts[::2]) & scored["is_churned"]
    found = judged(scored, plain, scored["churn_probability"].where(~is_told, 0.9))
    assert beyond_oracle(found) > LIMIT
    assert found.ranked("auc", SCORE) < found.ranked("auc", ORACLE_SCORE)
    assert abs(beyond_oracle(judged(scored, plain))) < LIMIT


def test_the_outcome_itself_is_caught(scored: pd.DataFrame, plain: Frames) -> None:
    assert says_leak(judged(scored, plain, scored["is_churned"].astype(float)))


def test_without_harm_nothing_harmful_happens_and_look_alikes_go_on(tmp_path: Path) -> None:
    simulate(60, 120, 3, tmp_path / "harmless", thin(harm_per_year=0.0))
    episodes = Truth(tmp_path / "harmless").frame("episodes")
    assert not episodes["is_harmful"].any()
    assert not episodes.empty


# the verdicts of `uam nulls`, each in both directions


def kept(alerts: int, weeks: int) -> Kept:
    return Kept(pd.DataFrame(), pd.DataFrame(), alerts, weeks, alerts, weeks)


def test_skill_where_there_is_none_breaks_the_null() -> None:
    assert null_check("n", Estimate(0.02, 0.01, 0.03), "").result == BROKEN
    assert null_check("n", Estimate(0.02, -0.01, 0.05), "").result == HELD
    assert null_check("n", Estimate(-0.02, -0.03, -0.01), "").result == HELD
    assert null_check("n", Estimate(float("nan")), "").result == TOLD


def test_alerts_without_harm_may_not_exceed_the_clean_rate() -> None:
    assert quiet_check(kept(40, 10_000), kept(20, 10_000)).result == BROKEN
    assert quiet_check(kept(22, 10_000), kept(20, 10_000)).result == HELD
    assert quiet_check(kept(0, 10_000), kept(20, 10_000)).result == HELD
    assert quiet_check(kept(0, 0), kept(20, 10_000)).result == TOLD


def test_quality_may_not_fall_where_signal_rises() -> None:
    def rows(*values: float) -> list[tuple[str, Row | None]]:
        return [(str(v), Row("m", v, v - 0.01, v + 0.01)) for v in values]

    assert rises_check("q", rows(0.0, 0.1, 0.2)).result == HELD
    assert rises_check("q", rows(0.0, 0.2, 0.185)).result == HELD
    assert rises_check("q", rows(0.0, 0.2, 0.1)).result == BROKEN
    assert rises_check("q", [*rows(0.1), ("none", None)]).result == TOLD


def test_a_board_that_says_leak_is_named() -> None:
    assert [row.metric for row in leaks(board(1, Row("over", 0.1, note=f"{LEAK}: it knows"), Row("fine", 0.1)))] == [
        "over"
    ]


def test_accounts_are_clean_84_days_after_their_last_episode() -> None:
    episodes = pd.DataFrame(
        {"account_id": ["a"], "onset_at": [pd.Timestamp("2025-03-01")], "end_at": [pd.Timestamp("2025-03-31")]}
    )
    days = ["2025-02-28", "2025-03-01", "2025-06-23", "2025-06-24", "2025-03-15"]
    rows = pd.DataFrame({"account_id": ["a", "a", "a", "a", "b"], "as_of": pd.to_datetime(days)})
    assert is_clean(rows, episodes).tolist() == [True, False, False, True, True]


def test_the_worlds_of_the_nulls_differ_in_one_thing_each() -> None:
    plan = null_plan(1000, 364, 11, "default")
    turned = {spec.name: set(spec.knobs) for spec in plan.worlds}
    assert turned["plain"] == set()
    assert all(len(knobs) == 1 for name, knobs in turned.items() if name != "plain")
    assert {(spec.accounts, spec.days, spec.seed) for spec in plan.worlds} == {(1000, 364, 11)}
