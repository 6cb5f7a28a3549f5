"""Many small products drawn at random for the laws of identity.

Here: what they see, their directory records and companies. Not here: the laws (`test_laws`), edges taken back (`taken_back`).
"""

from random import Random

from uam_platform_tests.identity.product import Seen

DAYS = 6
PRODUCTS = 40  # small products in one resolution; their ids differ, so nothing may pass from one to another


def sighting(random: Random, space: str) -> Seen:
    kind = random.choice(["track", "track", "identify", "group", "alias"])
    event = random.randrange(DAYS)
    users = [f"{space}{name}" for name in ("ann", "bob", "cat", "dan")]
    devices = [f"{space}{name}" for name in ("d1", "d2", "d3")]
    workspaces = [f"{space}{name}" for name in ("w1", "w2")]
    who = random.choice([*users, None]) if kind == "track" else random.choice(users)
    names_user = random.random() < 0.5
    return Seen(
        day=event,
        user=who,
        device=None if kind == "alias" else random.choice([*devices, None] if who else devices),
        email=random.choice([None, f"a@{space}", f"b@{space}"]) if kind == "identify" else None,
        workspace=random.choice(workspaces) if kind in ("group", "track") else None,
        role=random.choice([None, "admin", "member"]) if kind == "group" else None,
        account=random.choice([None, f"{space}acc1", f"{space}acc2"]) if kind == "group" else None,
        kind=kind,
        previous_device=random.choice(devices) if kind == "alias" and not names_user else None,
        previous_user=random.choice(users) if kind == "alias" and names_user else None,
        known=random.choice([None, None, event + 1, DAYS - 1]),
        minute=random.randrange(4),
    )


def products(seed: int) -> list[Seen]:
    random = Random(seed)
    return [sighting(random, f"{n}-") for n in range(PRODUCTS) for _ in range(random.randint(1, 14))]


def records() -> list[dict[str, object]]:
    return [
        record
        for n in range(0, PRODUCTS, 2)
        for record in (
            {"email": f"a@{n}-", "user": f"{n}-ann", "account": f"{n}-acc1", "role": "admin", "day": 2},
            {"email": f"c@{n}-", "account": f"{n}-acc2", "day": 1},
            {"email": f"b@{n}-", "account": f"{n}-acc2", "day": 3},
        )
    ]


def companies() -> list[tuple[str, str | None, int]]:
    return [
        c for n in range(PRODUCTS) for c in ((f"{n}-acc1", None, 0), (f"{n}-acc2", None, 0), (f"{n}-acc1", "top", 3))
    ]
