"""What only a server may vouch for is missing, not zero, while no server tells of it, and a client's word never counts."""

import pandas as pd
import pytest

from uam_platform.kpis.inputs import Facts, score_inputs
from uam_platform.kpis.scores import account_scores, score, worksheets
from uam_platform.policy.load import load_section
from uam_platform.policy.taxonomy import Taxonomy
from uam_platform_tests.kpis.test_scores import DAY, POLICY, actions, features

SERVERS = load_section(Taxonomy, "taxonomy").told_by_servers()
BEFORE, AFTER = DAY - pd.Timedelta(days=30), DAY + pd.Timedelta(days=1)
TOLD = {
    "no server is connected": [("member_invited", "client", BEFORE)],
    "nothing is told at all": [],
    "servers tell of other things alone": [("workflow_completed", "server", BEFORE), ("member_invited", "client", BEFORE)],
    "the server begins later": [("member_invited", "server", AFTER), ("member_invited", "client", BEFORE)],
}  # fmt: skip


def facts(told: list[tuple[str, str, pd.Timestamp]], invites: int = 3) -> Facts:
    sides = pd.DataFrame(told, columns=["event_name", "side", "known_date"])
    first = DAY - pd.Timedelta(days=100)
    return Facts(
        features(), actions(invites=invites, limits=2), first_ticket_date=first, server_only=SERVERS, told_sides=sides
    )


def test_the_taxonomy_says_which_groups_are_a_servers() -> None:
    groups = POLICY.server_groups(SERVERS)
    assert set(groups) == {"invites", "admin_invites"}
    assert groups["invites"] == {"admin_invited", "member_invited"}


@pytest.mark.parametrize("told", TOLD.values(), ids=TOLD.keys())
def test_client_only_truth_is_refused_and_the_worksheet_says_why(told: list[tuple[str, str, pd.Timestamp]]) -> None:
    inputs = score_inputs(facts(told), POLICY)
    assert inputs["invites_28d"].isna().all()
    assert inputs["limits_28d"].tolist() == [2.0], "what a client may tell goes on counting"
    lines = worksheets(score(inputs, POLICY))
    own = lines[lines["input_name"].str.startswith("invites_")]
    assert len(own)
    assert set(own["line_state"]) == {"missing"}
    assert own["points_hundredths"].eq(0).all()
    assert own["reading"].str.contains("missing, not zero: no server has told of it").all()


def test_a_server_that_tells_of_other_things_makes_nobodys_invitations_zero_and_not_missing() -> None:
    inputs = score_inputs(facts([("workflow_completed", "server", BEFORE)], invites=0), POLICY)
    assert inputs["invites_28d"].tolist() == [0.0]


def test_where_the_server_tells_the_input_counts() -> None:
    told = [("member_invited", "server", BEFORE), ("member_invited", "client", BEFORE)]
    inputs = score_inputs(facts(told), POLICY)
    assert inputs["invites_28d"].tolist() == [3.0]
    refused = account_scores(score(score_inputs(facts([]), POLICY), POLICY)).iloc[0]
    counted = account_scores(score(inputs, POLICY)).iloc[0]
    assert refused["expansion_score"] != counted["expansion_score"]
