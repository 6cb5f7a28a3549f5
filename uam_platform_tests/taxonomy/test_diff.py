"""A changed event names whom it affects, read off the rulebook, and stops a release where somebody would get another answer."""

import dataclasses
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from uam_platform.policy.consumers import Consumer, Consumers, declared
from uam_platform.policy.rulebook import load_rulebook
from uam_platform.policy.sequences import Sequence, SequencePolicy, Step
from uam_platform.policy.taxonomy_diff import Change, diff, markdown
from uam_platform_tests.command_line import Uam
from uam_platform_tests.taxonomy.files import SHIPPED_FILE, shipped

RULEBOOK = load_rulebook()
REGISTRY = Consumers(RULEBOOK)
OLD = shipped()


def changes(**changed: dict[str, Any] | None) -> list[Change]:
    return diff(OLD, shipped(**changed), REGISTRY)


def only(**changed: dict[str, Any] | None) -> Change:
    (found,) = changes(**changed)
    return found


def kinds(consumers: tuple[Consumer, ...]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for consumer in consumers:
        found.setdefault(consumer.kind, set()).add(consumer.name)
    return found


def test_nothing_changed_is_no_change() -> None:
    assert changes() == []


def test_an_event_is_used_by_what_names_it_and_by_what_stands_on_that() -> None:
    used = kinds(declared(RULEBOOK.taxonomy, RULEBOOK)["import_failed"])
    assert used["sequence"] == {"import_to_ticket", "failure_to_depth_drop"}
    assert used["journey"] == {"stalled_workflow", "repeated_failure"}
    assert {"friction", "health"} == used["KPI"]
    assert "friction_28d_count" in used["feature"]
    assert "core_28d_count" not in used["feature"]
    assert "friction_share" in used["signal of harm"]
    assert "behaviour_turning_bad" in used["alert"]
    assert "customer_success_outreach" in used["playbook"]


def test_intent_leads_over_its_group_of_actions_to_the_alert_and_its_playbook() -> None:
    used = kinds(declared(RULEBOOK.taxonomy, RULEBOOK)["seat_limit_reached"])
    assert used["alert"] == {"ready_to_expand"}
    assert used["playbook"] == {"expansion_conversation"}
    assert "friction_28d_count" not in used["feature"]


def test_context_is_used_by_nothing() -> None:
    used = declared(RULEBOOK.taxonomy, RULEBOOK)
    assert used["page_viewed"] == used["modal_opened"] == ()


def test_a_rule_becomes_a_consumer_by_being_written() -> None:
    step = Step(meaning="a dialog", events=("modal_opened",))
    own = Sequence(meaning="twice", reason="a test", scope="account", window_days=1, steps=(step, step))
    rulebook = dataclasses.replace(RULEBOOK, sequences=SequencePolicy(sequences={"two_dialogs": own}))
    assert Consumers(rulebook).of_event("modal_opened", OLD.events["modal_opened"]) == (
        Consumer("sequence", "two_dialogs"),
    )


def test_every_event_that_a_rule_names_is_declared_and_known_to_the_registry() -> None:
    named = RULEBOOK.sequences.event_names() | {e for g in RULEBOOK.scores.action_groups.values() for e in g.events}
    used = declared(RULEBOOK.taxonomy, RULEBOOK)
    assert not {name for name in named if not used[name]}


@pytest.mark.parametrize(
    ("event", "rule", "kind", "is_breaking"),
    [
        ("import_failed", {"marker": None}, "marker", True),
        ("import_failed", {"side": "server"}, "side", True),
        ("import_failed", {"domain": "platform"}, "domain", False),
        ("import_failed", {"meaning": "An import FAILED."}, "meaning", False),
        ("import_failed", {"meaning": "An import was refused"}, "meaning", True),
        ("page_viewed", {"meaning": "A screen was opened"}, "meaning", False),
        ("report_exported", {"tier": "advanced"}, "tier", True),
        ("workflow_started", {"tier": None}, "tier", False),
        ("user_signed_in", {"synonyms": ["Login"]}, "synonym removed", True),
        ("user_signed_in", {"synonyms": ["Login", "signed_in", "log_on"]}, "synonym added", False),
        ("plan_compared", None, "removed", True),
        ("report_printed", {"meaning": "A report was printed"}, "added", False),
    ],
)
def test_a_change_breaks_where_somebody_gets_another_answer(
    event: str, rule: dict[str, Any] | None, kind: str, is_breaking: bool
) -> None:
    found = only(**{event: rule})
    assert (found.event, found.kind, found.is_breaking) == (event, kind, is_breaking)
    assert bool(found.then) or not is_breaking


def test_a_rename_breaks_only_the_rules_that_name_the_old_event() -> None:
    (renamed,) = [
        c
        for c in changes(
            import_failed=None, import_refused={"meaning": "An import failed", "synonyms": ["import_failed"]}
        )
        if c.kind == "renamed"
    ]
    assert (renamed.before, renamed.after, renamed.is_breaking) == ("import_failed", "import_refused", True)
    assert kinds(renamed.consumers)["sequence"] == {"import_to_ticket", "failure_to_depth_drop"}
    unnamed = {"meaning": "A dialog was opened", "synonyms": ["modal_opened"]}
    (free,) = [c for c in changes(modal_opened=None, dialog_opened=unnamed) if c.kind == "renamed"]
    assert not free.is_breaking


def test_a_removed_event_with_the_meaning_of_a_new_one_is_taken_for_renamed() -> None:
    found = changes(plan_compared=None, plans_weighed={"meaning": "Plans were compared"})
    assert "synonyms of plans_weighed" in next(c.then for c in found if c.kind == "removed")


def test_deprecation_breaks_where_rules_still_name_the_event() -> None:
    dates = {"deprecated_on": "2027-01-01", "deprecated_by": "pricing_viewed"}
    assert [(c.kind, c.is_breaking) for c in changes(plan_compared=dates)] == [("deprecation", True)]
    dates["deprecated_by"] = "page_viewed"
    assert [(c.kind, c.is_breaking) for c in changes(modal_opened=dates)] == [("deprecation", False)]


def test_moving_a_feature_breaks_and_appending_one_does_not() -> None:
    swapped = OLD.model_copy(update={"features": OLD.features[::-1]})
    assert [(c.kind, c.is_breaking) for c in diff(OLD, swapped, REGISTRY)] == [("order", True)]
    longer = OLD.model_copy(update={"features": (*OLD.features, "new_map")})
    assert [(c.kind, c.is_breaking) for c in diff(OLD, longer, REGISTRY)] == [("added", False)]


def test_a_pull_request_reads_a_table_with_what_breaks_first() -> None:
    text = markdown(
        changes(import_failed={"marker": None}, report_printed={"meaning": "A report was printed"}), frozenset()
    )
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert "1 breaking" in text.splitlines()[0]
    assert rows[2].startswith("| **breaks** | `import_failed` | marker: friction → none |")
    assert "`report_printed`" in rows[3]


def test_the_gate_stops_what_breaks_and_lets_pass_what_is_allowed(tmp_path: Path, uam: Uam) -> None:
    changed = tmp_path / "taxonomy.yaml"
    text = SHIPPED_FILE.read_text(encoding="utf-8")
    changed.write_text(
        text.replace("An import failed, domain: importing, marker: friction", "An import failed, domain: importing"),
        encoding="utf-8",
    )
    stopped = uam("taxonomy", "diff", str(SHIPPED_FILE), str(changed))
    assert stopped.code == 1
    assert "BREAKS import_failed: marker friction -> none" in stopped.said
    assert "sequence: failure_to_depth_drop, import_to_ticket" in stopped.said
    passed = uam("taxonomy", "diff", str(SHIPPED_FILE), str(changed), "--allow", "import_failed", "--json")
    assert passed.code == 0
    assert [(c["event"], c["kind"], c["is_allowed"]) for c in json.loads(passed.out)] == [
        ("import_failed", "marker", True)
    ]


def test_a_git_revision_is_compared_with_the_file_as_it_is(tmp_path: Path, uam: Uam) -> None:
    path = tmp_path / "taxonomy.yaml"
    path.write_text(SHIPPED_FILE.read_text(encoding="utf-8"), encoding="utf-8")
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *command], check=True)
    path.write_text(
        path.read_text(encoding="utf-8").replace("Plans were compared", "Two plans were compared"), encoding="utf-8"
    )
    assert "plan_compared: meaning" in uam("taxonomy", "diff", "HEAD", str(path)).said
    unknown = uam("taxonomy", "diff", "no-such-branch", str(path))
    assert unknown.code == 2
    assert "neither a file nor a git revision" in unknown.said
