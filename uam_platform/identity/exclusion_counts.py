"""Who is kept out, counted by rule, and how much of all activity that is (R91).

Here: the counts. Not here: whom a rule matches (`exclusions`), the check that shows them (`checks`).
"""

from datetime import date
from typing import Final

import ibis
import ibis.expr.types as ir
import pandas as pd

from uam_platform.identity.evidence import ANONYMOUS, USER
from uam_platform.policy.identity_exclusions import ExclusionPolicy

_OPEN: Final = date(9999, 12, 31)


def kept_out(
    persons: ir.Table,
    accounts: ir.Table,
    people: ir.Table,
    hierarchy: ir.Table,
    evidence: ir.Table,
    policy: ExclusionPolicy,
) -> tuple[pd.DataFrame, int]:
    """Counts by rule, as known today, and the number of all events.

    Args:
        persons: EXCLUDED_PEOPLE.
        accounts: EXCLUDED_ACCOUNTS.
        people: PEOPLE.
        hierarchy: HIERARCHY.
        evidence: IDENTITY_EVIDENCE.
        policy: the rules; each has a row, also one that matches nobody.

    Returns:
        exclusion, exclusion_kind, person_count, account_count, event_count (where rules match both actor and workspace, the actor's
        counts), reason_text; and the number of events of all evidence.
    """
    today = [
        table.filter(table.known_to_date == ibis.literal(_OPEN)) for table in (persons, accounts, people, hierarchy)
    ]
    counts = {
        "person_count": _by_rule(today[0], today[0].person_key.nunique()),
        "account_count": _by_rule(today[1], today[1].account_id.nunique()),
        "event_count": _events(today[2], today[3], evidence),
    }
    rules = policy.rules
    found = pd.DataFrame({name: [int(count.get(rule, 0)) for rule in rules] for name, count in counts.items()})
    found.insert(0, "exclusion", [*rules])
    found.insert(1, "exclusion_kind", [str(rule.kind) for rule in rules.values()])
    total = evidence.event_count.sum().to_pyarrow().as_py() or 0
    return found.assign(reason_text=[rule.reason for rule in rules.values()]), int(total)


def _by_rule(rows: ir.Table, count: ir.IntegerScalar) -> dict[str, int]:
    found = rows.group_by("exclusion").aggregate(counted=count).to_pandas()
    return dict(zip(found["exclusion"], found["counted"], strict=True))


def _events(people: ir.Table, hierarchy: ir.Table, evidence: ir.Table) -> dict[str, int]:
    acting = people.filter(people.exclusion.notnull(), people.identifier_kind.isin((USER, ANONYMOUS)))
    places = hierarchy.filter(hierarchy.exclusion.notnull())
    daily = evidence.group_by("actor_key", "workspace_key", "event_date").aggregate(events=evidence.event_count.sum())
    told = _looked_up(daily, acting, "actor_key", "identifier_key", "by_person")
    told = _looked_up(told, places, "workspace_key", "workspace_key", "by_place")
    rule = ibis.coalesce(told.by_person, told.by_place)
    out = told.filter(rule.notnull()).group_by(exclusion=rule).aggregate(counted=told.events.sum()).to_pandas()
    return dict(zip(out["exclusion"], out["counted"], strict=True))


def _looked_up(facts: ir.Table, links: ir.Table, mine: str, theirs: str, name: str) -> ir.Table:
    other = links.select(
        out_key=links[theirs], out_from=links.valid_from_date, out_to=links.valid_to_date, **{name: links.exclusion}
    )
    on = [facts[mine] == other.out_key, facts.event_date >= other.out_from, facts.event_date < other.out_to]
    return facts.left_join(other, on).drop("out_key", "out_from", "out_to")
