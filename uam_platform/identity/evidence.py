"""The heavy part: daily evidence rows reduced to the few that can still change an answer.

Here: engine-neutral Ibis aggregations over `staging/identity_evidence`, returned as small frames of integers (days are
days since 1970-01-01). Not here: what the evidence proves (`persons`, `links`, `hierarchy`, `memberships`).

Every frame keeps a row only if it is the first to say something at its known day, so that the answer at any earlier known day
can be computed from the same frame.
"""

from collections.abc import Collection
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

from uam_platform.identity.moves import stays_of
from uam_platform.policy.identity import IdentityPolicy

ANONYMOUS, EMAIL, USER = "anonymous", "email", "user"
_PACK = 2**20  # two day numbers in one integer; larger than any day number
STRENGTH = {"alias": 0, "identify": 1, "login": 2, "email": 3, "directory": 4}


@dataclass(frozen=True)
class Evidence:
    """Reduced evidence; `day` is the event day, `known` the known day.

    Attributes:
        users: key, day, known: each user id's sightings that moved its first day back.
        devices: the same of anonymous ids, also when nobody was signed in.
        emails: the same of e-mail keys.
        workspaces: the same of workspaces, with `name` as the source has it.
        links: kind, identifier, previous, user, label, source, known, occurred_us: each distinct edge between an identifier and a
            user; `previous` is the identifier of an alias call read as a user id, else 0.
        shared_days: kind, identifier, previous, user, day, known: daily edges of identifiers seen with several users.
        turns: identifier, previous, user, day, known, first_us, last_us: stretches of such days in which a user id used a device, as far as
            the device was used without signing in that day.
        quiet: identifier, day, known, first_us, last_us: stretches in which it was used without signing in.
        claims: workspace, account, day, known, position: accounts that group calls claimed for a workspace.
        visits: user, workspace, day, known: sightings of a user in a workspace that moved the first day back.
        roles: user, workspace, role, day, known, position: role statements that differ from the one before.
        stays: user, workspace, first, last, known: stretches of days in each workspace, see `moves.stays_of`.
    """

    users: pd.DataFrame
    devices: pd.DataFrame
    emails: pd.DataFrame
    workspaces: pd.DataFrame
    links: pd.DataFrame
    shared_days: pd.DataFrame
    turns: pd.DataFrame
    quiet: pd.DataFrame
    claims: pd.DataFrame
    visits: pd.DataFrame
    roles: pd.DataFrame
    stays: pd.DataFrame


def reduce_evidence(
    evidence: ir.Table, named: pd.DataFrame, policy: IdentityPolicy, changing: Collection[int] | None = None
) -> Evidence:
    """Aggregate all days of `staging/identity_evidence`; everything that grows with events happens inside the engine.

    Args:
        evidence: rows of the table.
        named: kind, identifier, user that other sources tie together; they too can make an identifier a shared one.
        policy: which calls tie a device to a user.
        changing: see `changing_hands`; of this evidence by default.
    """
    user = evidence.filter(evidence.actor_kind == USER, evidence.actor_key != 0)
    edges = _edges(user, policy)
    placed = user.filter(user.workspace_key != 0).rename(user="actor_key", workspace="workspace_key")
    anonymous = evidence.filter(evidence.actor_kind == ANONYMOUS, evidence.actor_key != 0)
    devices = ibis.union(
        *(
            rows.select(rows.event_date, rows.known_date, key=rows.identifier)
            for rows in [edges.filter(edges.kind == ANONYMOUS)]
        ),
        anonymous.select(anonymous.event_date, anonymous.known_date, key=anonymous.actor_key),
    )
    emails = evidence.filter(evidence.email_key != 0)
    workspaces, claims = workspace_facts(evidence)
    links, shared_days = frame(_links(edges)), frame(_shared_days(edges, named))
    turns, quiet = _turns(edges, anonymous, named)
    changing = changing_hands(claims) if changing is None else changing
    return Evidence(
        users=frame(_first_sightings(user.rename(key="actor_key"), "key")),
        devices=frame(_first_sightings(devices, "key")),
        emails=frame(_first_sightings(emails.rename(key="email_key"), "key")),
        workspaces=workspaces,
        links=links,
        shared_days=shared_days,
        turns=turns,
        quiet=quiet,
        claims=claims,
        visits=frame(_first_sightings(placed, "user", "workspace")),
        roles=frame(_changes(placed.filter(placed.role.notnull()), "role", "user", "workspace")),
        stays=frame(_stays(placed, changing, links, shared_days, named, policy)),
    )


def workspace_facts(evidence: ir.Table) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`workspaces` and `claims` of `Evidence`: what is said of workspaces, whoever says it."""
    return _workspaces(evidence), frame(_claims(evidence))


def changing_hands(claims: pd.DataFrame) -> set[int]:
    """Workspaces that more than one account was claimed for."""
    accounts = claims.groupby("workspace")["account"].nunique()
    return set(accounts.index[accounts > 1])


def _stays(
    placed: ir.Table,
    changing: Collection[int],
    links: pd.DataFrame,
    shared_days: pd.DataFrame,
    named: pd.DataFrame,
    policy: IdentityPolicy,
) -> ir.Table:
    """Stays (see `moves.stays_of`) of everybody who can move; none without the rule."""
    quiet = policy.quiet_in_account_days
    aliases, mails = links[links["label"] == "alias"], shared_days[shared_days["kind"] == EMAIL]
    records = named[(named["kind"] == EMAIL) & named["identifier"].isin(mails["identifier"])]
    logins = {*aliases["user"], *aliases["previous"], *mails["user"], *records["user"]} - {0}
    rows = placed if quiet else placed.limit(0)
    return stays_of(rows, quiet.most if quiet else 0, changing, logins)


def _edges(user: ir.Table, policy: IdentityPolicy) -> ir.Table:
    """One row per evidence row and identifier it ties to its user: kind, identifier, user, label, days."""
    label = ibis.cases(
        (user.event_kind == "identify", "identify"), (user.event_kind == "alias", "alias"), else_="login"
    )
    carried = ibis.cases((user.event_kind == "identify", "identify"), else_="login")
    parts = [
        _edge(user.filter(user.device_key != 0), ANONYMOUS, user.device_key, carried),
        _edge(
            user.filter(user.linked_actor_key.notnull()), ANONYMOUS, user.linked_actor_key, label, user.linked_user_key
        ),
        _edge(user.filter(user.email_key != 0), EMAIL, user.email_key, ibis.literal("email")),
    ]
    edges = ibis.union(*parts)
    accepted = [*(str(e) for e in policy.device_evidence), "alias", "email"]
    return edges.filter(edges.identifier != 0, edges.identifier != edges.user, edges.label.isin(accepted))


def _edge(
    rows: ir.Table, kind: str, identifier: ir.Value, label: ir.Value, previous: ir.Value | None = None
) -> ir.Table:
    return rows.select(
        kind=ibis.literal(kind),
        identifier=identifier,
        previous=ibis.literal(0, "int64") if previous is None else previous.fill_null(0),
        user=rows.actor_key,
        label=label,
        source=rows.source,
        event_date=rows.event_date,
        known_date=rows.known_date,
        started_us=rows.started_us,
        ended_us=rows.ended_us,
    )


def _links(edges: ir.Table) -> ir.Table:
    return edges.group_by("kind", "identifier", "user", "label", "source").aggregate(
        previous=edges.previous.max(), known=edges.known_date.min(), occurred_us=edges.started_us.min()
    )


def _shared(edges: ir.Table, named: pd.DataFrame) -> ir.Table:
    """Edges of identifiers that are on several user ids."""
    schema = {"kind": "string", "identifier": "int64", "user": "int64"}
    ties = edges.select(*schema).union(ibis.memtable(named[[*schema]], schema=schema))
    users = ties.group_by("kind", "identifier").aggregate(users=ties.user.nunique())
    return edges.semi_join(users.filter(users.users > 1), ["kind", "identifier"])


def _turns(edges: ir.Table, anonymous: ir.Table, named: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """`turns` and `quiet` of `Evidence`: of days on which several user ids used a device, and somebody who was not signed in."""
    shared = _shared(edges, named)
    shared = shared.filter(shared.kind == ANONYMOUS).rename(day="event_date")
    several = shared.group_by("identifier", "day").aggregate(users=shared.user.nunique())
    quiet = anonymous.semi_join(
        several.filter(several.users > 1), [("actor_key", "identifier"), ("event_date", "day")]
    ).rename(identifier="actor_key", day="event_date")
    uses = shared.semi_join(quiet, ["identifier", "day"])
    columns = {"known": "known_date", "first_us": "started_us", "last_us": "ended_us"}
    return (
        frame(uses.rename(columns).select("identifier", "previous", "user", "day", *columns).distinct()),
        frame(quiet.rename(columns).select("identifier", "day", *columns).distinct()),
    )


def _shared_days(edges: ir.Table, named: pd.DataFrame) -> ir.Table:
    shared = _shared(edges, named)
    days = shared.group_by("kind", "identifier", "user", day=shared.event_date)
    return days.aggregate(known=shared.known_date.min(), previous=shared.previous.max())


def _first_sightings(rows: ir.Table, *keys: str) -> ir.Table:
    """Per key and known day the first event day, where it is earlier than all that was known before.

    Nearly every key knows its first day first and needs no window: both ends are found by one aggregation to one row per key.
    """
    day, known = rows.event_date.epoch_days().cast("int64"), rows.known_date.epoch_days().cast("int64")
    ends = rows.group_by(*keys).aggregate(by_day=(day * _PACK + known).min(), by_known=(known * _PACK + day).min())
    ends = ends.mutate(day=ends.by_day // _PACK, known=ends.by_known // _PACK)
    is_settled = (ends.by_day % _PACK == ends.known) & (ends.by_known % _PACK == ends.day)
    settled = ends.filter(is_settled).select(*keys, day=ends.day.cast("int64"), known=ends.known.cast("int64"))
    late = rows.semi_join(ends.filter(~is_settled), list(keys))
    return settled.union(_moving_sightings(late, *keys))


def _moving_sightings(rows: ir.Table, *keys: str) -> ir.Table:
    rows = rows.mutate(day=rows.event_date.epoch_days().cast("int64"), known=rows.known_date.epoch_days().cast("int64"))
    daily = rows.group_by(*keys, "known").aggregate(day=rows.day.min())
    before = ibis.window(group_by=list(keys), order_by="known", preceding=(None, 1))
    marked = daily.mutate(earliest=daily.day.min().over(before))
    return marked.filter(marked.earliest.isnull() | (marked.day < marked.earliest)).select(*keys, "day", "known")


def _changes(rows: ir.Table, value: str, *keys: str) -> ir.Table:
    """Statements of `value`, without those that repeat the statement before them and were not known earlier.

    A key that only ever states one value needs what was known of it on the first known day only.
    """
    first = rows.group_by(*keys).aggregate(values=rows[value].nunique(), first_known=rows.known_date.min())
    joined = rows.inner_join(first, list(keys))
    needed = joined.filter((joined["values"] > 1) | (joined.known_date == joined.first_known))
    said = needed.group_by(*keys, value, day=needed.event_date, known=needed.known_date).aggregate(
        position=needed.ended_us.max()
    )
    order = ibis.window(group_by=list(keys), order_by=["day", "position", value, "known"])
    marked = said.mutate(last_value=said[value].lag().over(order), last_known=said.known.lag().over(order))
    is_repeat = (marked.last_value == marked[value]) & (marked.last_known <= marked.known)
    return marked.filter(~is_repeat.fill_null(False)).select(*keys, value, "day", "known", "position")


def _claims(evidence: ir.Table) -> ir.Table:
    said = evidence.filter(
        evidence.event_kind == "group", evidence.workspace_key != 0, evidence.account_id_source.notnull()
    )
    return _changes(said.rename(workspace="workspace_key", account="account_id_source"), "account", "workspace")


def _workspaces(evidence: ir.Table) -> pd.DataFrame:
    named = evidence.filter(evidence.workspace_key != 0).rename(key="workspace_key")
    names = named.group_by("key").aggregate(name=named.workspace_id_source.min())
    return frame(_first_sightings(named, "key")).merge(frame(names), on="key", validate="m:1")


def frame(table: ir.Table) -> pd.DataFrame:
    """Rows as pandas; date columns as int64 days since 1970-01-01, integer columns as int64."""
    arrow = table.to_pyarrow()
    for at, field in enumerate(arrow.schema):
        if pa.types.is_date(field.type):
            days = arrow.column(at).cast(pa.date32()).cast(pa.int32()).cast(pa.int64())
            arrow = arrow.set_column(at, field.name, days)
    return arrow.to_pandas()
