"""What really is: the tables an evaluation compares with, written outside the company's data.

Belongs here: the printing of hidden state as truth tables. Does not belong here: the truth of each delivery
(``deliveries``), probabilities (``oracle``).
"""

from typing import Any

import numpy as np
import pyarrow as pa

from uam_platform.simulation.world.clock import Array, instant, to_us
from uam_platform.simulation.world.commerce import Book
from uam_platform.simulation.world.deliveries import person_id
from uam_platform.simulation.world.drivers import CAUSES, LOOKALIKES
from uam_platform.simulation.world.health import Benign, Health, Law, distress
from uam_platform.simulation.world.oracle import Outlook
from uam_platform.simulation.world.people import FOREVER, Devices, People
from uam_platform.simulation.world.population import FITS, PLANS, TIERS, Accounts, workspace_ids
from uam_platform.simulation.world.product import ROLES
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
        "distress": pa.array(np.round(distress(level, law), 4).astype(np.float32)),
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


def _window(first: float, last: float) -> dict[str, Any]:
    return {"valid_from": instant(first), "valid_to": instant(last) if last < FOREVER else None}


def people_truth(people: People, devices: Devices, seen: Array, days: int) -> list[dict[str, Any]]:
    """Return which identifier is whose and when; anonymous ids only if they were ever used, and for their owner."""
    rows: list[dict[str, Any]] = []
    for person in range(people.count):
        joined, left = float(people.join_day[person]), float(people.leave_day[person])
        if joined >= days:
            continue
        name, moved = person_id(person), float(people.email_change_day[person])
        rows.append(
            {"person_id": name, "identifier_kind": "user_id", "identifier": people.user_id(person)}
            | _window(joined, left)
        )
        rows.append(
            {"person_id": name, "identifier_kind": "email", "identifier": people.email[person]}
            | _window(joined, min(left, moved))
        )
        if moved < min(left, days):
            rows.append(
                {"person_id": name, "identifier_kind": "email", "identifier": people.later_email[person]}
                | _window(moved, left)
            )
        for device in range(devices.first[person], devices.first[person] + devices.number[person]):
            turned = float(devices.rotate_day[device])
            for code, first, last in (
                (device, joined, min(left, turned)),
                (device + devices.count, max(joined, turned), left),
            ):
                if seen[code]:
                    anonymous = devices.anonymous_id[code]
                    rows.append(
                        {"person_id": name, "identifier_kind": "anonymous_id", "identifier": anonymous}
                        | _window(first, last)
                    )
    return rows


def membership_truth(accounts: Accounts, people: People, days: int) -> list[dict[str, Any]]:
    """Return role intervals of every person in every account."""
    rows: list[dict[str, Any]] = []
    for person in range(people.count):
        joined, left = float(people.join_day[person]), float(people.leave_day[person])
        if joined >= days:
            continue
        turn = float(people.role_change_day[person])
        places = [(int(people.account[person]), joined)]
        if people.second_account[person] >= 0 and people.second_from_day[person] < min(left, days):
            places.append((int(people.second_account[person]), float(people.second_from_day[person])))
        for account, since in places:
            base = {"person_id": person_id(person), "account_id": accounts.account_id[account]}
            if since < turn:
                rows.append(base | {"role": ROLES[people.role[person]]} | _window(since, min(left, turn)))
            if turn < min(left, days):
                rows.append(base | {"role": ROLES[people.later_role[person]]} | _window(max(since, turn), left))
    return rows


def shared_truth(people: People, devices: Devices, seen: Array) -> list[dict[str, Any]]:
    """Return owner and borrower of every used anonymous id on which two people log in."""
    rows: list[dict[str, Any]] = []
    for borrower in np.flatnonzero(devices.borrowed >= 0):
        device = int(devices.borrowed[borrower])
        for code in (device, device + devices.count):
            if seen[code]:
                anonymous = devices.anonymous_id[code]
                for person, is_owner in ((int(devices.owner[device]), True), (int(borrower), False)):
                    rows.append({"anonymous_id": anonymous, "person_id": person_id(person), "is_owner": is_owner})
    return rows


def hierarchy_truth(accounts: Accounts) -> list[dict[str, Any]]:
    """Return workspace, account and parent."""
    rows = []
    for index, spaces in enumerate(workspace_ids(accounts)):
        parent = int(accounts.parent[index])
        for workspace in spaces:
            rows.append({
                "workspace_id": workspace, "account_id": accounts.account_id[index],
                "parent_account_id": accounts.account_id[parent] if parent >= 0 else None,
            })  # fmt: skip
    return rows
