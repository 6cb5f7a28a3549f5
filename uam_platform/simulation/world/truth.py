"""What really is: the tables an evaluation compares with, written outside the company's data.

Belongs here: the printing of hidden state as truth tables. Does not belong here: the truth of each delivery
(``deliveries``), people and companies (``truth_people``), probabilities (``oracle``).
"""

from typing import Any

import numpy as np
import pyarrow as pa

from uam_platform.simulation.world.clock import Array, instant, to_us
from uam_platform.simulation.world.commerce import Book
from uam_platform.simulation.world.drivers import CAUSES, LOOKALIKES
from uam_platform.simulation.world.health import Benign, Health, Law, distress
from uam_platform.simulation.world.oracle import Outlook
from uam_platform.simulation.world.population import FITS, PLANS, TIERS, Accounts
from uam_platform.simulation.world.store import instants, labels


def account_truth(accounts: Accounts, health: Health, days: int) -> list[dict[str, Any]]:
    """Return one row per account with the harms it met before the end of the world."""
    causes: list[list[str]] = [[] for _ in range(accounts.count)]
    for account, cause, onset in zip(health.spell_account, health.spell_cause, health.spell_onset_day, strict=True):
        if onset < days and CAUSES[cause].name not in causes[account]:
            causes[account].append(CAUSES[cause].name)
    rows = []
    for index in range(accounts.count):
        rows.append({
            "account_id": accounts.account_id[index], "segment": TIERS[accounts.tier[index]],
            "plan": PLANS[accounts.plan[index]], "is_monthly": bool(accounts.is_monthly[index]),
            "started_at": instant(int(accounts.start_day[index])), "size": round(float(accounts.size[index]), 6),
            "vulnerability": round(float(accounts.vulnerability[index]), 6), "fit": FITS[accounts.fit[index]],
            "causes": causes[index],
        })  # fmt: skip
    return rows


def health_truth(accounts: Accounts, health: Health, law: Law, outlook: Outlook, chance: Array) -> dict[str, Any]:
    """Return columns with one row per paying account-week without notice, ordered by account and week."""
    level = health.level[outlook.week, outlook.account]
    decisions = np.where(outlook.first_decision >= 0, outlook.first_decision, outlook.second_decision)
    columns: dict[str, Any] = {
        "account_id": labels(outlook.account, accounts.account_id),
        "as_of": instants(to_us(outlook.week * 7.0)),
        "distress": pa.array(np.round(distress(level, law, outlook.account), 4).astype(np.float32)),
        "days_to_decision": pa.array(decisions.astype(np.int16), mask=decisions < 0),
        "p_churn_56d": pa.array(chance),
    }
    for index, cause in enumerate(CAUSES):
        columns[f"level_{cause.name}"] = pa.array(np.round(level[:, index], 4).astype(np.float32))
    return columns


def churn_truth(accounts: Accounts, book: Book, days: int) -> list[dict[str, Any]]:
    """Return one row per subscription end, up to the horizon beyond the world."""
    rows = []
    for end in sorted(book.ends, key=lambda each: (each.ended_day, each.account)):
        cause = CAUSES[end.cause] if end.cause is not None else None
        rows.append({
            "account_id": accounts.account_id[end.account], "spell_no": end.spell, "ended_at": instant(end.ended_day),
            "cause": cause.name if cause else None, "family": cause.family if cause else None,
            "is_causal": end.is_causal, "is_censored": end.is_censored, "is_after_end": end.ended_day > days,
            "notice_at": instant(end.notice_day + 0.4) if end.notice_day is not None else None,
        })  # fmt: skip
    return rows


def episode_truth(accounts: Accounts, health: Health, benign: Benign, book: Book, days: int) -> list[dict[str, Any]]:
    """Return harmful spells and harmless look-alikes of paying accounts; a spell ends at recovery or with the account."""
    rows = []
    for index in range(len(health.spell_account)):
        account, cause = int(health.spell_account[index]), CAUSES[health.spell_cause[index]]
        onset = int(health.spell_onset_day[index])
        row = _episode(accounts, book, account, onset, int(health.spell_end_day[index]), days)
        if row is not None:
            rows.append(row | {
                "cause": cause.name, "family": cause.family, "is_harmful": True, "is_announced": False,
                "severity": round(float(health.spell_severity[index]), 4),
                "is_onset_before_start": bool(health.is_older[index]),
            })  # fmt: skip
    for index in range(len(benign.account)):
        kind = LOOKALIKES[benign.kind[index]]
        first, last = int(benign.first_week[index]) * 7, int(benign.last_week[index]) * 7
        row = _episode(accounts, book, int(benign.account[index]), first, last, days)
        if row is not None:
            rows.append(row | {
                "cause": kind.name, "family": kind.family, "is_harmful": False, "severity": 0.0,
                "is_announced": bool(benign.is_announced[index]), "is_onset_before_start": False,
            })  # fmt: skip
    rows.sort(key=lambda row: (row["onset_at"], row["account_id"], row["cause"]))
    return [{"episode_id": f"ep_{number + 1:06d}"} | row for number, row in enumerate(rows)]


def _episode(accounts: Accounts, book: Book, account: int, first: int, last: int, days: int) -> dict[str, Any] | None:
    paying = book.paying[account]
    seen = max(first, 0)
    if first >= days or seen >= len(paying) or not paying[seen]:
        return None
    stops = np.flatnonzero(~paying[seen:])
    end = min(last, seen + int(stops[0])) if len(stops) else last
    return {"account_id": accounts.account_id[account], "onset_at": instant(first), "end_at": instant(end)}
