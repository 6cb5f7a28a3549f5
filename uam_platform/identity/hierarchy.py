"""Workspace to account to parent account, with validity and knowledge (R85, R87).

Here: account claims of group calls and parents of the CRM as one table of workspaces. Not here: who works in a workspace
(`memberships`).
"""

import numpy as np
import pandas as pd

from uam_platform.identity.intervals import BEGINNING, FOREVER, clip, days, first_days
from uam_platform.identity.timeline import UNSTATED, overlay


def workspace_accounts(workspaces: pd.DataFrame, claims: pd.DataFrame) -> pd.DataFrame:
    """The account of every workspace.

    It is the one that group calls claim from some day on; the first claim also holds for the days before it. A workspace
    nobody claimed is an account of its own, until a claim is known.

    Args:
        workspaces: key, day, known, name: sightings that moved the first day back.
        claims: workspace, account, day, known, position.

    Returns:
        workspace, name, account, valid_from, valid_to, start, end; at a known day the rows of a workspace do not overlap.
    """
    names = workspaces.drop_duplicates("key").set_index("key")["name"]
    codes = np.array(sorted(set(claims["account"])), dtype=object)
    rows = overlay(_statements(workspaces, claims, codes))
    name = names.reindex(rows["group"]).to_numpy()
    claimed = np.array([*codes, None], dtype=object)[rows["value"].to_numpy()]  # -1 picks the None at the end
    account = np.where(rows["value"] == UNSTATED, name, claimed)
    rows = rows.assign(workspace=rows["group"], name=name, account=account).drop(columns=["group", "value"])
    return rows[pd.notna(rows["account"])]


def _statements(workspaces: pd.DataFrame, claims: pd.DataFrame, codes: np.ndarray) -> pd.DataFrame:
    seen = first_days(workspaces).rename(columns={"key": "group", "known": "start"})
    seen = seen.assign(valid_to=FOREVER, value=UNSTATED, position=0, end=FOREVER)
    said = claims.rename(columns={"workspace": "group", "day": "valid_from", "known": "start"})
    code = np.searchsorted(codes, said["account"].to_numpy(dtype=object)) if len(said) else 0
    said = said.assign(value=code, valid_to=FOREVER, end=FOREVER)
    columns = ["group", "value", "position", "valid_from", "valid_to", "start", "end"]
    return pd.concat([seen[columns], said[columns]], ignore_index=True).astype(np.int64)


def with_parents(rows: pd.DataFrame, accounts: pd.DataFrame) -> pd.DataFrame:
    """Workspaces with the parent of their account.

    Args:
        rows: see `workspace_accounts`.
        accounts: `staging/accounts`.

    Returns:
        The rows, split where the parent changes, with column parent (None without one).
    """
    columns = ["workspace", "name", "account", "parent", "valid_from", "valid_to", "start", "end"]
    parents = parent_history(accounts)
    has_parent = rows["account"].isin(parents["account"])
    joined = rows[has_parent].merge(parents, on="account", suffixes=("", "_parent"))
    joined = clip(joined, "valid_from", "valid_to", ("valid_from_parent", "valid_to_parent"))
    joined = clip(joined, "start", "end", ("start_parent", "end_parent"))
    bare = rows[~has_parent].assign(parent=None)
    return pd.concat([bare.astype({"parent": object})[columns], joined[columns]], ignore_index=True)


def parent_history(accounts: pd.DataFrame) -> pd.DataFrame:
    """The parent of every account that ever has one.

    Args:
        accounts: `staging/accounts`.

    Returns:
        account, parent (None before the first is known), valid_from, valid_to, start, end.
    """
    ever = accounts.loc[accounts["parent_account_id"].notna(), "account_id"].unique()
    facts = accounts[accounts["account_id"].isin(ever)]
    owners, parents = (
        np.array(sorted(set(ever)), dtype=object),
        np.array(sorted(set(facts["parent_account_id"].dropna()))),
    )
    group = np.searchsorted(owners, facts["account_id"].to_numpy(dtype=object)) if len(facts) else np.array([], int)
    value = np.zeros(len(facts), dtype=np.int64)  # 0: no parent
    is_child = facts["parent_account_id"].notna().to_numpy()
    if is_child.any():
        value[is_child] = 1 + np.searchsorted(parents, facts["parent_account_id"].to_numpy(dtype=object)[is_child])
    said = pd.DataFrame(
        {
            "group": group,
            "value": value,
            "position": pd.to_datetime(facts["valid_from_at"]).to_numpy("datetime64[us]").astype(np.int64),
            "valid_from": days(facts["valid_from_at"]).to_numpy(),
            "start": days(facts["known_date"]).to_numpy(),
        }
    )
    base = pd.DataFrame(
        {"group": np.arange(len(owners)), "value": 0, "position": 0, "valid_from": BEGINNING, "start": BEGINNING}
    )
    rows = overlay(pd.concat([base, said], ignore_index=True).assign(valid_to=FOREVER, end=FOREVER))
    named = np.concatenate([np.array([None], dtype=object), parents.astype(object)])
    return rows.assign(account=owners[rows["group"]], parent=named[rows["value"]]).drop(columns=["group", "value"])
