"""Edges of random products that somebody takes back, and what the products would have seen without them.

Here: the draw, and evidence in which the two ends of an edge were seen apart. Not here: the products (`random_products`), the laws
(`test_laws`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from random import Random

from uam_platform.temporal.keys import workspace_key
from uam_platform_tests.identity.product import Retracted, Seen, device, mail, user
from uam_platform_tests.identity.random_products import DAYS, PRODUCTS, records


@dataclass(frozen=True)
class Edge:
    """An edge of one product: `name` is the device, address or previous user id; retracted on `day`, perhaps restored later."""

    space: str
    kind: str
    name: str
    user: str
    day: int
    restored: int | None

    @property
    def said(self) -> list[Retracted]:
        """What people said of it."""
        key = {"anonymous": device, "email": mail, "user": user}[self.kind](self.name)
        ends = sorted((key, user(self.user))) if self.kind == "user" else [key, user(self.user)]
        words = [Retracted(self.kind, *ends, self.day)]
        return words if self.restored is None else [*words, Retracted(self.kind, *ends, self.restored, True)]

    def is_gone(self, known: int) -> bool:
        """Whether it is retracted on a known day."""
        return self.day <= known and (self.restored is None or known < self.restored)

    def apart(self, seen: Seen) -> list[Seen]:
        """The sighting, or two of its ends seen apart."""
        previous = seen.previous_device or seen.previous_user
        alone = Seen(seen.day, known=seen.known, minute=seen.minute)
        said = replace(seen, kind="track", previous_user=None, previous_device=None)
        if self.kind == "user" and {previous, seen.user} == {self.name, self.user}:
            return [said, replace(alone, device=previous)]
        if self.kind == "anonymous" and (previous, seen.user) == (self.name, self.user):
            return [said, replace(alone, device=previous)]
        if self.kind == "anonymous" and (seen.device, seen.user) == (self.name, self.user):
            return [replace(seen, device=None), replace(alone, device=self.name)]
        if self.kind == "email" and (seen.email, seen.user) == (self.name, self.user):
            return [replace(seen, email=None), replace(alone, email=self.name)]
        return [seen]


def edges_of(seen: Iterable[Seen], random: Random) -> Iterator[Edge]:
    """One edge of most products, by draw.

    Of edges between user ids only aliases of ids that share no address: retracting the pair also takes back what addresses say.
    """
    for space, own in groupby(sorted(seen, key=lambda s: int(s.space)), key=lambda s: s.space):
        found = sorted(_candidates(list(own)))
        if not found or random.random() < 0.1:
            continue
        kind, name, who = random.choice(found)
        day = random.randrange(DAYS)
        restored = day + random.randint(1, 3) if random.random() < 0.3 else None
        yield Edge(space, kind, name, who, day, restored)


def _candidates(seen: list[Seen]) -> set[tuple[str, str, str]]:
    users = {s.user for s in seen if s.user}
    found: set[tuple[str, str, str]] = set()
    for s in (s for s in seen if s.user):
        found |= {(kind, name, str(s.user)) for kind, name in (("anonymous", s.device), ("email", s.email)) if name}
        previous = s.previous_device or s.previous_user
        if previous in users and previous != s.user and not _addresses(seen, previous) & _addresses(seen, s.user):
            found.add(("user", str(previous), str(s.user)))
        elif s.previous_device:
            found.add(("anonymous", s.previous_device, str(s.user)))
    return found


def _addresses(seen: list[Seen], who: str | None) -> set[str]:
    written = {str(r["email"]) for r in records() if r.get("user") == who}
    return written | {s.email for s in seen if s.user == who and s.email}


def records_apart(edges: dict[str, Edge]) -> list[dict[str, object]]:
    """Directory records in which the two ends of a retracted address stand in records of their own."""
    gone = {(edge.name, edge.user) for edge in edges.values() if edge.kind == "email"}
    found: list[dict[str, object]] = []
    for record in records():
        if (record.get("email"), record.get("user")) in gone:
            found += [
                {k: v for k, v in record.items() if k != "email"},
                {"email": record["email"], "day": record["day"]},
            ]
        else:
            found.append(record)
    return found


def spaces_of_keys() -> dict[object, str]:
    """The product that a key belongs to."""
    found: dict[object, str] = {}
    for n in range(PRODUCTS):
        space = f"{n}-"
        for name in ("ann", "bob", "cat", "dan", "d1", "d2", "d3"):
            found |= {user(space + name): str(n), device(space + name): str(n)}
        found |= {mail(f"{letter}@{space}"): str(n) for letter in "abc"}
        found |= {workspace_key("product", f"{space}{w}"): str(n) for w in ("w1", "w2")}
    return found
