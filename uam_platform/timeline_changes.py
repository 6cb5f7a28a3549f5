"""Lines of a timeline on what the company changed or announced: releases, flags switched on, rollouts, the calendar.

Here: which of them concern an account. Not here: what the account itself did (`timeline`), the canonical tables
(`uam_platform.staging.changes`). A release behind a flag concerns those who saw the flag, any other everybody. Entries of a region's
calendar are left out: where an account's people are is not known.
"""

from collections.abc import Iterator
from typing import Any

import ibis.expr.types as ir
import pandas as pd

from uam_platform.contracts.tables import ACCOUNTS, ANNOUNCEMENTS, FLAG_EXPOSURES, HIERARCHY, RELEASES
from uam_platform.timeline_lines import Line, Store, plain_rows


def account_changes(store: Store, account_id: str) -> Iterator[Line]:
    """Flags that are on for the account, and announcements that name it."""
    for flag, rows in _by_flag(store, account_id):
        first = min(rows, key=lambda row: (row["exposed_at"], row["exposure_id"]))
        spaces = len({row["workspace_id_source"] for row in rows if row["workspace_id_source"]})
        where = f", {spaces} workspaces" if spaces > 1 else ""
        text = f"{flag[0]}: {flag[1]} ({str(first['flag_kind']).replace('_', ' ')}{where})"
        yield Line(first["exposed_at"], "flag", text, f"staging/flag_exposures exposure_id={first['exposure_id']}")
    for row in store.rows(ANNOUNCEMENTS, account_id):
        if row["flag_key"] is None:  # what a flag announces is told as the flag
            yield _announced(row)


def company_changes(store: Store, account_id: str) -> Iterator[Line]:
    """Releases that concern the account, and announcements for its industry or for everybody."""
    flags = {flag for (flag, _), _ in _by_flag(store, account_id)}
    for row in plain_rows(store.lake.read(store.connection, RELEASES).to_pandas()):
        if row["flag_key"] is None or row["flag_key"] in flags:
            behind = f", behind flag {row['flag_key']}" if row["flag_key"] else ""
            text = f"{row['release_version']} {row['title']} ({row['release_kind']}{behind})"
            yield Line(row["released_at"], "release", text, f"staging/releases release_id={row['release_id']}")
    industries = {row["industry"] for row in store.rows(ACCOUNTS, account_id)}
    table = store.lake.read(store.connection, ANNOUNCEMENTS)
    general = table.filter(table.account_id.isnull() & table.utc_offset_minutes.isnull())
    for row in plain_rows(general.to_pandas()):
        if row["industry"] is None or row["industry"] in industries:
            yield _announced(row)


def _by_flag(store: Store, account_id: str) -> list[tuple[tuple[str, str], list[dict[str, Any]]]]:
    """Exposures of the account or its workspaces, by flag and variant."""
    exposures = store.lake.read(store.connection, FLAG_EXPOSURES)
    links = store.lake.read(store.connection, HIERARCHY)
    spaces = links.filter(links.account_id == account_id).workspace_key
    frame = exposures.filter(_concerns(exposures, spaces, account_id)).to_pandas()
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in plain_rows(frame.sort_values("exposure_id")):
        found.setdefault((str(row["flag_key"]), str(row["variant"])), []).append(row)
    return sorted(found.items())


def _concerns(exposures: ir.Table, spaces: ir.Column, account_id: str) -> ir.BooleanValue:
    of_space = exposures.account_id.isnull() & (exposures.workspace_key != 0) & exposures.workspace_key.isin(spaces)
    return (exposures.account_id == account_id) | of_space


def _announced(row: dict[str, Any]) -> Line:
    until = f" until {pd.Timestamp(row['ends_at']):%Y-%m-%d}" if row["ends_at"] else ""
    return Line(
        row["starts_at"],
        "announced",
        f"{str(row['announced_kind']).replace('_', ' ')}{until}: {row['title']}",
        f"staging/announcements announcement_id={row['announcement_id']}",
    )
