"""What a client tells of business state that only servers may tell is no named action."""

from datetime import timedelta

import pytest

from uam_platform.behavior.named_actions import account_actions
from uam_platform.contracts import tables
from uam_platform.policy.load import load_section
from uam_platform.policy.scores import ActionGroup
from uam_platform.policy.taxonomy import Taxonomy
from uam_platform_tests.behavior.company import FOREVER, START, table
from uam_platform_tests.quality.cases import day, event, events

SERVERS = load_section(Taxonomy, "taxonomy").told_by_servers()
GROUPS = {
    "invites": ActionGroup(meaning="people invited", events=("member_invited",)),
    "limits": ActionGroup(meaning="limit reached", events=("seat_limit_reached",)),
}


@pytest.mark.parametrize(
    ("sides", "counted"),
    [(("client", "server"), 1), (("client", "client"), None), (("server", "server"), 2)],
    ids=["both told", "clients alone", "servers alone"],
)
def test_only_a_servers_word_counts_for_events_that_are_a_servers(sides: tuple[str, ...], counted: int | None) -> None:
    told = [event(n, "member_invited", side, event_lo=n) for n, side in enumerate(sides)]
    told.append(event(2, "seat_limit_reached", "client", event_lo=9))
    owner = {
        "workspace_key": 1, "account_id": "acc_1", "valid_from_date": START, "valid_to_date": FOREVER,
        "known_from_date": START, "known_to_date": FOREVER,
    }  # fmt: skip
    found = account_actions(
        events(told),
        table(tables.HIERARCHY, [owner]),
        table(tables.PEOPLE, []),
        table(tables.MEMBERSHIPS, []),
        as_of=[day(10) + timedelta(days=1)],
        groups=GROUPS,
        server_only=SERVERS,
    )
    rows = {row["action_group"]: row["action_28d_count"] for row in found.to_pyarrow().to_pylist()}
    assert rows == {"limits": 1} | ({"invites": counted} if counted else {})
