"""Why identifiers are one person or not, in words: as known on a day.

Here: persons, paths of edges and the words for them, over rows of `people` and `merge_log` and what the ledger keeps of retractions. Not
here: finding what a person typed (`identity_names`), printing (`cli_identity`), resolution (`uam_platform.identity`).
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import pandas as pd

from uam_platform.identity_names import Named, Names

_WORDS: Final = {
    ("anonymous", "identify"): "an identify call named both",
    ("anonymous", "login"): "a call of the signed-in user came from the device",
    ("anonymous", "alias"): "an alias call replaced the device's id by the user id",
    ("email", "email"): "a call of the user carried the address",
    ("email", "directory"): "a directory record holds both",
    ("user", "alias"): "an alias call replaced the one by the other",
    ("user", "email"): "both carried one address within one account",
}
Row = Mapping[Any, Any]


@dataclass(frozen=True)
class Story:
    """What is known of identifiers on one known day.

    Attributes:
        people: rows of `people` alive on the day.
        log: rows of `merge_log` alive on the day.
        names: what keys are called.
        excluded: rows of `excluded_people` alive on the day.
    """

    people: pd.DataFrame
    log: pd.DataFrame
    names: Names
    excluded: pd.DataFrame

    @classmethod
    def on(cls, people: pd.DataFrame, log: pd.DataFrame, names: Names, excluded: pd.DataFrame, known: date) -> "Story":
        """The story as known on a day."""
        return cls(_alive(people, known), _alive(log, known), names, _alive(excluded, known))

    def kept_out(self, named: Named) -> Iterator[str]:
        """Why an identifier's activity counts for no customer, in words; nothing where it does count."""
        owners = {row["person_key"] for row in self.persons(named) if row["exclusion"]}
        rows = self.excluded[self.excluded["person_key"].isin(owners)]
        for row in rows.sort_values(["known_from_date", "identifier_kind", "identifier_key"]).to_dict("records"):
            by = self.names.of(row["identifier_kind"], row["identifier_key"])
            yield (
                f"counts for no customer ({row['exclusion_kind']}), known {row['known_from_date']}: "
                f"rule {row['exclusion']} matches {by}. {row['reason_text']}"
            )

    def persons(self, named: Named) -> Sequence[Row]:
        """Rows that say whose an identifier is, in order of event days."""
        rows = self.people
        own = rows[(rows["identifier_kind"] == named.kind) & (rows["identifier_key"] == named.key)]
        found: Sequence[Row] = own.sort_values("valid_from_date").to_dict("records")
        return found

    def owner(self, named: Named) -> str:
        """Whose an identifier is, in words."""
        rows = self.persons(named)
        told = self.names.of(*named)
        if not rows:
            return f"{told} is nobody's"
        spans = [
            f"{self.person(row['person_key'])} {_days(row['valid_from_date'], row['valid_to_date'])}"
            for row in rows[:6]
        ]
        more = f" and {len(rows) - 6} more spans of days" if len(rows) > 6 else ""
        return f"{told} is {'; '.join(spans)}{more}"

    def person(self, key: int) -> str:
        """What a person is called: by the identifier whose key is theirs."""
        for kind in ("user", "email"):
            if Named(kind, key) in self.names.typed:
                return f"person {self.names.typed[Named(kind, key)]}"
        return f"person #{key:016x}"

    def identifiers(self, named: Named) -> Sequence[Row]:
        """Edges that make identifiers those of a person of `named`, oldest first."""
        own = {row["person_key"] for row in self.persons(named)}
        held = self.people[self.people["person_key"].isin(own)]
        pairs = pd.MultiIndex.from_frame(held[["identifier_kind", "identifier_key"]])
        users = set(held.loc[held["identifier_kind"] == "user", "identifier_key"])
        of_log = pd.MultiIndex.from_frame(self.log[["identifier_kind", "identifier_key"]])
        rows = self.log[of_log.isin(pairs) & self.log["linked_actor_key"].isin(users)]
        found: Sequence[Row] = rows.sort_values(["known_at", "identifier_kind", "identifier_key"]).to_dict("records")
        return found

    def path(self, left: Named, right: Named) -> Sequence[Row] | None:
        """The shortest chain of edges that makes two identifiers one person; None where there is none.

        Devices and addresses stand at the ends only: a device that two people use does not join them.
        """
        targets = {user: edge for user, edge in self._users(right)}
        waiting = deque((user, [edge] if edge else []) for user, edge in self._users(left))
        reached = {user for user, _ in waiting}
        while waiting:
            user, chain = waiting.popleft()
            if user in targets:
                last = targets[user]
                return [*chain, last] if last else chain
            for other, edge in self._joined(user):
                if other not in reached:
                    reached.add(other)
                    waiting.append((other, [*chain, edge]))
        return None

    def _users(self, named: Named) -> Iterator[tuple[int, Row | None]]:
        if named.kind == "user":
            yield named.key, None
            return
        own = self.log[(self.log["identifier_kind"] == named.kind) & (self.log["identifier_key"] == named.key)]
        for row in own.sort_values(["known_at", "linked_actor_key"]).to_dict("records"):
            yield row["linked_actor_key"], row

    def _joined(self, user: int) -> Iterator[tuple[int, Row]]:
        pairs = self.log[self.log["identifier_kind"] == "user"]
        own = pairs[(pairs["identifier_key"] == user) | (pairs["linked_actor_key"] == user)]
        for row in own.sort_values(["known_at", "identifier_key", "linked_actor_key"]).to_dict("records"):
            yield row["linked_actor_key"] if row["identifier_key"] == user else row["identifier_key"], row

    def is_one_person(self, left: Named, right: Named) -> bool:
        """Whether two identifiers are of one person on any event day."""
        own, other = ({row["person_key"] for row in self.persons(named)} for named in (left, right))
        return bool(own & other)


def edge_in_words(row: Row, names: Names) -> str:
    """One row of the merge log."""
    what = _WORDS.get((row["identifier_kind"], row["evidence"]), row["evidence"])
    ends = f"{names.of(row['identifier_kind'], row['identifier_key'])} - {names.of('user', row['linked_actor_key'])}"
    return f"{ends}: {what}; first {row['occurred_at']:%Y-%m-%d %H:%M}, known {row['known_at']:%Y-%m-%d %H:%M}, from {row['source']}"


def retraction_in_words(row: Row, names: Names) -> str:
    """One retraction or restoration as the ledger keeps it."""
    ends = f"{names.of(row['identifier_kind'], row['identifier_key'])} - {names.of('user', row['linked_actor_key'])}"
    number, change = row["retraction_id"], row["edge_change"]
    return f"{ends}: {change} {row['known_at']:%Y-%m-%d %H:%M} by {row['by']} (number {number}): {row['reason']}"


def about(said: Sequence[Row], keys: set[int]) -> Sequence[Row]:
    """Retractions whose ends are both, or for one identifier either, among `keys`."""
    return [row for row in said if {row["identifier_key"], row["linked_actor_key"]} & keys]


def _alive(rows: pd.DataFrame, known: date) -> pd.DataFrame:
    return rows[(rows["known_from_date"] <= known) & (known < rows["known_to_date"])]


def _days(start: date, end: date) -> str:
    if end.year == 9999:
        return f"from {start} on"
    return f"on {start}" if (end - start).days == 1 else f"from {start} until before {end}"
