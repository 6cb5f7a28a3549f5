"""Releases, flag exposures and announcements from what release systems, flag systems and calendars say.

Here: records of the `releases` connector into RELEASES, FLAG_EXPOSURES and ANNOUNCEMENTS. Not here: which form a record has
(`uam_platform.connectors.releases`), flags as events carry them (`uam_platform.behavior.workflow_days`), what a rollout explains
away (`uam_platform.alerts`). The kinds follow `rulebook/changes.yaml`.

A flag that is a rollout or an automation is an announcement for each account it is switched on for, from the first time on. A flag's
own record names accounts in its conditions; its change time says since when, and without one the load time, for a list of today proves
nothing about the past.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from uam_platform.policy.changes import ChangePolicy
from uam_platform.policy.redaction import Redactor
from uam_platform.policy.time import TimePolicy
from uam_platform.staging.mapped_records import known_at
from uam_platform.staging.record_log import Record, RecordLog, latest
from uam_platform.staging.record_values import (
    IMPOSSIBLE_TIME,
    MISSING_ID,
    WRONG_TYPE,
    RecordError,
    known_day,
    moment,
    number,
    required,
    required_moment,
    text,
)
from uam_platform.staging.redaction import redacted
from uam_platform.temporal import keys

Row = dict[str, Any]
KINDS: Final = ("release", "github_release", "flag_exposure", "flag_call", "posthog_flag", "announcement")
_ANNOUNCING: Final = ("staged_rollout", "automated_work")
_WITHDRAWN: Final = ("deleted", "unpublished")


@dataclass(frozen=True)
class Changes:
    """Rows of the contracts of their names."""

    releases: list[Row]
    flag_exposures: list[Row]
    announcements: list[Row]


@dataclass(frozen=True)
class _Rules:
    """What building a row needs beside the record."""

    time: TimePolicy
    kinds: ChangePolicy
    redactor: Redactor

    def provenance(self, record: Record, at: datetime, known: datetime | None = None) -> Row:
        """source, known_at, known_date, load_id, row_no of a fact that happened at `at`."""
        known = known_at(record, at, self.time) if known is None else known
        return {
            "source": record.load.source,
            "known_at": known,
            "known_date": known_day(known, at, self.time.grace),
            "load_id": record.load.load_id,
            "row_no": record.row_no,
        }


def changes(
    log: RecordLog, by_object: Mapping[str, Sequence[Record]], time: TimePolicy, kinds: ChangePolicy, redactor: Redactor
) -> Changes:
    """Canonical rows of all records.

    Args:
        log: takes what cannot be read.
        by_object: records by form.
        time: grace and knowledge basis.
        kinds: what flags, releases and announcements stand for.
        redactor: of release notes and titles.
    """
    rules = _Rules(time, kinds, redactor)
    exposed = list(_exposures(log, by_object, rules))
    announced = [
        row
        for _, row in latest(log.built(by_object.get("announcement", ()), lambda r: _announcement(r, rules))).values()
    ]
    return Changes(
        releases=_releases(log, by_object, rules),
        flag_exposures=exposed,
        announcements=announced + _of_flags(exposed, kinds),
    )


def _releases(log: RecordLog, by_object: Mapping[str, Sequence[Record]], rules: _Rules) -> list[Row]:
    own = latest(log.built(by_object.get("release", ()), lambda r: _release(r, rules)))
    hub = latest(log.built(by_object.get("github_release", ()), lambda r: _github(r, rules)))
    found = [row for _, row in (*own.values(), *hub.values()) if row is not None]
    return list({row["release_id"]: row for row in sorted(found, key=lambda r: (r["known_at"], r["load_id"]))}.values())


def _release(record: Record, rules: _Rules) -> Row:
    said = record.payload
    released = required_moment(said, "released_at")
    title = text(said, "title") or text(said, "version") or record.record_id
    return {
        **rules.provenance(record, released),
        "release_id": record.record_id,
        "release_version": text(said, "version") or record.record_id,
        "title": redacted(title, rules.redactor),
        "release_kind": rules.kinds.release_kind(text(said, "kind"), title, text(said, "notes")),
        "component": text(said, "component"),
        "notes": redacted(text(said, "notes"), rules.redactor),
        "flag_key": text(said, "flag_key"),
        "released_at": released,
    }


def _github(record: Record, rules: _Rules) -> Row | None:
    """None for what is not out: a draft, or a release that was withdrawn."""
    said = record.payload
    is_out = str(said.get("draft")).lower() != "true" and said.get("_action") not in _WITHDRAWN
    if not is_out:
        return None
    tag, released = required(said, "tag_name"), required_moment(said, "published_at")
    title, repository = text(said, "name") or tag, text(said, "_repository")
    return {
        **rules.provenance(record, released),
        "release_id": record.record_id,
        "release_version": tag,
        "title": redacted(title, rules.redactor),
        "release_kind": rules.kinds.release_kind(text(said, "kind"), title, tag, text(said, "body")),
        "component": text(said, "component") or (repository.rsplit("/", 1)[-1] if repository else None),
        "notes": redacted(text(said, "body"), rules.redactor),
        "flag_key": text(said, "flag_key"),
        "released_at": released,
    }


def _exposures(log: RecordLog, by_object: Mapping[str, Sequence[Record]], rules: _Rules) -> Iterator[Row]:
    """Each exposure once, however many records tell it: the one known first."""
    built: list[Row] = []
    for _, row in log.built(by_object.get("flag_exposure", ()), lambda r: _exposure(r, rules)):
        built.append(row)
    for _, row in log.built(by_object.get("flag_call", ()), lambda r: _call(r, rules)):
        built.append(row)
    for _, rows in log.built(by_object.get("posthog_flag", ()), lambda r: _conditions(r, rules)):
        built.extend(rows)
    found: dict[tuple[str, str], Row] = {}
    for row in sorted(built, key=lambda r: (r["known_at"], r["load_id"], r["row_no"])):
        found.setdefault((row["source"], row["exposure_id"]), row)
    yield from found.values()


def _exposure(record: Record, rules: _Rules) -> Row:
    said = record.payload
    return _exposed(
        record, rules, required(said, "flag_key"), rules.kinds.flag_kind(text(said, "kind"), text(said, "flag_key")),
        text(said, "variant") or "on", required_moment(said, "exposed_at"),
        account_id=text(said, "account_id"), workspace=text(said, "workspace_id"), user=text(said, "user_id"),
    )  # fmt: skip


def _call(record: Record, rules: _Rules) -> Row:
    """An answer of the flag system to one user; the account is one of the groups that the rulebook names."""
    said = record.payload
    groups = said.get("groups") or {}
    account = next((text(groups, name) for name in rules.kinds.account_properties if text(groups, name)), None)
    key = required(said, "flag_key")
    return _exposed(
        record, rules, key, rules.kinds.flag_kind(None, key), (text(said, "variant") or "on").lower(),
        required_moment(said, "exposed_at"), account_id=account, workspace=text(groups, "workspace"), user=text(said, "user_id"),
    )  # fmt: skip


def _conditions(record: Record, rules: _Rules) -> list[Row]:
    """Accounts that the conditions of a flag name, switched on wholly."""
    said = record.payload
    key = required(said, "key")
    if str(said.get("active")).lower() == "false" or str(said.get("deleted")).lower() == "true":
        return []
    since = moment(said, "updated_at")
    at, known = (record.load.loaded_time, record.load.loaded_time) if since is None else (since, None)
    kind = rules.kinds.flag_kind(None, key, text(said, "name"))
    accounts = sorted(set(_named_accounts(said.get("filters"), rules.kinds.account_properties)))
    return [_exposed(record, rules, key, kind, "on", at, account_id=account, known=known) for account in accounts]


def _named_accounts(filters: Any, names: Sequence[str]) -> Iterator[str]:
    groups = filters.get("groups") if isinstance(filters, Mapping) else None
    for group in groups if isinstance(groups, list) else ():
        if not isinstance(group, Mapping) or group.get("rollout_percentage") not in (None, 100):
            continue
        conditions = [each for each in group.get("properties") or () if isinstance(each, Mapping)]
        if (
            len(conditions) == 1
            and conditions[0].get("key") in names
            and conditions[0].get("operator") in (None, "exact")
        ):
            value = conditions[0].get("value")
            yield from (str(each) for each in (value if isinstance(value, list) else [value]) if each not in (None, ""))


def _exposed(
    record: Record,
    rules: _Rules,
    flag_key: str,
    kind: str,
    variant: str,
    at: datetime,
    *,
    account_id: str | None = None,
    workspace: str | None = None,
    user: str | None = None,
    known: datetime | None = None,
) -> Row:
    if not (account_id or workspace or user):
        raise RecordError(MISSING_ID, "account_id, workspace_id and user_id are empty")
    space = rules.time.source(record.load.source).id_space
    parts = (flag_key, variant, account_id or "", workspace or "", user or "", at.isoformat())
    return {
        **rules.provenance(record, at, known),
        "exposure_id": _hashed(*parts),
        "flag_key": flag_key,
        "flag_kind": kind,
        "variant": variant,
        "account_id": account_id,
        "workspace_id_source": workspace,
        "workspace_key": keys.workspace_key(space, workspace),
        "actor_key": keys.user_key(space, user),
        "exposed_at": at,
    }


def _announcement(record: Record, rules: _Rules) -> Row:
    """Ends are exclusive; `last_day` is the last day itself."""
    said = record.payload
    starts = moment(said, "starts_at") or required_moment(said, "starts_on")
    last = moment(said, "last_day")
    ends = moment(said, "ends_at") or moment(said, "ends_on") or (last + timedelta(days=1) if last else None)
    if ends is not None and ends < starts:
        raise RecordError(IMPOSSIBLE_TIME, "the end is before the start")
    announced = moment(said, "announced_at")
    title = text(said, "title") or text(said, "name") or required(said, "kind")
    offset = (
        number(said, "utc_offset_minutes")
        if said.get("utc_offset_minutes") is not None
        else number(said, "utc_offset_min")
    )
    if offset is not None and abs(offset) > 14 * 60:
        raise RecordError(WRONG_TYPE, "the offset from UTC is more than 14 hours")
    return {
        **rules.provenance(record, starts, announced),
        "announcement_id": record.record_id,
        "announced_kind": rules.kinds.announced_kind(text(said, "kind"), title),
        "title": redacted(title, rules.redactor),
        "account_id": text(said, "account_id"),
        "industry": text(said, "industry"),
        "utc_offset_minutes": offset,
        "flag_key": text(said, "flag_key"),
        "starts_at": starts,
        "ends_at": ends,
    }


def _of_flags(exposed: Iterable[Row], kinds: ChangePolicy) -> list[Row]:
    """Rollouts and automations by account: the first time the flag is on for it."""
    first: dict[tuple[str, str, str], Row] = {}
    for row in sorted(exposed, key=lambda r: (r["exposed_at"], r["known_at"], r["exposure_id"])):
        if row["account_id"] is not None and row["flag_kind"] in _ANNOUNCING and not kinds.is_off(row["variant"]):
            first.setdefault((row["source"], row["flag_key"], row["account_id"]), row)
    return [
        {
            **{
                name: row[name]
                for name in ("source", "known_at", "known_date", "load_id", "row_no", "account_id", "flag_key")
            },
            "announcement_id": _hashed("flag", row["flag_key"], row["account_id"]),
            "announced_kind": row["flag_kind"],
            "title": f"{row['flag_kind']} by flag {row['flag_key']}",
            "industry": None,
            "utc_offset_minutes": None,
            "starts_at": row["exposed_at"],
            "ends_at": None,
        }
        for row in first.values()
    ]


def _hashed(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]
