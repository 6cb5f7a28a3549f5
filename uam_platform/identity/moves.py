"""Who left an account for another: silence in one while at work in the other ends a membership (R83).

Here: stays of users in workspaces, and the days on which persons of several accounts belong to each. Not here: which account a
workspace is of (`hierarchy`), roles (`memberships`).

A person belongs to an account from the first day there. It ends with the day after the last one there, once more than so many days of
silence there are over and the person was seen in another account after the first half of them; whoever comes back belongs again from
that day on. A contractor who goes on in both belongs to both. Silence alone, without another account, ends nothing; nor does a
workspace that changes hands: its people belong to either account for as long as the workspace does.

Days are kept as stays, between whose days lies no more than half of that silence, so a stay that goes on when the first half is
over has a day in the second half: what a known day says follows from what was known by then.
"""

from collections.abc import Collection, Iterator
from itertools import pairwise

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from uam_platform.identity.intervals import BEGINNING, FOREVER, clip
from uam_platform.policy.identity import IdentityPolicy

Item = tuple[int, int, int, int, int]  # first day, last day, workspace, start, end (known days)
Stay = tuple[int, int, int]  # first day, last day, workspace
Range = tuple[int, int]
_SPAN = ["valid_from", "valid_to", "start", "end"]
_COLUMNS = ["person", "account", *_SPAN]


def stays_of(placed: ir.Table, quiet_days: int, changing: Collection[int], joined: Collection[int]) -> ir.Table:
    """Stretches of days without longer silence that users of several workspaces, or of several logins, spent in each.

    Days that all were known on time become one row, of which a known day sees what lies before it. A row each have days of a workspace
    of which one was known late, and of workspaces that change accounts.

    Args:
        placed: user, workspace, event_date, known_date.
        quiet_days: silence that ends a membership; half of it ends a stretch.
        changing: workspaces that change accounts.
        joined: user ids that may be one person with another.

    Returns:
        user, workspace, first, last, known (of the first day).
    """
    users = placed.group_by("user").aggregate(least=placed.workspace.min(), most=placed.workspace.max())
    logins = ibis.memtable({"user": sorted(joined)}, schema={"user": "int64"})
    rows = placed.semi_join(users.filter(users.least != users.most).select("user").union(logins), "user")
    day, known = (rows[name].epoch_days().cast("int64") for name in ("event_date", "known_date"))
    daily = rows.group_by("user", "workspace", day=day).aggregate(known=known.min())
    place = ["user", "workspace"]
    marked = daily.mutate(latest=(daily.known - daily.day).max().over(ibis.window(group_by=place)))
    is_single = (marked.latest > 0) | marked.workspace.isin(sorted(changing))
    late = marked.filter(is_single).select(*place, first="day", last="day", known="known")
    order = ibis.window(group_by=place, order_by="day")
    on_time = marked.filter(~is_single)
    on_time = on_time.mutate(before=on_time.day.lag().over(order))
    is_new = on_time.before.isnull() | (on_time.day - on_time.before > quiet_days // 2)
    begun = on_time.mutate(is_new=is_new.cast("int64"))
    numbered = begun.mutate(stay=begun.is_new.sum().over(ibis.cumulative_window(group_by=place, order_by="day")))
    grouped = numbered.group_by(*place, "stay").aggregate(first=numbered.day.min(), last=numbered.day.max())
    return late.union(grouped.select(*place, "first", "last", known=grouped["first"]))


def presence(stays: pd.DataFrame, history: pd.DataFrame, places: pd.DataFrame, policy: IdentityPolicy) -> pd.DataFrame:
    """Days on which persons belong to accounts that they ever left for another.

    Args:
        stays: user, workspace, first, last, known.
        history: user, person, start, end.
        places: workspace, account and span.
        policy: the silence that counts, and in how many accounts at most a person can move.

    Returns:
        person, account and span, for such pairs only; at a known day the rows of a pair do not overlap.
    """
    if policy.quiet_in_account_days is None or stays.empty:
        return pd.DataFrame({c: pd.Series(dtype=object if c == "account" else np.int64) for c in _COLUMNS})
    seen, quiet, most = (
        _in_accounts(stays, history, places),
        policy.quiet_in_account_days.most,
        policy.accounts_of_a_mover.most,
    )
    movers, found = seen[seen.groupby("person")["account"].transform("nunique") > 1], []
    for person, rows in movers.groupby("person"):
        known = sorted(rows.groupby("account")["start"].min())
        until = known[most] if len(known) > most else FOREVER
        items = {account: _items(own) for account, own in rows[rows["start"] < until].groupby("account")}
        for account, own in items.items():
            cells = [*_cells(own, [other for name, other in items.items() if name != account], quiet, until)]
            if any((low, high) != (BEGINNING, FOREVER) for low, high, *_ in cells):
                found += [(person, account, *cell) for cell in cells]
    rows = pd.DataFrame(found, columns=_COLUMNS)
    return rows.astype({c: np.int64 for c in _COLUMNS if c != "account"})


def _in_accounts(stays: pd.DataFrame, history: pd.DataFrame, places: pd.DataFrame) -> pd.DataFrame:
    """person, account, workspace, first, last, start, end."""
    rows = stays.assign(until=stays["last"] + 1).merge(places[["workspace", "account", *_SPAN]], on="workspace")
    rows = clip(rows, "first", "until", ("valid_from", "valid_to"))
    rows = clip(rows, "start", "end", ("known", None)).merge(history, on="user", suffixes=("", "_person"))
    rows = clip(rows, "start", "end", ("start_person", "end_person"))
    rows = clip(rows.assign(last=rows["until"] - 1), "start", "end", ("first", None))
    return rows[["person", "account", "workspace", "first", "last", "start", "end"]]


def _items(rows: pd.DataFrame) -> list[Item]:
    return [*zip(*(rows[c].tolist() for c in ("first", "last", "workspace", "start", "end")), strict=True)]


def _cells(own: list[Item], others: list[list[Item]], quiet: int, until: int) -> Iterator[tuple[int, int, int, int]]:
    """Days of belonging to one account as known over time, by going through the known days on which something changes.

    Args:
        own: items of the account.
        others: items of each other account of the person.
        quiet: silence that ends a membership.
        until: known day on which the person turns out to have more accounts than a mover may have; from then on no membership ends.
    """
    moments = {moment for items in (own, *others) for *_, start, end in items for moment in (start, end)}
    moments |= {until, *(last + quiet + 1 for _, last, *_ in own)}
    current: dict[Range, int] = {}
    for known in [BEGINNING, *sorted(moment for moment in moments if moment <= until and moment < FOREVER)]:
        here = _alive(own, known)
        elsewhere = [_alive(items, known) for items in others] if known < until else []
        own_places = {workspace for *_, workspace in here}  # what changed hands is left by nobody
        away = [(first, last) for told in elsewhere for first, last, workspace in told if workspace not in own_places]
        now = set(_present(here, away, known, quiet))
        for gone in [r for r in current if r not in now]:
            yield (*gone, current.pop(gone), known)
        for new in now - current.keys():
            current[new] = known
    for held, since in current.items():
        yield (*held, since, FOREVER)


def _alive(items: list[Item], known: int) -> list[Stay]:
    """What is known of the items: of a stretch no day after the known one."""
    return sorted(
        (first, min(last, max(first, known)), workspace)
        for first, last, workspace, start, end in items
        if start <= known < end
    )


def _present(own: list[Stay], away: list[Range], known: int, quiet: int) -> Iterator[Range]:
    """Days of belonging: all, without the silences that were spent elsewhere."""
    ends = [BEGINNING]
    reach = own[0][1] if own else FOREVER
    for first, last, _ in [*own[1:], (FOREVER, FOREVER, 0)] if own else ():
        silent_to = first if first < FOREVER else known
        half = reach + quiet // 2
        if silent_to - reach > quiet and any(begun < first and ended > half for begun, ended in away):
            ends += [reach + 1, first]
        reach = max(reach, last)
    ends.append(FOREVER)
    yield from ((low, high) for low, high in list(pairwise(ends))[::2] if low < high)


def where_present(rows: pd.DataFrame, present: pd.DataFrame) -> pd.DataFrame:
    """Rows of persons in accounts, cut to the days on which they belong there.

    Args:
        rows: person, account, span and any other columns.
        present: see `presence`; pairs that it does not name stay as they are.
    """
    if present.empty:
        return rows
    pairs = pd.MultiIndex.from_frame(present[["person", "account"]].drop_duplicates())
    is_cut = pd.MultiIndex.from_frame(rows[["person", "account"]]).isin(pairs)
    cut = rows[is_cut].merge(present, on=["person", "account"], suffixes=("", "_present"))
    cut = clip(cut, "valid_from", "valid_to", ("valid_from_present", "valid_to_present"))
    cut = clip(cut, "start", "end", ("start_present", "end_present"))
    return pd.concat([rows[~is_cut], cut[rows.columns]], ignore_index=True)
