"""The people that CRM and help desk write down: what ties an e-mail address to a product user and an account.

Here: Salesforce contacts and Zendesk users into USERS_DIRECTORY, addresses as keys only. Not here: who is one person
(`uam_platform.identity`), mapped exports (`mapped_records`). Own staff (agents, administrators of the help desk) is left out.

Address, product user and account of an entry are declared immutable, so an entry counts from the day it was created.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from uam_platform.staging.crm_accounts import AccountIds
from uam_platform.staging.record_log import Record, RecordLog, latest
from uam_platform.staging.record_values import is_true, required_moment, text
from uam_platform.staging.salesforce_ids import long_id
from uam_platform.temporal import keys

Row = dict[str, Any]
_CUSTOMER: Final = "end-user"


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


def _entry(record: Record, user_id: str, email: str | None, actor_key: int, account: str | None, created: str) -> Row:
    at = required_moment(record.payload, created)
    return {
        "source": record.load.source,
        "source_object": record.source_object,
        "user_id_source": user_id,
        "email_key": keys.email_key(email),
        "actor_key": actor_key,
        "account_id": account,
        "role": None,
        "created_at": at,
        "known_at": at,
        "load_id": record.load.load_id,
    }
