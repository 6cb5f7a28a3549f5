"""Who belongs to which account in which role, when (R83, R84, R88).

Here: sightings and role statements in workspaces, and directory records, as rows of persons in accounts. Not here: which account a
workspace belongs to (`hierarchy`), who left for another account (`moves`), which user ids are one person (`persons`).
"""

import numpy as np
import pandas as pd

from uam_platform.identity.intervals import FOREVER, clip
from uam_platform.identity.moves import where_present
from uam_platform.identity.timeline import UNSTATED, overlay

_SPAN = ["valid_from", "valid_to", "start", "end"]
_PLACE = ["person", "account"]


def resolve_memberships(
    visits: pd.DataFrame,
    roles: pd.DataFrame,
    directory: pd.DataFrame,
    history: pd.DataFrame,
    places: pd.DataFrame,
    present: pd.DataFrame,
) -> pd.DataFrame:
    """Persons in accounts over time.

    A membership starts on the first day a person was seen in a workspace of the account and lasts while the workspace belongs to
    it, or until the person left for another account. A role holds from the day it was stated; the first one also before. Directory
    records count for persons of whom the product has shown no account yet.

    Args:
        visits: user, workspace, day, known.
        roles: user, workspace, role, day, known, position.
        directory: person, account, role, day, start, end: directory records, tied to persons.
        history: user, person, start, end.
        places: workspace, account, valid_from, valid_to, start, end.
        present: see `moves.presence`.

    Returns:
        person, account, role (None if never stated), evidence, valid_from, valid_to, start, end; at a known day the rows of a person
        and account do not overlap.
    """
    codes = np.array(sorted({*roles["role"], *directory["role"].dropna()}), dtype=object)
    there = places[["workspace", "account", *_SPAN]]
    product = _in_workspaces(visits, roles, history, codes).merge(there, on="workspace", suffixes=("", "_place"))
    product = clip(product, "valid_from", "valid_to", ("valid_from_place", "valid_to_place"))
    product = clip(product, "start", "end", ("start_place", "end_place")).assign(evidence="membership")
    product = where_present(product, present)
    records = _directory_only(directory, product, codes)
    columns = [*_PLACE, "user", "workspace", "value", "evidence", *_SPAN]
    rows = pd.concat([product[columns], records[columns]], ignore_index=True)
    resolved = _one_per_day(rows)
    return resolved.assign(role=np.array([*codes, None], dtype=object)[resolved["value"].to_numpy(np.int64)])


def _in_workspaces(visits: pd.DataFrame, roles: pd.DataFrame, history: pd.DataFrame, codes: np.ndarray) -> pd.DataFrame:
    """The role of every user id in every workspace, tied to persons: person, user, workspace, value and span."""
    said = roles.assign(value=np.searchsorted(codes, roles["role"].to_numpy(dtype=object)) if len(roles) else UNSTATED)
    there = visits.assign(value=UNSTATED, position=0)
    columns = ["user", "workspace", "value", "position", "day", "known"]
    rows = pd.concat([there[columns], said[columns]], ignore_index=True).astype(np.int64)
    rows = rows.rename(columns={"day": "valid_from", "known": "start"}).assign(valid_to=FOREVER, end=FOREVER)
    worked = _overlaid(rows, ["user", "workspace"]).merge(history, on="user", suffixes=("", "_person"))
    return clip(worked, "start", "end", ("start_person", "end_person"))


def _overlaid(rows: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    grouped = rows.groupby(keys, sort=False)
    subjects = rows[keys].drop_duplicates(ignore_index=True)
    resolved = overlay(rows.assign(group=grouped.ngroup()))
    return resolved.merge(subjects, left_on="group", right_index=True, validate="m:1").drop(columns="group")


def _directory_only(directory: pd.DataFrame, product: pd.DataFrame, codes: np.ndarray) -> pd.DataFrame:
    """Directory records until the day on which the product first shows the person in any account."""
    until = product.groupby("person")["start"].min().reindex(directory["person"]).fillna(FOREVER).to_numpy(np.int64)
    value = np.full(len(directory), UNSTATED)
    is_stated = directory["role"].notna().to_numpy()
    if is_stated.any():
        value[is_stated] = np.searchsorted(codes, directory["role"].to_numpy(dtype=object)[is_stated])
    rows = directory.rename(columns={"day": "valid_from"}).assign(value=value, valid_to=FOREVER, user=0, workspace=0)
    rows = rows.assign(end=np.minimum(rows["end"], until), evidence="directory")
    return rows[rows["start"] < rows["end"]]


def _one_per_day(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of persons who reach an account through several user ids, workspaces or records, without overlap."""
    keys = [*_PLACE, "evidence"]
    columns = [*keys, "value", *_SPAN]
    ways = rows.drop_duplicates([*keys, "user", "workspace"])
    shared = ways[ways.duplicated(keys, keep=False)].groupby(keys).size().rename("ways")
    is_single = rows.join(shared, on=keys)["ways"].isna() & (rows["evidence"] == "membership")
    several = rows[~is_single].assign(position=0)
    if several.empty:
        return rows[columns]
    return pd.concat([rows.loc[is_single, columns], _overlaid(several, keys)[columns]], ignore_index=True)
