"""Which objects and fields of Salesforce are read, in which order, and what an organisation calls them.

Here: the declared readings, their SOQL, own names for objects and fields. Not here: sending queries (`salesforce_session`),
paging and landing (`salesforce`).

Reads are `SystemModstamp >= last seen - overlap`, ordered by SystemModstamp and Id: automated changes move only that field,
a bulk update gives thousands of rows one stamp, and rows commit late with an older one. Field histories never change and
have only CreatedDate. Query reference:
https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/resources_query.htm
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from uam_platform.connectors.errors import PermanentError

_NAME: Final = re.compile(r"\w+(\.\w+)?")
_HISTORY: Final = "History"


@dataclass(frozen=True)
class Reading:
    """One object to read.

    Attributes:
        name: object name; also the source_object of its records.
        fields: fields beside Id and the cursor without which a record is of no use.
        optional: fields that an organisation may lack or hide; their absence is reported and leaves them empty.
        cursor: field that the read is ordered and continued by.
        is_optional: an organisation may hide the whole object; its absence is reported.
        own_name: what the organisation calls the object, where it is another name.
        own_fields: what it calls the fields, by our name.
    """

    name: str
    fields: str
    optional: str = ""
    cursor: str = "SystemModstamp"
    is_optional: bool = False
    own_name: str = ""
    own_fields: Mapping[str, str] = field(default_factory=dict)

    @property
    def object_name(self) -> str:
        """What the organisation calls the object."""
        return self.own_name or self.name

    def query(self, since: str | None, absent: Collection[str] = ()) -> str:
        """SOQL from `since` (ISO 8601 with Z, inclusive) on, or from the beginning, without the `absent` fields."""
        wanted = [name for name in self.optional.split() if name not in absent]
        names = dict.fromkeys(("Id", *self.fields.split(), *wanted, self.cursor))
        listed = ", ".join(self.own_fields.get(name, name) for name in names)
        where = f" WHERE {self.cursor} >= {since}" if since else ""
        return f"SELECT {listed} FROM {self.object_name}{where} ORDER BY {self.cursor} ASC, Id ASC"


READINGS: Final = (
    Reading("User", "Name Email IsActive CreatedDate"),
    Reading(
        "Account",
        "Name OwnerId Product_Account_Id__c IsDeleted CreatedDate LastModifiedDate",
        optional="ParentId Type Industry NumberOfEmployees Tier__c Strategic_Fit__c",
    ),
    Reading("Contact", "AccountId Email CreatedDate IsDeleted", optional="FirstName LastName Title"),
    Reading(
        "Opportunity",
        "AccountId StageName CloseDate IsWon IsDeleted CreatedDate",
        optional="Name Type OwnerId Amount IsClosed",
    ),
    Reading("OpportunityHistory", "OpportunityId StageName CreatedDate", optional="Amount CloseDate", is_optional=True),
    Reading(
        "Contract",
        "AccountId Status StartDate EndDate MRR_USD__c IsDeleted CreatedDate",
        optional="ContractNumber ContractTerm LastModifiedDate Billing_Period__c Seats__c Plan__c Renewed_From__c "
        "Notice_Date__c Ended_Date__c End_Reason__c",
    ),
    Reading("AccountHistory", "AccountId Field OldValue NewValue", cursor="CreatedDate", is_optional=True),
    Reading("ContractHistory", "ContractId Field OldValue NewValue", cursor="CreatedDate", is_optional=True),
)


def readings(names: str) -> tuple[Reading, ...]:
    """The readings of an organisation that has own names.

    Args:
        names: UAM_SALESFORCE_NAMES: `ours=theirs` pairs, separated by commas; ours is an object (`Contract`) or a field
            (`Contract.MRR_USD__c`). A custom object brings its own history object along.

    Raises:
        PermanentError: a pair cannot be read, or names nothing that is read.
    """
    theirs = dict(_pair(pair) for pair in names.split(",") if pair.strip())
    known = {r.name for r in READINGS} | {f"{r.name}.{f}" for r in READINGS for f in _field_names(r)}
    for name in theirs:
        if name not in known:
            what = f"UAM_SALESFORCE_NAMES: {name!r} is neither an object nor a field that is read"
            fields = sorted(k for k in known if k.startswith(f"{name.partition('.')[0]}.")) or sorted(
                k for k in known if "." not in k
            )
            raise PermanentError("salesforce settings", what, f"Use one of: {', '.join(fields)}.")
    return tuple(_named(reading, theirs) for reading in READINGS)


def _pair(text: str) -> tuple[str, str]:
    ours, _, theirs = (part.strip() for part in text.partition("="))
    if not (_NAME.fullmatch(ours) and re.fullmatch(r"\w+", theirs)):
        what = f"UAM_SALESFORCE_NAMES: {text.strip()!r} is no pair of names"
        raise PermanentError("salesforce settings", what, "Write e.g. Contract=Subscription__c.")
    return ours, theirs


def _field_names(reading: Reading) -> tuple[str, ...]:
    return (*reading.fields.split(), *reading.optional.split())


def _named(reading: Reading, theirs: Mapping[str, str]) -> Reading:
    own_fields = {name: theirs[key] for name in _field_names(reading) if (key := f"{reading.name}.{name}") in theirs}
    own_name = theirs.get(reading.name, "")
    parent = reading.name.removesuffix(_HISTORY)
    custom = theirs.get(parent, "") if parent != reading.name else ""
    if custom.endswith("__c"):  # the history of X__c is X__History, and points at its record by ParentId
        own_name = own_name or f"{custom.removesuffix('__c')}__{_HISTORY}"
        own_fields = {f"{parent}Id": "ParentId"} | own_fields
    return replace(reading, own_name=own_name, own_fields=own_fields)


def our_fields(reading: Reading, all_readings: Collection[Reading]) -> Mapping[str, str]:
    """Our name by the organisation's, of the fields whose changes a history object tells."""
    parent = reading.name.removesuffix(_HISTORY)
    tracked = next((r for r in all_readings if r.name == parent and parent != reading.name), None)
    return {theirs: ours for ours, theirs in tracked.own_fields.items()} if tracked else {}
