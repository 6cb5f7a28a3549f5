"""PostHog's persons: whose address is whose, and which device ids PostHog holds to be a user's.

Here: the records of one distinct id each into USERS_DIRECTORY, addresses and devices as keys only. Not here: other directories
(`directory`), who is one person (`uam_platform.identity`).

A distinct id of the form that PostHog's libraries make up is a device's, any other one the product's user id. PostHog does not say when a
person came by an address or a device: each counts from the load that first showed it. A person with several user ids ties its devices
to each of them; whether they are one person, identity decides by its own rules.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import groupby
from typing import Final

from uam_platform.staging.directory import Row, row
from uam_platform.staging.record_log import Record, RecordLog
from uam_platform.staging.record_values import WRONG_TYPE, RecordError, is_true, text
from uam_platform.temporal import keys

_MADE_UP: Final = re.compile(r"(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{10,16}(-[0-9a-f]{4,16}){4}")
"""UUIDs of today's libraries, and the five hexadecimal parts of older ones."""


def is_device(distinct_id: str) -> bool:
    """Whether a distinct id was made up by a library for a device."""
    return _MADE_UP.fullmatch(distinct_id) is not None


def tracked_persons(log: RecordLog, records: Iterable[Record], id_space: str) -> list[Row]:
    """Rows of USERS_DIRECTORY: one per user and address, one per user and device.

    Args:
        log: takes what cannot be read.
        records: person records, the oldest load first.
        id_space: id space of the product user ids and device ids that stand as distinct ids.
    """
    told = _Told(id_space)
    members: dict[str, set[str]] = defaultdict(set)
    person_of: dict[str, str] = {}
    for _, of_load in groupby(log.built(records, _read), key=lambda made: made[0].load.load_id):
        touched: dict[str, tuple[Record, set[str]]] = {}
        for record, (person, distinct_id, email, is_gone) in of_load:
            members[person_of.pop(distinct_id, person)].discard(distinct_id)
            if is_gone:
                continue
            members[person].add(distinct_id)
            person_of[distinct_id] = person
            _, emails = touched.setdefault(person, (record, set()))
            emails.update([email] if email else ())
        for person, (record, emails) in touched.items():
            told.add(record, members[person], emails)
    return list(told.rows.values())


def _read(record: Record) -> tuple[str, str, str | None, bool]:
    """Person, distinct id, address, and whether the id was taken from the person."""
    person, distinct_id = text(record.payload, "person_id"), text(record.payload, "distinct_id")
    if person is None or distinct_id is None:
        raise RecordError(WRONG_TYPE, "person_id or distinct_id is absent")
    return person, distinct_id, text(record.payload, "email"), is_true(record.payload, "is_deleted")


class _Told:
    """Rows so far, by user and key of the address or device: what was told once is not told again."""

    def __init__(self, id_space: str) -> None:
        self._id_space = id_space
        self._addresses: Counter[str] = Counter()
        self.rows: dict[tuple[str, int], Row] = {}

    def add(self, record: Record, ids: set[str], emails: set[str]) -> None:
        """Add what is new about the users among the ids of one person; `record` is the first of its load to tell of them."""
        at = record.load.loaded_time
        devices = sorted(filter(is_device, ids))
        for user in sorted(ids.difference(devices)):
            actor = keys.user_key(self._id_space, user)
            for email in sorted(emails):
                address = keys.email_key(email)
                if address and (user, address) not in self.rows:
                    self._addresses[user] += 1
                    number = self._addresses[user]
                    entry = user if number == 1 else f"{user}#{number}"  # a second address is an entry of its own
                    self.rows[user, address] = row(record, entry, email, actor, at)
            for device in devices:
                key = keys.anonymous_key(self._id_space, device)
                self.rows.setdefault((user, key), row(record, f"{user}/{device}", None, actor, at, device_key=key))
