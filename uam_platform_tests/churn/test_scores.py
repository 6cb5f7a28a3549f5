"""Scores, intervals, reasons and the metrics over them."""

from datetime import date

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uam_platform.churn.backtest import backtest, closed_scores
from uam_platform.churn.baseline import ContractHazard, Hazard, fit_contract_hazard
from uam_platform.churn.boosting import mean_contributions, mean_gains, mean_margins
from uam_platform.churn.features import DEFINITIONS, feature_contract_id, matrix
from uam_platform.churn.plots import gains_plot, importance_plot, reliability_plot
from uam_platform.churn.reasons import fact_texts
from uam_platform.churn.score import score
from uam_platform.churn.train import train
from uam_platform.contracts.tables import SCORE_REASONS, SCORES
from uam_platform.lake.engine import conform, connect
from uam_platform.lake.validation import check_schema
from uam_platform.policy.churn import FeatureRule
from uam_platform.policy.load import PolicyError, parse
from uam_platform_tests.churn.frames import Company, blank_features, company, shipped_policy
from uam_platform_tests.judged import verdicts

AS_OF = date(2025, 9, 29)


def artefacts(firm: Company, labels: pd.DataFrame | None = None) -> dict:
    folds = train(firm.features, firm.labels if labels is None else labels, AS_OF, firm.policy, seed=3)
    return {f.model_id: f.artefact for f in folds}


@pytest.fixture(scope="module")
def firm() -> Company:
    return company(accounts=480, weeks=56, harm_effect=4.0)


@pytest.fixture(scope="module")
def models(firm: Company) -> dict:
    return artefacts(firm)


@pytest.fixture(scope="module")
def later(firm: Company) -> pd.DataFrame:
    return firm.features.loc[firm.features["as_of"] >= pd.Timestamp(AS_OF)]


@pytest.fixture(scope="module")
def scored(later: pd.DataFrame, models: dict, firm: Company) -> tuple[pd.DataFrame, pd.DataFrame]:
    return score(later, models, firm.policy)


@pytest.mark.parametrize(("index", "contract"), [(0, SCORES), (1, SCORE_REASONS)], ids=["scores", "score_reasons"])
def test_frames_keep_their_contracts(scored: tuple, index: int, contract) -> None:
    table = conform(ibis.memtable(scored[index]), contract)
    check_schema(table, contract)
    stored = connect().create_table("stored", table)
    assert all(v.is_valid for v in verdicts(stored, contract).values())


def test_the_score_lies_inside_its_interval(scored: tuple) -> None:
    scores = scored[0]
    assert (scores["score_low"] <= scores["churn_probability"]).all()
    assert (scores["churn_probability"] <= scores["score_high"]).all()


def test_behaviour_adds_to_the_contract_baseline_and_probabilities_are_calibrated(firm: Company, scored: tuple) -> None:
    found = backtest(scored[0], firm.labels)
    assert found.roc_auc > found.baseline_roc_auc + 0.02
    assert found.brier_skill > 0
    assert found.mean_score == pytest.approx(found.base_rate, rel=0.35)
    assert 0.6 < found.calibration_slope < 1.5


def test_without_anything_learned_from_behaviour_the_score_is_the_contract_baseline(
    firm: Company, later: pd.DataFrame
) -> None:
    lame = firm.policy.lightgbm.model_copy(update={"min_data_in_leaf": 10**6})
    policy = firm.policy.model_copy(update={"lightgbm": lame})
    folds = train(firm.features, firm.labels, AS_OF, policy, seed=3)
    scores, _ = score(later, {f.model_id: f.artefact for f in folds}, policy)
    one_model = scores[scores["fold"] == 0]
    assert one_model["churn_probability"].corr(one_model["baseline_probability"], method="spearman") > 0.98
    assert one_model["churn_probability"].mean() == pytest.approx(one_model["baseline_probability"].mean(), rel=0.25)


def test_labels_permuted_within_contract_kinds_leave_no_skill_beyond_the_contract(firm: Company) -> None:
    rng = np.random.default_rng(1)
    kinds = firm.features.drop_duplicates("account_id").set_index("account_id")["billing_period"]
    swapped = {}
    for _, members in kinds.groupby(kinds):
        swapped |= dict(zip(members.index, rng.permutation(members.index), strict=True))
    keys = ["account_id", "as_of"]
    moved = firm.labels.assign(account_id=firm.labels["account_id"].map(swapped))[[*keys, "is_churned"]]
    models = artefacts(firm, firm.labels.drop(columns="is_churned").merge(moved, on=keys, how="left"))
    assert {m.rung for m in models.values()} == {"lightgbm_unproven"}, "the promotion gate finds no skill to explain"
    scores, _ = score(firm.features.loc[firm.features["as_of"] >= pd.Timestamp(AS_OF)], models, firm.policy)
    found = backtest(scores, firm.labels)
    assert found.roc_auc < found.baseline_roc_auc + 0.10  # 46 churned accounts: a standard error is 0.04, a leak is 0.2


def test_a_score_depends_on_its_own_row_only(firm: Company, models: dict, later: pd.DataFrame, scored: tuple) -> None:
    one_week = later.loc[later["as_of"] == pd.Timestamp(2025, 10, 13)]
    alone, reasons = score(one_week.sample(frac=1, random_state=4), models, firm.policy)
    together = scored[0].loc[scored[0]["as_of"] == pd.Timestamp(2025, 10, 13)].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, together)
    assert not reasons.empty


def test_ineligible_accounts_are_not_scored(firm: Company, models: dict, later: pd.DataFrame) -> None:
    scores, reasons = score(later.assign(is_eligible=False), models, firm.policy)
    assert scores.empty
    assert reasons.empty
    assert list(scores.columns) == list(SCORES.column_names)


def test_a_missing_fold_is_an_error(firm: Company, models: dict, later: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="one model for each of 5 folds"):
        score(later, dict(list(models.items())[:4]), firm.policy)


def test_contributions_sum_to_the_raw_margin(models: dict, later: pd.DataFrame) -> None:
    for artefact in models.values():
        inputs = matrix(later.head(50), artefact.features, artefact.codes)
        nothing = tuple(np.zeros(len(inputs)) for _ in artefact.trees)
        margin, _ = mean_margins(artefact.trees, inputs, nothing)
        assert mean_contributions(artefact.trees, inputs).sum(axis=1).to_numpy() == pytest.approx(margin, abs=1e-9)


def test_monotone_inputs_move_the_margin_one_way(models: dict, later: pd.DataFrame, firm: Company) -> None:
    artefact = next(iter(models.values()))
    inputs = matrix(later.head(40), artefact.features, artefact.codes)
    for name in ("core_change_28d", "friction_rate_log"):
        nothing = tuple(np.zeros(len(inputs)) for _ in artefact.trees)
        margins = [mean_margins(artefact.trees, inputs.assign(**{name: v}), nothing)[0] for v in np.linspace(-2, 2, 9)]
        steps = np.diff(np.array(margins), axis=0) * firm.policy.features[name].monotone
        assert (steps >= -1e-12).all()


def test_reasons_are_ranked_worded_with_numbers_and_one_per_theme(scored: tuple, firm: Company) -> None:
    reasons = scored[1]
    themes = reasons["reason_feature"].map(lambda f: firm.policy.features[f].theme)
    assert not reasons.assign(theme=themes).duplicated(["account_id", "as_of", "theme"]).any()
    ranked = reasons.groupby(["account_id", "as_of"])
    assert (ranked["reason_rank"].max() == ranked.size()).all()
    assert (ranked["contribution"].diff().dropna() <= 0).all()
    assert set(reasons["account_id"]) == set(scored[0]["account_id"])
    is_contract = themes == "contract"
    assert (reasons["reason_text"].str.contains("contract: ") == is_contract).all()
    assert not reasons["reason_text"].str.contains(r"[{}]").any()


def test_accounts_that_lose_use_get_a_reason_that_says_so(scored: tuple, later: pd.DataFrame) -> None:
    top = scored[0].nlargest(40, "churn_probability")[["account_id", "as_of"]]
    texts = top.merge(scored[1], on=["account_id", "as_of"])
    told = texts["reason_text"].str.contains("core actions|people active|seats used|active days|failures")
    assert texts.assign(told=told).groupby(["account_id", "as_of"])["told"].any().mean() > 0.8


def test_every_shipped_input_has_a_definition_and_a_wording() -> None:
    policy = shipped_policy()
    row = blank_features(pd.DataFrame({"account_id": ["a"], "as_of": [AS_OF], "tenure_days": [30]}))
    inputs = matrix(row, tuple(policy.features), policy.codes)
    assert list(inputs.columns) == list(policy.features)
    assert not np.isinf(inputs.to_numpy()).any()
    for name, rule in policy.features.items():
        for value in (np.nan, rule.pivot - 1, rule.pivot + 1):
            inputs = pd.DataFrame({name: [value]})
            (text,) = fact_texts(np.array([name], dtype=object), np.array([0]), row, inputs, policy)
            assert text, name


def test_page_views_and_sign_ins_alone_are_no_inputs() -> None:
    names = set(shipped_policy().features)
    assert not {n for n in names if n.startswith(("event_", "session_"))}
    assert {n for n in DEFINITIONS if n.startswith(("event_", "session_"))}


def test_an_unknown_input_names_those_that_exist() -> None:
    with pytest.raises(KeyError, match="core_28d_log"):
        matrix(pd.DataFrame(), ("core_28_log",), shipped_policy().codes)


def test_the_feature_contract_changes_with_order_and_direction() -> None:
    policy = shipped_policy()
    names = tuple(policy.features)
    flipped = policy.features | {names[0]: policy.features[names[0]].model_copy(update={"monotone": 1})}
    ids = {
        feature_contract_id(names, policy),
        feature_contract_id(names[::-1], policy),
        feature_contract_id(names, policy.model_copy(update={"features": flipped})),
    }
    assert len(ids) == 3


def test_a_wording_with_an_unknown_placeholder_is_refused() -> None:
    with pytest.raises(PolicyError, match="no column of account_features"):
        parse(FeatureRule, {"theme": "core_use", "monotone": 0, "high": "{core_29d_count} actions"}, "churn.yaml")


def test_money_in_reasons_is_in_dollars_with_separators() -> None:
    rule = FeatureRule(
        theme="contract",
        monotone=0,
        pivot=0.5,
        high="pays ${mrr_usd} a month, {core_28d_count} actions, {plan}",
        low="{plan} only",
        missing="no word",
    )
    policy = shipped_policy().model_copy(update={"features": {"one": rule}})
    rows = pd.DataFrame(
        {"mrr_usd_cents": [123_456_78, 0, 900_00], "core_28d_count": [1200.0, 0.0, 2.0], "plan": [None, "pro", "pro"]}
    )
    inputs = pd.DataFrame({"one": [1.0, 0.0, np.nan]})
    positions = np.array([2, 0, 1, 0])
    said = fact_texts(np.array(["one"] * 4, dtype=object), positions, rows, inputs, policy).tolist()
    full = "pays $123,456 a month, 1,200 actions, unknown"
    assert said == ["no word", full, "pro only", full]


@settings(max_examples=40, derandomize=True, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(-5, 400), st.booleans()), max_size=40))
def test_a_shrunk_hazard_is_a_probability_between_data_and_prior(rows: list) -> None:
    policy = shipped_policy()
    frame = pd.DataFrame(rows, columns=["account_id", "days_to_renewal", "is_churned"]).assign(billing_period="annual")
    hazard = fit_contract_hazard(frame, policy)
    for cell in [hazard.overall, *hazard.periods.values(), *hazard.cells.values()]:
        assert 0 < cell.probability < 1
    if frame.empty:
        assert hazard.overall.probability == policy.base_rate.probability


def test_an_unseen_cell_takes_its_billing_periods_hazard() -> None:
    hazard = ContractHazard(Hazard(0.1, 50), {"annual": Hazard(0.2, 30)}, {"annual|1": Hazard(0.3, 25)})
    assert hazard.look_up("annual|1").probability == 0.3
    assert hazard.look_up("annual|7").probability == 0.2
    assert hazard.look_up("monthly|1").probability == 0.1


def test_metrics_are_withheld_below_thirty_churned_accounts(firm: Company, scored: tuple) -> None:
    found = backtest(scored[0].head(200), firm.labels, minimum=30)
    assert found.roc_auc is None
    assert found.as_metadata()["roc_auc"] == "not estimable"


def test_plots_are_pictures_and_the_same_every_time(firm: Company, scored: tuple, models: dict) -> None:
    rows = closed_scores(scored[0], firm.labels)
    gains = mean_gains(next(iter(models.values())).trees)
    assert gains.sum() == pytest.approx(1)
    for draw, data in ((reliability_plot, rows), (gains_plot, rows), (importance_plot, gains)):
        picture = draw(data)
        assert picture.startswith(b"\x89PNG")
        assert picture == draw(data)
        assert draw(data.iloc[:0]) != picture
