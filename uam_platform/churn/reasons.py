"""Why an account scores as it does, in plain words with numbers.

Here: LightGBM's contributions to at most a few worded reasons. Not here: the words (`rulebook/churn.yaml`), the contributions
(`boosting`).

Correlated windows share one cause among them, so contributions are summed by theme; a reason shows the theme's sum and the wording of
its strongest input. Behaviour and contract reasons are chosen apart, so that a near renewal never hides what people do; context
themes are never shown.

The model says how much behaviour raises the risk, the diagnosis what this is most likely due to: where behaviour raises it, the sum of
its contributions is shared out among the explanations by their likelihood, and each is told by its loudest sign. The first stands
beside the others and beside its harmless reading, because several explanations fit most declines.
"""

from functools import lru_cache
from string import Formatter
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from uam_platform.churn.artefact import Artefact
from uam_platform.churn.baseline import cell_keys, look_up, starting_log_odds
from uam_platform.churn.boosting import mean_contributions
from uam_platform.churn.calibration import log_odds
from uam_platform.churn.diagnosis import Diagnosed
from uam_platform.churn.features import matrix
from uam_platform.policy.churn import ChurnPolicy

Names = npt.NDArray[np.object_]

CONTRACT_MARK = "contract: "
CELL_FEATURE = "days_to_renewal"
LOWERS_MARK = "lowers the risk: "
UNPROVEN_MARK = "declared sign, not yet proven on outcomes here: "

_COLUMNS = ["account_id", "as_of", "reason_rank", "reason_feature", "reason_value", "contribution", "reason_text"]


def tree_reasons(
    rows: pd.DataFrame,
    inputs: pd.DataFrame,
    artefact: Artefact,
    policy: ChurnPolicy,
    threads: int = 1,
    diagnosed: Diagnosed | None = None,
) -> pd.DataFrame:
    """Reasons of LightGBM scores.

    Args:
        rows: account_features rows.
        inputs: model inputs of the same rows.
        artefact: the model that scored them.
        policy: themes and words; an input that the rulebook no longer names gives no reason.
        threads: of LightGBM.
        diagnosed: explanations of the same rows; without them every theme speaks for itself.

    Returns:
        Columns of the score_reasons contract: per row the strongest behaviour and contract themes that raise the risk by at least the
        policy's minimum, strongest first; where none does, the one theme that lowers it most.
    """
    if rows.empty:
        return pd.DataFrame(columns=_COLUMNS)
    contributions = _with_contract(mean_contributions(artefact.trees, inputs, threads), rows, artefact)
    long = _by_theme(contributions, policy)
    if diagnosed is not None:
        long = _explained(long, diagnosed, policy)
    chosen = _strongest(long, policy)
    return _worded(chosen, rows, inputs, policy)


def _with_contract(contributions: pd.DataFrame, rows: pd.DataFrame, artefact: Artefact) -> pd.DataFrame:
    """Contributions with what the contract cell says against all accounts, as part of `days_to_renewal`."""
    if CELL_FEATURE not in contributions.columns:
        return contributions
    starts = [
        starting_log_odds(hazard, rows, artefact.cells) - log_odds(np.array([hazard.overall.probability]))[0]
        for hazard in artefact.tree_hazards
    ]
    return contributions.assign(**{CELL_FEATURE: contributions[CELL_FEATURE] + np.mean(starts, axis=0)})


def cell_reasons(rows: pd.DataFrame, artefact: Artefact, policy: ChurnPolicy) -> pd.DataFrame:
    """The one reason of a score without trees: its contract cell, against all accounts (contribution in log odds)."""
    if rows.empty:
        return pd.DataFrame(columns=_COLUMNS)
    probability, _ = look_up(artefact.hazard, rows, artefact.cells)
    overall = log_odds(np.array([artefact.hazard.overall.probability]))[0]
    told = "assumed, not a prediction, for no customer has left yet in the data: " if artefact.rung == "rules" else ""
    texts = [
        f"{CONTRACT_MARK}{told}{period} contract, {_renewal(days)}: {100 * p:.1f} % of such accounts leave within the horizon"
        for period, days, p in zip(
            cell_keys(rows, artefact.cells).str.split("|").str[0], rows["days_to_renewal"], probability, strict=True
        )
    ]
    return rows[["account_id", "as_of"]].assign(
        reason_rank=np.int16(1),
        reason_feature=CELL_FEATURE,
        reason_value=rows["days_to_renewal"].to_numpy(dtype="float64", na_value=np.nan),
        contribution=log_odds(probability) - overall,
        reason_text=texts,
    )


def index_reasons(rows: pd.DataFrame, artefact: Artefact, policy: ChurnPolicy) -> pd.DataFrame:
    """Reasons of a score by contract cell and declared index: the cell's, and the declared signs that raise the index most."""
    cell = cell_reasons(rows, artefact, policy)
    names = artefact.tilt.index.inputs
    if rows.empty or not names:
        return cell
    inputs = matrix(rows, names, artefact.codes)
    parts = artefact.tilt.slope * artefact.tilt.index.parts(inputs)
    long = _by_theme(pd.DataFrame(parts, columns=list(names), index=inputs.index), policy)
    chosen = _strongest(long.loc[long["contribution"] >= policy.reasons.minimum_log_odds], policy)
    signs = _worded(chosen, rows, inputs, policy)
    signs["reason_text"] = UNPROVEN_MARK + signs["reason_text"]
    found = pd.concat([cell, signs], ignore_index=True)
    found = found.sort_values(["account_id", "as_of", "contribution"], ascending=[True, True, False], kind="stable")
    place = found.groupby(["account_id", "as_of"]).cumcount() + 1
    return found.assign(reason_rank=place.astype("int16")).reset_index(drop=True)


def _renewal(days: float) -> str:
    return "no renewal date" if pd.isna(days) else f"renewal in {int(days)} days"


def _by_theme(contributions: pd.DataFrame, policy: ChurnPolicy) -> pd.DataFrame:
    """One row per account row and theme: sum, and the input that carries most of it in the sum's direction."""
    parts = []
    position = np.arange(len(contributions))
    for theme, family in policy.themes.items():
        names = [n for n in contributions.columns if n in policy.features and policy.features[n].theme == theme]
        if not names or family == "context":
            continue
        values = contributions[names].to_numpy()
        total = values.sum(axis=1)
        lead = np.argmax(values * np.where(total >= 0, 1.0, -1.0)[:, None], axis=1)
        parts.append(
            pd.DataFrame(
                {
                    "position": position,
                    "family": family,
                    "theme": theme,
                    "explanation": None,
                    "share": np.nan,
                    "reason_feature": np.array(names, dtype=object)[lead],
                    "contribution": total,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def _explained(long: pd.DataFrame, diagnosed: Diagnosed, policy: ChurnPolicy) -> pd.DataFrame:
    """Contributions with the themes of behaviour that raises the risk replaced by what explains it."""
    of_theme = {t: name for name, one in policy.diagnosis.explanations.items() for t in one.themes}
    covered = long["theme"].isin(of_theme)
    total = long.loc[covered].groupby("position")["contribution"].sum()
    raised = total.index[total >= policy.reasons.minimum_log_odds]
    replaced = covered & long["position"].isin(raised)
    strongest = long.loc[replaced].assign(explanation=lambda r: r["theme"].map(of_theme))
    strongest = strongest.sort_values(["position", "contribution"], ascending=[True, False], kind="stable")
    firsts = strongest.drop_duplicates(["position", "explanation"])
    symptom = strongest.groupby("position")["reason_feature"].first()
    found = []
    for name in policy.diagnosis.explanations:
        share = diagnosed.shares[name].to_numpy()[raised]
        strongest_of = firsts.loc[firsts["explanation"] == name].set_index("position")["reason_feature"]
        loudest = diagnosed.spoken[name].iloc[raised].map(_telling(name, policy)).to_numpy(dtype=object)
        features = pd.Series(loudest, index=raised).where(pd.notna(loudest), strongest_of.reindex(raised))
        one = pd.DataFrame(
            {"position": raised, "family": "behaviour", "theme": name, "explanation": name, "share": share}
        )
        one = one.assign(
            reason_feature=features.to_numpy(dtype=object),
            symptom=symptom.loc[raised].to_numpy(),
            contribution=total.loc[raised].to_numpy() * share,
        )
        found.append(one.loc[(one["share"] >= policy.diagnosis.least_share) & one["reason_feature"].notna()])
    return pd.concat([long.loc[~replaced], *found], ignore_index=True)


def _telling(explanation: str, policy: ChurnPolicy) -> dict[str, str]:
    """Signs whose own input's words tell an explanation, because it is of its themes; of others its strongest theme speaks."""
    own = policy.diagnosis.explanations[explanation].themes
    features = {name: sign.feature for name, sign in policy.diagnosis.signs.items()}
    return {name: f for name, f in features.items() if f is not None and policy.features[f].theme in own}


def _strongest(long: pd.DataFrame, policy: ChurnPolicy) -> pd.DataFrame:
    ordered = long.sort_values(["position", "contribution"], ascending=[True, False], kind="stable")
    is_raising = ordered["contribution"] >= policy.reasons.minimum_log_odds
    raising = ordered.loc[is_raising | ordered["explanation"].notna()]  # shares of a whole that is large enough
    place = raising.groupby(["position", "family"]).cumcount()
    limit = raising["family"].map({"behaviour": policy.reasons.behaviour, "contract": policy.reasons.contract})
    chosen = raising.loc[place < limit]
    calm = ordered.loc[~ordered["position"].isin(chosen["position"])].groupby("position").tail(1)
    result = pd.concat([chosen, calm]).sort_values(["position", "contribution"], ascending=[True, False], kind="stable")
    return result.assign(reason_rank=(result.groupby("position").cumcount() + 1).astype("int16"))


def _worded(chosen: pd.DataFrame, rows: pd.DataFrame, inputs: pd.DataFrame, policy: ChurnPolicy) -> pd.DataFrame:
    positions, features = chosen["position"].to_numpy(), chosen["reason_feature"].to_numpy(dtype=object)
    columns = inputs.columns.get_indexer(pd.Index(chosen["reason_feature"]))
    facts = fact_texts(features, positions, rows, inputs, policy)
    marks = [CONTRACT_MARK if policy.family(name) == "contract" else "" for name in features]
    lowers = np.where(chosen["contribution"].to_numpy() > 0, "", LOWERS_MARK)
    texts = [f"{lower}{mark}{fact}" for lower, mark, fact in zip(lowers, marks, facts, strict=True)]
    texts = _with_explanations(texts, chosen, rows, inputs, policy)
    keys = rows[["account_id", "as_of"]].iloc[positions].reset_index(drop=True)
    return keys.assign(
        reason_rank=chosen["reason_rank"].to_numpy(),
        reason_feature=chosen["reason_feature"].to_numpy(),
        reason_value=inputs.to_numpy()[positions, columns],
        contribution=chosen["contribution"].to_numpy(),
        reason_text=texts,
    )


def _with_explanations(
    texts: list[str],
    chosen: pd.DataFrame,
    rows: pd.DataFrame,
    inputs: pd.DataFrame,
    policy: ChurnPolicy,
) -> list[str]:
    """Facts with the explanation they speak for: the likeliest with the symptom and its harmless reading, the others as alternatives."""
    if "symptom" not in chosen or chosen["explanation"].isna().all():
        return texts
    place = chosen["explanation"].notna().groupby(chosen["position"]).cumsum().to_numpy()
    explained = chosen["explanation"].map(lambda name: isinstance(name, str)).to_numpy(dtype=bool)
    firsts = np.flatnonzero(explained & (place == 1))
    symptoms = chosen["symptom"].to_numpy(dtype=object)
    shown = fact_texts(symptoms[firsts], chosen["position"].to_numpy()[firsts], rows, inputs, policy)
    seen = dict(zip(firsts, shown, strict=True))
    told_of = ("explanation", "share", "reason_feature")
    said = []
    for number, (text, named, share, feature) in enumerate(
        zip(texts, *(chosen[each].to_numpy(dtype=object) for each in told_of), strict=True)
    ):
        if not explained[number]:
            said.append(text)
            continue
        explanation = policy.diagnosis.explanations[named]
        told = f"{explanation.title}, likely to {100 * share:.0f} %: {text}"
        if number not in seen:
            said.append(f"or {told}")
            continue
        symptom = "" if symptoms[number] == feature else f"; it shows in {seen[number]}"
        said.append(f"{told}{symptom} (unless {explanation.other_reading})")
    return said


def fact_texts(
    features: Names, positions: npt.NDArray[np.int64], rows: pd.DataFrame, inputs: pd.DataFrame, policy: ChurnPolicy
) -> Names:
    """The wording of one input of a row with the row's numbers, for many at once: `missing`, `low` or `high` by its value.

    Args:
        features: input names.
        positions: of each the row.
        rows: account_features rows.
        inputs: model inputs of the same rows.
        policy: the words.
    """
    said = np.empty(len(features), dtype=object)
    values = inputs.to_numpy()
    codes, names = pd.factorize(features)
    for code, name in enumerate(names):
        mine = np.flatnonzero(codes == code)
        rule = policy.features[name]
        value = values[positions[mine], inputs.columns.get_loc(name)]
        is_missing = np.isnan(value) & (rule.missing is not None)
        is_low = ~is_missing & (value < rule.pivot) & (rule.low is not None)
        for template, which in ((rule.missing, is_missing), (rule.low, is_low), (rule.high, ~is_missing & ~is_low)):
            if template is not None and which.any():
                said[mine[which]] = _filled(template, rows.iloc[positions[mine[which]]])
    return said


def _filled(template: str, rows: pd.DataFrame) -> list[str]:
    """A template with each row's numbers."""
    names = _placeholders(template)
    columns = [_shown(name, rows) for name in names]
    if not columns:
        return [template.format()] * len(rows)
    return [template.format(**dict(zip(names, row, strict=True))) for row in zip(*columns, strict=True)]


@lru_cache(maxsize=512)
def _placeholders(template: str) -> tuple[str, ...]:
    return tuple(name for _, name, _, _ in Formatter().parse(template) if name)


def _shown(name: str, rows: pd.DataFrame) -> Names:
    """A column's values for people: whole numbers with thousands separators, cents as whole dollars, gaps as `unknown`."""
    is_plain = name in rows.columns
    codes, found = pd.factorize(
        rows[name if is_plain else f"{name}_cents"].to_numpy(dtype=object), use_na_sentinel=False
    )
    return np.array([_for_people(value, is_plain) for value in found], dtype=object)[codes]


def _for_people(value: Any, is_plain: bool) -> str:
    if isinstance(value, str):
        return value
    if pd.isna(value):
        return "unknown"
    return f"{int(value):,}" if is_plain else f"{int(value) // 100:,}"
