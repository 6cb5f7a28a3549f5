"""The difficulty of a world: one named, versioned, frozen vector of knobs.

Belongs here: every number that makes the company easier or harder to read. Does not belong here: what the causes do
(``drivers``) or how the product is used (``activity``). Change a value only together with ``WORLD_VERSION``: scores
across world versions are not compared.
"""

from dataclasses import dataclass, field, fields, replace

from uam_platform.simulation.world.drivers import CAUSES, LOOKALIKES

WORLD_VERSION = "2.0.0"


def _knob(default: float, unit: str, reason: str) -> float:
    """Return a dataclass field that carries its unit and the reason for its value."""
    return field(default=default, metadata={"unit": unit, "reason": reason})


def _names(default: tuple[str, ...], reason: str) -> tuple[str, ...]:
    """Return a dataclass field that lists names and carries the reason for its value."""
    return field(default=default, metadata={"unit": "names", "reason": reason})


@dataclass(frozen=True)
class Difficulty:
    """One frozen vector; the defaults are the ``default`` difficulty."""

    name: str = "default"
    signal_gain: float = _knob(
        1.8, "ratio", "scales what harm does to behaviour, fixed by calibration; 0 leaves behaviour blind to harm"
    )
    noise_sd: float = _knob(
        0.20, "log units", "weekly swing of an account's activity that means nothing, fixed by calibration"
    )
    noise_memory: float = _knob(0.6, "autocorrelation per week", "quiet weeks come in runs")
    lag_ratio: float = _knob(1.0, "ratio", "stretches the time in which harm builds up after its onset")
    cause_overlap: float = _knob(0.20, "ratio", "how far the effects of the causes resemble their mean")
    harm_per_year: float = _knob(1.0, "ratio", "scales the yearly onset rate of every harmful cause")
    lookalike_per_year: float = _knob(0.9, "episodes per account-year", "harmless episodes that look like harm")
    acausal_per_year: float = _knob(0.055, "churn per account-year", "a quarter of 22 % leaves for no visible reason")
    churn_gain: float = _knob(1.0, "ratio", "scales the probability that a distressed account does not renew")
    censored_per_year: float = _knob(
        0.006, "accounts per account-year", "acquired or merged away: no churn, no renewal"
    )
    revenue_tail: float = _knob(1.15, "sigma of log size", "the top decile holds roughly half of the revenue")
    events_per_account_day: float = _knob(
        5.2, "deliveries per paying account-day", "1,000 accounts x 364 days give about 1.5 million"
    )
    duplicate_share: float = _knob(0.02, "share of deliveries", "client retries and replays with the same message id")
    late_share: float = _knob(0.015, "share of deliveries", "mobile clients that flush hours or days later")
    skewed_device_share: float = _knob(0.05, "share of devices", "clocks that are minutes to days off")
    malformed_share: float = _knob(0.001, "share of deliveries", "lines the archive holds but nobody can use as is")
    sloppy_client_share: float = _knob(0.07, "share of devices", "old clients that send variants of event names")
    shared_people_share: float = _knob(0.07, "share of people", "colleagues who log in on somebody else's device")
    blocked_people_share: float = _knob(0.03, "share of people", "tracking blockers: only server events arrive")
    contractor_share: float = _knob(0.015, "share of people", "one person working in two accounts")
    trial_share: float = _knob(0.7, "share of new accounts", "two weeks of free use before the first contract")
    deep_parent_share: float = _knob(0.25, "share of parents", "parents with a parent: a line of three companies")
    parent_change_per_year: float = _knob(
        0.02, "changes per account-year", "a company is sold or leaves its group; its contract goes on"
    )
    split_per_year: float = _knob(
        0.006, "splits per account-year", "a workspace becomes a company with a contract of its own"
    )
    plan_change_per_year: float = _knob(
        0.10, "changes per account-year", "upgrades and downgrades with a new price, mostly at a renewal"
    )
    billing_switch_share: float = _knob(0.03, "share of accounts", "go over from monthly to annual terms or back")
    job_change_share: float = _knob(0.12, "share of people who leave", "turn up at another customer weeks later")
    repeated_role_share: float = _knob(0.015, "share of people", "change their role a second time")
    kiosk_account_share: float = _knob(
        0.04, "share of accounts", "one device on the shop floor on which four to ten people sign in and out"
    )
    monitored_share: float = _knob(0.01, "share of accounts", "a robot signs in by the clock to see whether all is up")
    staff_per_100_accounts: float = _knob(1.5, "people", "the vendor's own support staff who sign in at customers")
    staff_visits_per_week: float = _knob(0.04, "visits per account-week", "help on the spot, more often when it burns")
    owner_leaves_per_year: float = _knob(0.12, "share of owners per year", "account owners who leave sales altogether")
    reenveloped_share: float = _knob(
        0.0005, "share of deliveries", "webhooks delivered again under a new message id: no vendor id gives them away"
    )
    second_tool_account_share: float = _knob(
        0.15, "share of accounts", "value actions and workflows that a second analytics tool records as well"
    )
    privacy_browser_share: float = _knob(
        0.03, "share of desktop devices", "browsers that block trackers out of the box: four in five send nothing"
    )
    blocker_share: float = _knob(
        0.02, "share of Chrome devices", "blocking extensions; Firefox three times, Safari 0.8 and Edge half as many"
    )
    drifts_per_year: float = _knob(
        2.0, "web releases per year", "releases that lose or rename a client event while the server's twin holds"
    )
    missing_field_share: float = _knob(
        0.02, "share of client deliveries per field", "workflow, feature or group left out, by library version"
    )
    release_share: float = _knob(
        0.6, "share of broken-workflow onsets", "most breakage follows a release, the rest has no common date"
    )
    shallow_share: float = _knob(0.08, "share of accounts", "kind C1: many visits, little value, no reason to leave")
    dependent_share: float = _knob(0.08, "share of accounts", "kind C2: lives on one workflow and leaves if it breaks")
    evaluated_share: float = _knob(0.06, "share of accounts", "kind C3: administrators who compare and do not work")
    other_path_share: float = _knob(
        0.25, "share of new accounts", "begin with imports and connect later: looks like friction and is none"
    )
    drives_per_year: float = _knob(0.35, "drives per account-year", "about one account in four grows within a year")
    drive_gain: float = _knob(1.0, "ratio", "scales what a drive to expand does to behaviour; 0 hides it")
    driven_growth_share: float = _knob(
        0.6, "share of drives", "most drives end in more seats, the others come to nothing"
    )
    undriven_growth_per_year: float = _knob(0.07, "growths per account-year", "seats also grow with no sign beforehand")
    sequences_per_year: float = _knob(
        0.25, "plantings per account-year and sequence", "rare enough to be found, not to be the background"
    )
    decoy_share: float = _knob(0.4, "share of plantings", "the right steps in a wrong order or too far apart")
    patterns_per_week: float = _knob(
        0.012, "occurrences per account-week and pattern", "controls show every pattern too; harm and drives raise some"
    )
    sentiment_noise_sd: float = _knob(0.36, "sentiment (-1 to 1)", "moods of the day, for reasons of their own")
    temper_sd: float = _knob(
        0.25, "sentiment (-1 to 1)", "some customers always complain, some leave politely: words tell less than deeds"
    )
    pii_share: float = _knob(0.10, "share of statements", "people put addresses, numbers and keys into what they write")
    typo_share: float = _knob(0.08, "share of sentences", "customers type in a hurry")
    chats_per_ticket: float = _knob(0.5, "ratio", "chats are about half as many as tickets where both are offered")
    call_gain: float = _knob(1.0, "ratio", "scales kick-offs, reviews, renewal and escalation calls; 0 for none")
    documents_per_account_year: float = _knob(0.083, "documents", "about one per twelve accounts a year")
    logs_per_event: float = _knob(
        0.10, "share of requests", "backends keep every failure and a sample of the rest; 0 writes no logs"
    )
    causes: tuple[str, ...] = _names(
        tuple(cause.name for cause in CAUSES), "harms that occur; leave one out to train without it"
    )
    lookalikes: tuple[str, ...] = _names(
        tuple(each.name for each in LOOKALIKES if not each.is_reserve),
        "harmless episodes that occur; swap one for another",
    )

    def __post_init__(self) -> None:
        """Refuse names of drivers that do not exist."""
        for given, known in ((self.causes, CAUSES), (self.lookalikes, LOOKALIKES)):
            odd = sorted(set(given) - {each.name for each in known})
            if odd:
                listed = ", ".join(each.name for each in known)
                raise ValueError(f"difficulty {self.name!r} names {', '.join(odd)}: use {listed}")


_DEFAULT = Difficulty()
DIFFICULTIES: dict[str, Difficulty] = {
    "easy": replace(_DEFAULT, name="easy", signal_gain=2.5, noise_sd=0.15, lag_ratio=0.7, cause_overlap=0.05),
    "default": _DEFAULT,
    "hard": replace(
        _DEFAULT, name="hard", signal_gain=1.26, noise_sd=0.30, lag_ratio=1.5, cause_overlap=0.4, acausal_per_year=0.09
    ),
}


def difficulty_named(name: str) -> Difficulty:
    """Return the vector called ``name``.

    Raises:
        ValueError: There is no such difficulty; the message lists those that exist.
    """
    if name not in DIFFICULTIES:
        known = ", ".join(sorted(DIFFICULTIES))
        raise ValueError(f"difficulty {name!r} is unknown: use one of {known}")
    return DIFFICULTIES[name]


def chosen_difficulty(difficulty: str | Difficulty) -> Difficulty:
    """Return the vector itself, or the one of that name.

    Raises:
        ValueError: There is no difficulty of that name.
    """
    return difficulty if isinstance(difficulty, Difficulty) else difficulty_named(difficulty)


def describe(vector: Difficulty) -> list[tuple[str, float, str, str]]:
    """Return one row (knob, value, unit, reason) per number, in declaration order; lists of names are left out."""
    rows = []
    for knob in fields(vector):
        if knob.metadata.get("unit", "names") != "names":
            rows.append((knob.name, getattr(vector, knob.name), knob.metadata["unit"], knob.metadata["reason"]))
    return rows
