"""The shipped rulebook says what the requirements ask of it in so many words."""

import re
from typing import Any

import pytest
import yaml

from uam_platform.policy.load import SHIPPED, PolicyError, parse
from uam_platform.policy.rulebook import load_rulebook
from uam_platform.policy.taxonomy import Taxonomy

RULEBOOK = load_rulebook()


@pytest.mark.parametrize(
    "name",
    (
        "workspace_created report_exported integration_connected invoice_download_failed seat_limit_reached "
        "page_viewed element_clicked modal_opened form_submitted interaction_measured "
        "account_updated payment_succeeded permission_granted permission_revoked import_completed data_exported workflow_completed"
    ).split(),
)
def test_the_catalogue_has_the_names_that_everybody_expects(name: str) -> None:
    assert RULEBOOK.taxonomy.events[name].meaning


@pytest.mark.parametrize("name", ["clicked_save_button", "Clicked Button", "button_click", "ctaTapped"])
def test_names_that_describe_the_interface_are_refused(name: str) -> None:
    assert any(re.search(pattern, name) for pattern in RULEBOOK.taxonomy.rejected_patterns)


@pytest.mark.parametrize(
    ("marker", "names"),
    [
        ("progress", "project_created integration_connected first_report_generated"),
        ("friction", "validation_error_shown import_failed setup_abandoned"),
        ("intent", "admin_invited settings_explored seat_limit_reached pricing_viewed"),
    ],
)
def test_markers_tell_progress_friction_and_intent(marker: str, names: str) -> None:
    assert {RULEBOOK.taxonomy.events[name].marker for name in names.split()} == {marker}


def test_business_state_is_for_the_server_and_experience_for_the_client() -> None:
    side = {name: rule.side for name, rule in RULEBOOK.taxonomy.events.items()}
    state = "account_updated plan_changed payment_succeeded refund_issued role_changed permission_granted data_exported import_completed"
    assert {side[name] for name in state.split()} == {"server"}
    assert {side[name] for name in "form_submitted element_clicked interaction_measured".split()} == {"client"}


@pytest.mark.parametrize("name", ["ReportExported", "exported", "report-exported", "report exported"])
def test_an_event_that_is_no_object_and_action_is_refused_with_an_example(name: str) -> None:
    data: dict[str, Any] = yaml.safe_load((SHIPPED / "taxonomy.yaml").read_text(encoding="utf-8"))
    data["events"][name] = {"meaning": "A report left the product"}
    with pytest.raises(PolicyError, match="object_action in snake_case"):
        parse(Taxonomy, data, "taxonomy.yaml")


def test_collaboration_has_shorter_sessions_than_reporting() -> None:
    collaboration, reporting = (RULEBOOK.sessions.rule(kind) for kind in ("collaboration", "reporting"))
    assert collaboration.gap_minutes < reporting.gap_minutes
    assert collaboration.cap_hours < reporting.cap_hours


def test_definitions_of_events_have_an_owner() -> None:
    assert RULEBOOK.taxonomy.owner
