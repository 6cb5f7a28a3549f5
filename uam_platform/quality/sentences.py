"""What a finding says to people: what was seen, how much, what to do.

Here: one sentence or two per kind. Not here: when a finding opens (`findings`), the page (`page`).
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

Hit = Mapping[Any, Any]
Facts = Mapping[str, Any]


def sentence(hit: Hit) -> str:
    """The words of what stood out.

    Args:
        hit: columns `missing_tellings.HIT` of its last day.
    """
    return _WORDS[hit["finding_kind"]](hit, hit["facts"])


def _blocked(hit: Hit, facts: Facts) -> str:
    where = f"In {hit['finding_part']}" if hit["finding_part"] else "Over all browsers"
    return (
        f"{where}, clients did not tell of {hit['size_ratio']:.1%} of the {facts['runs']:,} runs that servers told of "
        f"({facts['usual_ratio']:.0%} may be missing); of {facts['silent_people']:,} of {facts['people']:,} people no start "
        "arrived. Count by server events, or send client events through an address of your own."
    )


def _drift(hit: Hit, facts: Facts) -> str:
    version = f"App version {hit['finding_part']}" if hit["finding_part"] else "The front end"
    told = (
        f"{version} does not send {hit['finding_subject']} in {hit['size_ratio']:.0%} of {facts['runs']:,} runs of "
        f"{facts['people']:,} people (usual {facts['usual_ratio']:.0%})"
    )
    if facts["renamed_to"]:
        return (
            f"{told}; {facts['renamed']:,} came as {facts['renamed_to']}. List that name as a synonym or repair the release, then "
            "replay what was set aside."
        )
    return f"{told}, while the server's events go on. Repair the release, or agree that the event ends."


def _volume(hit: Hit, facts: Facts) -> str:
    less = "less" if hit["size_ratio"] < 0 else "more"
    return (
        f"{facts['rows']:,} rows on {hit['since_date']}, {abs(hit['size_ratio']):.0%} {less} than the {facts['expected']:,.0f} of the "
        "same weekdays before. Look whether the source or its connector lost, held back or repeated something."
    )


def _silent(hit: Hit, facts: Facts) -> str:
    return (
        f"No row for {facts['days']} days; the longest pause before was {facts['longest']}. Look at the connector's last run and at "
        "the source."
    )


def _new_name(hit: Hit, facts: Facts) -> str:
    return f"A new event name, {facts['rows']:,} times since {hit['since_date']}. Agree on its meaning in the taxonomy, or have it stopped."


def _vanished(hit: Hit, facts: Facts) -> str:
    return (
        f"No such event for {facts['days']} days; {facts['expected']:.0f} were expected in the last five. Ask who released; if it ended on "
        "purpose, mark it deprecated."
    )


def _missing(hit: Hit, facts: Facts) -> str:
    return (
        f"Missing in {facts['share']:.1%} of the rows that carried it, before {facts['usual']:.1%}. Look which release or library version "
        "leaves it out."
    )


def _told(hit: Hit, facts: Facts) -> str:
    return str(facts["said"])


_WORDS: Final[Mapping[str, Callable[[Hit, Facts], str]]] = {
    "blocked_tracking": _blocked,
    "front_end_drift": _drift,
    "volume": _volume,
    "silent_source": _silent,
    "new_event_name": _new_name,
    "vanished_event_name": _vanished,
    "missing_values": _missing,
    "field_changed": _told,
    "wrong_type": _told,
    "source_order": _told,
}
