"""Scores people can challenge: lines sum exactly, missing is not zero, rules hold as declared."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from uam_platform.contracts.tables import ACCOUNT_FEATURES, ACCOUNT_SCORES, OPPORTUNITIES, WORKSHEETS
from uam_platform.kpis.formulas import WHOLE, apply
from uam_platform.kpis.inputs import Facts, score_inputs
from uam_platform.kpis.scores import account_scores, score, worksheets
from uam_platform.lake.io_manager import as_table
from uam_platform.policy.load import SHIPPED, PolicyError, load_section, parse
from uam_platform.policy.scores import Formula, ScorePolicy

POLICY = load_section(ScorePolicy, "scores")
DAY = pd.Timestamp("2025-06-02")
NAMES = sorted({i for f in POLICY.formulas.values() for line in f.lines for i in line.inputs})
OUT_OF_100 = ["behaviour", "friction", "health", "expansion"]
VALUES = st.one_of(st.none(), st.integers(0, 40), st.floats(0, 5, allow_nan=False).map(lambda v: round(v, 4)))


def features(**changes: Any) -> pd.DataFrame:
    """One account in steady use."""
    row: dict[str, Any] = dict.fromkeys(ACCOUNT_FEATURES.column_names, 0)
    row |= {
        "account_id": "a", "as_of": DAY, "decision_at": DAY + pd.Timedelta(hours=6), "core_28d_count": 80,
        "active_person_28d_count": 8, "active_person_84d_count": 9, "active_day_28d_count": 18, "core_trend_ratio": 1.0,
        "depth_trend_ratio": 1.0, "spread_trend_ratio": 1.0, "friction_rate_ratio": 0.05, "seat_use_ratio": 0.7,
        "days_since_last_event": 1, "days_since_escalation": None, "tenure_days": 300, "days_to_renewal": 60,
        "tier": "growth", "strategic_fit": "medium", "arr_usd_cents": 1_200_000, "is_eligible": True,
        "billing_period": "annual", "plan": "team",
    }  # fmt: skip
    return pd.DataFrame([row | changes])


def actions(**counts: int) -> pd.DataFrame:
    """Actions of the account beside those of another, so that the snapshot has counts."""
    taken = [("a", group, n) for group, n in counts.items()]
    return pd.DataFrame(
        [
            {
                "account_id": account,
                "as_of": DAY,
                "action_group": group,
                "action_28d_count": n,
                "action_prior_28d_count": 0,
                "action_84d_count": n,
                "acting_person_84d_count": 1,
            }
            for account, group, n in [*taken, ("other", "sign_ins", 1)]
        ]
    )


def scored(frame: pd.DataFrame, tickets: bool = True, **counts: int) -> pd.Series:
    first = DAY - pd.Timedelta(days=100) if tickets else None
    inputs = score_inputs(Facts(frame, actions(**counts), first_ticket_date=first), POLICY)
    return account_scores(score(inputs, POLICY)).iloc[0]


def sheet(frame: pd.DataFrame, **counts: int) -> pd.DataFrame:
    inputs = score_inputs(Facts(frame, actions(**counts), first_ticket_date=DAY - pd.Timedelta(days=100)), POLICY)
    return worksheets(score(inputs, POLICY)).set_index(["score_name", "input_name"])


def rows_of(drawn: list[list[float | None]]) -> pd.DataFrame:
    frame = pd.DataFrame(drawn, columns=NAMES, dtype=object)
    for name in NAMES:
        frame[name] = pd.to_numeric(frame[name])
    frame["tier"], frame["strategic_fit"] = "enterprise", None
    frame["arr_usd_cents"] = frame["arr_usd_cents"].fillna(0).astype("int64") * 333
    return frame.assign(account_id=[f"a{n}" for n in range(len(frame))], as_of=DAY)


@settings(max_examples=40, derandomize=True, deadline=None)
@given(st.lists(st.lists(VALUES, min_size=len(NAMES), max_size=len(NAMES)), min_size=1, max_size=6))
def test_the_lines_of_every_worksheet_sum_exactly_to_the_score_shown(drawn: list[list[float | None]]) -> None:
    made = score(rows_of(drawn), POLICY)
    scores = account_scores(made).set_index("account_id")
    lines = worksheets(made)
    sums = lines.groupby(["account_id", "score_name"])["points_hundredths"].sum().unstack()
    for name in OUT_OF_100:
        shown = scores[f"{name}_score"]
        known = shown.notna()
        assert (sums.loc[known, name] / 100 == shown[known]).all()
        assert (sums.loc[~known, name] == 0).all()
        assert shown[known].between(0, 100).all()
    assert (sums["revenue_weight"] / 100 == scores["revenue_weight_ratio"]).all()
    cents = lines.groupby("account_id")["line_usd_cents"].sum()
    assert (cents == scores["revenue_weight_usd_cents"]).all()


@settings(max_examples=40, derandomize=True, deadline=None)
@given(st.lists(VALUES, min_size=len(NAMES), max_size=len(NAMES)))
def test_weights_of_what_is_known_make_a_hundred(drawn: list[float | None]) -> None:
    made = score(rows_of([drawn]), POLICY)
    for name in OUT_OF_100:
        possible = int(made.applied[name].possible.sum())
        assert possible in (0, WHOLE)


@pytest.mark.parametrize("name", OUT_OF_100)
def test_a_score_never_moves_against_a_declared_direction(name: str) -> None:
    formula = POLICY.formulas[name]  # type: ignore[index]
    steady = rows_of([[20.0] * len(NAMES)])
    for line in formula.lines:
        if line.is_context or line.direction == "free":
            continue
        grid = pd.concat([steady.assign(**{line.input: value}) for value in np.linspace(0, 110, 60)], ignore_index=True)
        totals = apply(
            formula, grid.assign(behaviour_score=50.0, friction_score=50.0) if name != "health" else grid
        ).total
        steps = np.diff(totals) * (1 if line.direction == "rises" else -1)
        if line.input not in {c.input for other in formula.lines for c in (*other.needs, *other.only_with)}:
            assert (steps >= 0).all(), line.input


def test_what_is_missing_is_left_out_and_not_taken_as_zero() -> None:
    with_seats, without = scored(features()), scored(features(seat_use_ratio=None))
    none_used = scored(features(seat_use_ratio=0.0))
    assert without["behaviour_score"] > none_used["behaviour_score"]
    assert without["behaviour_score"] == pytest.approx(with_seats["behaviour_score"], abs=2.0)


def test_an_account_never_seen_in_the_product_has_no_behaviour_score_instead_of_a_bad_one() -> None:
    unseen = scored(features(days_since_last_event=None, core_28d_count=0, active_person_28d_count=0))
    assert pd.isna(unseen["behaviour_score"])
    assert pd.isna(unseen["health_score"])
    assert pd.isna(unseen["expansion_score"])
    silent = scored(
        features(days_since_last_event=40, core_28d_count=0, active_person_28d_count=0, core_trend_ratio=0.1)
    )
    assert silent["behaviour_score"] < 60


def test_without_a_ticket_source_quiet_support_earns_nothing() -> None:
    quiet, unknown = scored(features(friction_rate_ratio=1.0)), scored(features(friction_rate_ratio=1.0), tickets=False)
    assert unknown["friction_score"] > quiet["friction_score"]


def test_actions_that_nobody_counted_are_not_known_instead_of_zero() -> None:
    facts = Facts(features(), first_ticket_date=DAY - pd.Timedelta(days=100))
    uncounted = account_scores(score(score_inputs(facts, POLICY), POLICY)).iloc[0]
    assert pd.isna(uncounted["expansion_score"])
    assert scored(features())["expansion_score"] >= 0


def test_a_pricing_visit_alone_is_weak_and_with_invitations_and_heavy_use_strong() -> None:
    alone, together = scored(features(), pricing=3), scored(features(), pricing=3, invites=1)
    nothing, invited = scored(features()), scored(features(), invites=1)
    assert alone["expansion_score"] == nothing["expansion_score"]
    assert together["expansion_score"] - invited["expansion_score"] >= 10
    light = scored(features(active_day_28d_count=3), pricing=3, invites=1)
    assert light["expansion_score"] == invited["expansion_score"]
    assert "weak alone" in sheet(features(), pricing=3).loc[("expansion", "pricing_28d"), "reading"]


def test_first_steps_of_setup_count_nothing_towards_expansion() -> None:
    assert scored(features(), activation=9)["expansion_score"] == scored(features())["expansion_score"]


@pytest.mark.parametrize("column", ["event_28d_count", "active_person_prior_28d_count", "session_28d_count"])
def test_events_and_sessions_are_context_and_count_nothing(column: str) -> None:
    busy, steady = scored(features(**{column: 9000}), sign_ins=500), scored(features())
    for name in OUT_OF_100:
        assert busy[f"{name}_score"] == steady[f"{name}_score"]


def test_the_same_drop_is_more_urgent_at_a_strategic_renewal_than_in_self_serve() -> None:
    drop = {"core_trend_ratio": 0.5, "depth_trend_ratio": 0.5}
    small = scored(features(tier="self_serve", strategic_fit="low", days_to_renewal=300, **drop))
    large = scored(features(tier="strategic", strategic_fit="high", days_to_renewal=30, **drop))
    assert small["behaviour_score"] == large["behaviour_score"]
    assert large["revenue_weight_usd_cents"] >= 2 * small["revenue_weight_usd_cents"]


def test_an_opportunity_counts_while_it_is_open_and_as_it_was_known() -> None:
    def weight(created: str, closed: str, is_closed: bool) -> float:
        found = dict.fromkeys(OPPORTUNITIES.column_names)
        row = found | {
            "account_id": "a", "is_closed": is_closed, "opportunity_type": "Expansion",
            "created_at": pd.Timestamp(created), "closed_at": pd.Timestamp(closed),
        }  # fmt: skip
        old = row | {"account_id": "other", "created_at": pd.Timestamp("2025-01-01")}
        facts = Facts(features(), actions(), pd.DataFrame([row, old]))
        return float(account_scores(score(score_inputs(facts, POLICY), POLICY)).iloc[0]["revenue_weight_ratio"])

    closed_before = weight("2025-05-01", "2025-05-20", is_closed=True)
    assert weight("2025-05-01", "2025-05-20", is_closed=False) > closed_before
    assert weight("2025-05-01", "2025-07-20", is_closed=True) > closed_before
    assert weight("2025-06-20", "2025-06-20", is_closed=False) == closed_before


def test_words_of_wanting_more_count_as_known_and_only_while_use_does_not_fall() -> None:
    def line(known: str, **changes: Any) -> pd.Series:
        said = pd.DataFrame([{"account_id": "a", "topic": "seats", "known_date": known, "buying_signal_count": 2},
                             {"account_id": "b", "topic": "seats", "known_date": "2025-01-07", "buying_signal_count": 9}])  # fmt: skip
        frame = features(**{"core_trend_ratio": 1.2, **changes})
        made = worksheets(score(score_inputs(Facts(frame, actions(), themes=said), POLICY), POLICY))
        return made.set_index(["score_name", "input_name"]).loc[("expansion", "buying_signals_84d")]

    told = line("2025-05-20")
    assert (told["input_value"], told["points_hundredths"] > 0) == (2, True)
    assert line("2025-06-02")["input_value"] == 0, "known on the day of the snapshot is not known before it"
    assert line("2025-02-01")["input_value"] == 0, "more than twelve weeks ago"
    assert line("2025-05-20", core_trend_ratio=0.6)["points_hundredths"] == 0
    assert "weak alone" in line("2025-05-20", core_trend_ratio=0.6)["reading"]
    nothing = worksheets(score(score_inputs(Facts(features(), actions()), POLICY), POLICY))
    assert nothing.set_index("input_name").loc["buying_signals_84d", "input_value"] != 0, (
        "without a source nothing is known"
    )


def test_equal_inputs_give_equal_rows_in_any_order() -> None:
    both = pd.concat([features(), features(account_id="b", core_trend_ratio=0.4)], ignore_index=True)
    made = [
        worksheets(score(score_inputs(Facts(frame), POLICY), POLICY)) for frame in (both, both.iloc[::-1], both.copy())
    ]
    pd.testing.assert_frame_equal(made[0], made[1])
    pd.testing.assert_frame_equal(made[0], made[2])


def test_the_tables_keep_their_contracts() -> None:
    made = score(score_inputs(Facts(features(seat_use_ratio=None), actions(invites=2)), POLICY), POLICY)
    assert as_table(worksheets(made), WORKSHEETS).schema().names == WORKSHEETS.column_names
    assert as_table(account_scores(made), ACCOUNT_SCORES).to_pandas()["policy_version"].tolist() == [POLICY.version]


def test_every_counted_line_offers_another_reading() -> None:
    lines = [line for formula in POLICY.formulas.values() for line in formula.lines if not line.is_context]
    assert not [line.label for line in lines if not line.alternative]


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda d: d["formulas"]["friction"]["lines"][0].update(weight=31), "add up to 101"),
        (lambda d: d["formulas"]["friction"]["lines"][0].update(input="frction"), "no such input: frction"),
        (lambda d: d["formulas"]["friction"]["lines"][0].update(direction="falls"), "do not go the way"),
        (lambda d: d["formulas"]["friction"]["lines"][0].update(says="{amount} errors"), "may only hold {value}"),
        (lambda d: d["formulas"].pop("health"), "formulas must be"),
    ],
    ids=["weights", "input", "direction", "words", "score"],
)
def test_a_wrong_formula_is_named(spoil: Any, words: str) -> None:
    data = yaml.safe_load((SHIPPED / "scores.yaml").read_text(encoding="utf-8"))
    spoil(data)
    with pytest.raises(PolicyError, match=words.replace("{", r"\{").replace("}", r"\}")):
        parse(ScorePolicy, data, "scores.yaml")


def test_a_formula_rounds_half_up_once_per_line() -> None:
    line = {"input": "tenure_days", "label": "t", "knots": [[0, 0], [1, 1]], "says": "{value}"}
    formula = parse(
        Formula, {"question": "?", "answers": "?", "lines": [line | {"weight": 33.33}, line | {"weight": 66.67}]}, "f"
    )
    made = apply(formula, pd.DataFrame({"tenure_days": [0.5, 1.0]}))
    assert made.earned.tolist() == [[1667, 3334], [3333, 6667]]
