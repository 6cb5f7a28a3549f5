"""The people that CRM, help desk and analytics tools write down: what ties an e-mail address to a product user and an account.

Here: Salesforce contacts, Zendesk users and Mixpanel profiles into USERS_DIRECTORY, addresses as keys only. Not here: who is one person
(`uam_platform.identity`), PostHog's persons (`tracked_persons`), mapped exports (`mapped_records`).
Own staff (agents, administrators of the help desk) is left out.

Address, product user and account of an entry of CRM and help desk are declared immutable, so an entry counts from the day it was created.
A profile may change and does not say when it did: each of its addresses counts from the load that first showed it.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from uam_platform.staging.crm_accounts import AccountIds
from uam_platform.staging.record_log import Record, RecordLog, latest
from uam_platform.staging.record_values import WRONG_TYPE, RecordError, is_true, required_moment, text
from uam_platform.staging.salesforce_ids import long_id
from uam_platform.temporal import keys

Row = dict[str, Any]
_CUSTOMER: Final = "end-user"
_DEVICE: Final = "$device:"


def contacts(log: RecordLog, records: Iterable[Record], ids: AccountIds) -> list[Row]:
    """Rows of USERS_DIRECTORY from Salesforce contacts.

    Args:
        log: takes what cannot be read.
        records: Contact records.
        ids: accounts.
    """

    def build(record: Record) -> Row:
        account = ids.product_id(record.payload) if text(record.payload, "AccountId") else None
        email = text(record.payload, "Email")
        return _entry(record, long_id(record.record_id) or "", email, keys.NO_KEY, account, "CreatedDate")

    built = latest(log.built(records, build)).values()
    return [row for record, row in built if not is_true(record.payload, "IsDeleted")]


def support_users(
    log: RecordLog, records: Iterable[Record], accounts: Mapping[str, str | None], id_space: str
) -> list[Row]:
    """Rows of USERS_DIRECTORY from Zendesk's customers.

    Args:
        log: takes what cannot be read.
        records: user records.
        accounts: product account by organisation id.
        id_space: id space of the product user ids the help desk stores.
    """

    def build(record: Record) -> Row:
        payload = record.payload
        account = accounts.get(text(payload, "organization_id") or "")
        user = keys.user_key(id_space, text(payload, "external_id"))
        return _entry(record, record.record_id, text(payload, "email"), user, account, "created_at")

    built = latest(log.built(records, build)).values()
    return [row for record, row in built if (text(record.payload, "role") or _CUSTOMER) == _CUSTOMER]


def profiles(log: RecordLog, records: Iterable[Record], id_space: str) -> list[Row]:
    """Rows of USERS_DIRECTORY from Mixpanel's profiles of known users, one per address that a profile has shown.

    Args:
        log: takes what cannot be read.
        records: profile records, the oldest load first.
        id_space: id space of the product user ids that stand as distinct ids.
    """
    rows: dict[tuple[str, int], Row] = {}
    shown: Counter[str] = Counter()
    for record, (user, email) in log.built(records, _profile):
        address = keys.email_key(email)
        if user is None or not address or (user, address) in rows:
            continue
        shown[user] += 1
        entry = user if shown[user] == 1 else f"{user}#{shown[user]}"  # a second address is an entry of its own
        rows[user, address] = row(record, entry, email, keys.user_key(id_space, user), record.load.loaded_time)
    return list(rows.values())


def _profile(record: Record) -> tuple[str | None, str | None]:
    """Product user and address of a profile; no user where it is a device's."""
    properties = record.payload.get("$properties")
    if not isinstance(properties, dict):
        raise RecordError(WRONG_TYPE, "$properties is no object")
    user = text(record.payload, "$distinct_id")
    is_known = user is not None and not user.startswith(_DEVICE)
    return user if is_known else None, text(properties, "$email") or text(properties, "email")


def _entry(record: Record, user_id: str, email: str | None, actor_key: int, account: str | None, created: str) -> Row:
    at = required_moment(record.payload, created)
    return row(record, user_id, email, actor_key, at, account)


def row(
    record: Record,
    user_id: str,
    email: str | None,
    actor_key: int,
    at: datetime,
    account: str | None = None,
    device_key: int = keys.NO_KEY,
) -> Row:
    """One row of USERS_DIRECTORY.

    Args:
        record: what says so.
        user_id: id of the entry in its source.
        email: its address.
        actor_key: key of the product user; 0 for none.
        at: since when it holds and is known.
        account: product account.
        device_key: key of a device id that the source holds to be the user's; 0 for none.
    """
    return {
        "source": record.load.source,
        "source_object": record.source_object,
        "user_id_source": user_id,
        "email_key": keys.email_key(email),
        "email_domain_key": keys.email_domain_key(email),
        "email_stem_key": keys.stem_key(email),
        "actor_key": actor_key,
        "device_key": device_key,
        "account_id": account,
        "role": None,
        "created_at": at,
        "known_at": at,
        "load_id": record.load.load_id,
    }
