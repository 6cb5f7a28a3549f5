"""Evidence and directory records without blocked values, as resolution takes them.

Here: what is read, what is left of it, and which blocked identifiers were named. Not here: how blocked values are recognised (`blocked`).
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

import ibis.expr.types as ir
import pandas as pd

from uam_platform.identity.blocked import blocked_keys, blocked_seen, record_rows, unblocked_records, without_blocked
from uam_platform.identity.directory import Directory, read_directory
from uam_platform.identity.exclusions import listed_keys, matches
from uam_platform.policy.identity import IdentityPolicy
from uam_platform.policy.identity_exclusions import ExclusionPolicy


@dataclass(frozen=True)
class Usable:
    """What can be resolved.

    Attributes:
        evidence: rows of `staging/identity_evidence`.
        records: directory records.
        blocked: blocked identifiers that the evidence named: kind, identifier, reason, start and others.
        matched: identifiers that are kept out, see `exclusions.matches`.
        blocked_records: those that directory records named: kind, identifier, reason, start.
    """

    evidence: ir.Table
    records: Directory
    blocked: pd.DataFrame
    matched: pd.DataFrame
    blocked_records: pd.DataFrame


def usable(
    evidence: ir.Table,
    directory: pd.DataFrame,
    *,
    policy: IdentityPolicy,
    grace: timedelta,
    id_spaces: Collection[str],
    exclusions: ExclusionPolicy,
) -> Usable:
    """Take out what is blocked.

    Args:
        evidence: rows of `staging/identity_evidence`.
        directory: `staging/users_directory`.
        policy: the rulebook's identity rules.
        grace: decision grace, which directory records' known_at is shortened by.
        id_spaces: id spaces of the sources, in which blocked values and excluded user ids are looked for.
        exclusions: the rulebook's exclusions.
    """
    blocked = blocked_keys(policy, id_spaces)
    seen = blocked_seen(evidence, blocked)
    evidence, entries = without_blocked(evidence, blocked.among(seen)), unblocked_records(directory, blocked)
    return Usable(
        evidence=evidence,
        records=read_directory(entries, grace),
        blocked=seen,
        matched=matches(evidence, entries, listed_keys(exclusions, id_spaces), grace),
        blocked_records=record_rows(directory, blocked),
    )
