"""The alert rulebook: duties are mandatory, mistakes are named, detectors are added in YAML alone."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from uam_platform.alerts.candidates import candidates
from uam_platform.ledger import catalogue
from uam_platform.policy.alerts import AlertPolicy
from uam_platform.policy.load import SHIPPED, PolicyError, load_section
from uam_platform.policy.playbooks import PlaybookPolicy
from uam_platform.policy.rulebook import load_rulebook
from uam_platform_tests.alerts.population import ESCALATED_DECLINE, Population

DETECTOR = "core_decline_after_escalation"


def shipped() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((SHIPPED / "alerts.yaml").read_text())
    return loaded


def load(folder: Path, rules: dict[str, Any]) -> AlertPolicy:
    (folder / "alerts.yaml").write_text(yaml.safe_dump(rules))
    return load_section(AlertPolicy, "alerts", folder)


@pytest.mark.parametrize("duty", ["owner", "threshold", "system_to_update", "follow_up", "playbook", "audience"])
def test_a_detector_without_a_duty_cannot_be_loaded(tmp_path: Path, duty: str) -> None:
    rules = shipped()
    del rules["detectors"][DETECTOR][duty]
    with pytest.raises(PolicyError, match=rf"alerts\.yaml: detectors\.{DETECTOR}\.{duty}: is required but missing"):
        load(tmp_path, rules)


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ({"column": "core_28d", "op": ">", "value": 1}, "no column 'core_28d'"),
        ({"column": "owner_email", "op": "==", "value": "x"}, "no column 'owner_email'"),
        ({"column": "tier", "op": ">", "value": 1}, "holds no numbers"),
        ({"column": "arr_usd_cents", "op": ">", "value": "much"}, "compares numbers"),
        ({"column": "arr_usd_cents", "op": ">"}, "needs a single value or a quantile"),
        ({"column": "arr_usd_cents", "op": ">", "value": 1, "quantile": 0.5}, "no value"),
        ({"column": "tier", "op": "in", "value": "growth"}, "needs a list"),
        ({"column": "tier", "ratio": ["core_7d_count", "core_28d_count"], "op": ">", "value": 1}, "exactly one of"),
        ({"column": "tier", "value": "growth"}, "op is required"),
        ({"all": [], "op": ">"}, "exactly one of"),
        ({"python": "1 + 1"}, "unknown key"),
    ],
    ids=lambda v: None if isinstance(v, dict) else v,
)
def test_a_wrong_condition_is_named_with_its_place(tmp_path: Path, condition: dict[str, Any], message: str) -> None:
    rules = shipped()
    rules["detectors"][DETECTOR]["conditions"] = [condition]
    with pytest.raises(PolicyError, match=rf"detectors\.{DETECTOR}\.conditions") as caught:
        load(tmp_path, rules)
    assert message in str(caught.value)


def test_a_detector_is_added_in_the_rulebook_alone(tmp_path: Path) -> None:
    rules = shipped()
    duties = {k: v for k, v in rules["detectors"][DETECTOR].items() if k not in ("conditions", "decline")}
    rules["detectors"]["friction_heavy"] = {
        **duties,
        "title": "errors without end",
        "conditions": {
            "any": [
                {"column": "friction_28d_count", "op": ">", "value": 50},
                {
                    "all": [
                        {"column": "open_ticket_count", "op": ">=", "value": 9},
                        {"column": "plan", "op": "is_known"},
                    ]
                },
            ]
        },
    }
    policy = load(tmp_path, rules)
    changes = {
        "acc_00001": {"friction_28d_count": 51},
        "acc_00002": {"open_ticket_count": 9},
        "acc_00003": {"open_ticket_count": 9, "plan": None},
    }
    found = candidates(**Population(changes).inputs(), policy=policy)
    assert set(found["detector"]) == {"friction_heavy"}
    assert sorted(found["account_id"]) == ["acc_00001", "acc_00002"]
    assert candidates(**Population({"acc_00001": ESCALATED_DECLINE}).inputs(), policy=policy)["detector"].tolist() == [
        DETECTOR
    ]


def test_a_playbook_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    rules = shipped()
    rules["detectors"][DETECTOR]["playbook"] = "hope"
    with pytest.raises(PolicyError, match=rf"detectors\.{DETECTOR}\.playbook: 'hope' is not in"):
        catalogue.check(load(tmp_path, rules), load_section(PlaybookPolicy, "playbooks"))


def test_an_unknown_group_of_actions_is_named_with_those_there_are(tmp_path: Path) -> None:
    rules = shipped()
    rules["detectors"][DETECTOR]["conditions"] = [{"column": "actions.invited", "op": ">=", "value": 1}]
    load(tmp_path, rules)
    with pytest.raises(PolicyError, match=r"no group of actions 'invited' in scores\.yaml; use one of activation"):
        load_rulebook(tmp_path)


def test_the_shipped_rulebooks_fit_together() -> None:
    catalogue.check(load_section(AlertPolicy, "alerts"), load_section(PlaybookPolicy, "playbooks"))


def test_a_slack_action_without_channel_is_refused(tmp_path: Path) -> None:
    rules = yaml.safe_load((SHIPPED / "playbooks.yaml").read_text())
    del rules["default_targets"]["slack"]
    (tmp_path / "playbooks.yaml").write_text(yaml.safe_dump(rules))
    with pytest.raises(PolicyError, match=r"name a target or default_targets\.slack"):
        load_section(PlaybookPolicy, "playbooks", tmp_path)


def test_salesforce_takes_a_task_or_context_on_the_account_only(tmp_path: Path) -> None:
    rules = yaml.safe_load((SHIPPED / "playbooks.yaml").read_text())
    rules["default_targets"]["salesforce"] = "Lead"
    (tmp_path / "playbooks.yaml").write_text(yaml.safe_dump(rules))
    with pytest.raises(PolicyError, match=r"target 'Lead'; Salesforce takes Task or Account"):
        load_section(PlaybookPolicy, "playbooks", tmp_path)
