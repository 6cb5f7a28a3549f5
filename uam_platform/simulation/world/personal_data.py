"""Personal data and secrets that people put into texts, and numbers that only look like them.

Belongs here: the kinds, their values and the sentences around them. Does not belong here: how often they are planted
(``writer``). Values cannot reach anybody: reserved domains, telephone and address ranges, test cards, invented keys.
"""

from collections.abc import Callable

from uam_platform.simulation.world.dice import Dice
from uam_platform.simulation.world.names import FIRST_NAMES, LAST_NAMES

_STREETS = ("Harbor Street", "Mill Lane", "Station Road", "Elm Avenue", "Market Square", "Church Road", "King Street")
_TOWNS = ("Springfield", "Riverton", "Lakeside", "Fairview", "Georgetown", "Milton", "Ashford")
_ALPHANUMERIC = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_NETS = ("192.0.2", "198.51.100", "203.0.113")

PII_SENTENCES: dict[str, tuple[str, ...]] = {
    "email": (
        "You can reach me at {}.",
        "My other address is {}.",
        "Please copy {} on the answer.",
        "The login is {}.",
    ),
    "phone": ("Please call {}.", "My number is {}.", "Call me on {} if that is quicker.", "Tel. {}"),
    "name": (
        "My colleague {} knows more.",
        "{} is out until Monday.",
        "Please add {} to the workspace.",
        "Ask for {}.",
    ),
    "card": ("The card we paid with is {}.", "Please charge {} instead.", "Card number {} was declined."),
    "iban": ("Please refund to {}.", "Our account is {}.", "The direct debit runs on {}."),
    "address": ("Our new address is {}.", "Please send it to {}.", "We moved to {}."),
    "ip": ("Our office has the address {}.", "Requests come from {}.", "Please allow {}."),
    "api_key": ("We use the key {}.", "This is the key: {}", "The call with {} is refused."),
}
DECOY_SENTENCES: dict[str, tuple[str, ...]] = {
    "order_number": ("It concerns order {}.", "Our reference is {}.", "See purchase order {}."),
    "version": ("We are on version {}.", "The client is {}.", "It began with release {}."),
    "ticket_number": ("This belongs to ticket {}.", "See also {}."),
    "date": ("It happened on {}.", "The file is of {}."),
    "row_count": ("The file has {} rows.", "We expected {} records."),
    "run_number": ("The run is {}.", "Run {} shows it."),
    "hash": ("The export has the checksum {}.", "Build {} has it."),
    "tracking_number": ("The parcel number is {}.", "Tracking {} in the test data is refused."),
}
PII_KINDS: tuple[str, ...] = tuple(PII_SENTENCES)
DECOY_KINDS: tuple[str, ...] = tuple(DECOY_SENTENCES)


def _digits(dice: Dice, number: int) -> str:
    return "".join(str(dice.below(10)) for _ in range(number))


def _email(dice: Dice) -> str:
    stem = f"{dice.pick(FIRST_NAMES)}{dice.pick(('.', '_', ''))}{dice.pick(LAST_NAMES)}".lower()
    return f"{stem}{dice.pick(('', str(dice.below(90) + 10), '+test'))}@{dice.pick(('mail', 'post', 'inbox'))}.example"


def _phone(dice: Dice) -> str:
    last = f"{dice.below(100):02d}"
    area = dice.below(700) + 201
    forms = (f"+1 {area} 555 01{last}", f"({area}) 555-01{last}", f"+1-{area}-555-01{last}", f"+44 20 7946 0{last}{dice.below(10)}",
             f"{area}.555.01{last}")  # fmt: skip
    return dice.pick(forms)


def _name(dice: Dice) -> str:
    return f"{dice.pick(FIRST_NAMES)} {dice.pick(LAST_NAMES)}"


def luhn_digit(stem: str) -> int:
    """Return the check digit that completes ``stem`` to a valid payment card number (ISO/IEC 7812-1 annex B)."""
    doubled = [int(digit) * 2 for digit in reversed(stem)][::2]
    others = [int(digit) for digit in reversed(stem)][1::2]
    return -(sum(each - 9 * (each > 9) for each in doubled) + sum(others)) % 10


def _spaced(number: str, dice: Dice) -> str:
    gap = dice.pick((" ", "-", ""))
    return gap.join(number[at : at + 4] for at in range(0, len(number), 4))


def _card(dice: Dice) -> str:
    stem = dice.pick(("4000", "5200", "4111")) + _digits(dice, 11)
    return _spaced(f"{stem}{luhn_digit(stem)}", dice)


def _tracking(dice: Dice) -> str:
    stem = "7000" + _digits(dice, 11)
    return _spaced(f"{stem}{(luhn_digit(stem) + 1 + dice.below(9)) % 10}", dice)


def _iban(dice: Dice) -> str:
    body = _digits(dice, 18)
    check = 98 - int(f"{body}131400") % 97
    number = f"DE{check:02d}{body}"
    return " ".join(number[at : at + 4] for at in range(0, 22, 4)) if dice.roll() < 0.6 else number


def _address(dice: Dice) -> str:
    return f"{dice.below(180) + 1} {dice.pick(_STREETS)}, {dice.below(90_000) + 10_000} {dice.pick(_TOWNS)}"


def _ip(dice: Dice) -> str:
    return f"{dice.pick(_NETS)}.{dice.below(254) + 1}"


def _api_key(dice: Dice) -> str:
    body = "".join(dice.pick(_ALPHANUMERIC) for _ in range(28))
    return f"{dice.pick(('key_live_', 'tok_', 'acme_pat_'))}{body}"


_MAKERS: dict[str, Callable[[Dice], str]] = {
    "email": _email, "phone": _phone, "name": _name, "card": _card, "iban": _iban, "address": _address, "ip": _ip,
    "api_key": _api_key,
    "order_number": lambda dice: dice.pick((f"ORD-2025-{_digits(dice, 6)}", f"PO {_digits(dice, 7)}", _digits(dice, 8))),
    "version": lambda dice: f"{dice.below(9) + 1}.{dice.below(20)}.{dice.below(10)}{dice.pick(('', '', '.' + str(dice.below(40))))}",
    "ticket_number": lambda dice: f"#{dice.below(9_000) + 1_000}",
    "date": lambda dice: f"2024-{dice.below(12) + 1:02d}-{dice.below(28) + 1:02d}",
    "row_count": lambda dice: f"{dice.below(900) + 100}{dice.pick((',', ' '))}{_digits(dice, 3)}",
    "run_number": lambda dice: f"wf_{_digits(dice, 8)}",
    "hash": lambda dice: f"{dice.below(16**10):010x}",
    "tracking_number": _tracking,
}  # fmt: skip


def make_value(kind: str, dice: Dice) -> str:
    """Return one value of a kind listed in ``PII_KINDS`` or ``DECOY_KINDS``."""
    return _MAKERS[kind](dice)
