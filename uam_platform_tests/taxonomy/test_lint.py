"""A taxonomy file that is not clear is told what to write instead; the shipped one has nothing to be told."""

import time
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uam_platform.policy.event_names import SNAKE, VERBS, is_past_tense, normalise, past, proposed
from uam_platform.policy.load import PolicyError, parse, read_yaml
from uam_platform.policy.rulebook import load_rulebook
from uam_platform.policy.taxonomy import Taxonomy
from uam_platform.policy.taxonomy_lint import Finding, lint
from uam_platform_tests.taxonomy.files import GOOD, SHIPPED_FILE, with_events

EXAMPLES = sorted((SHIPPED_FILE.parents[3] / "docs" / "examples").glob("*_taxonomy.yaml"))


def findings(data: Any) -> list[Finding]:
    return lint(data, "taxonomy.yaml")


def reasons(data: Any, event: str | None = None) -> set[str]:
    return {finding.reason for finding in findings(data) if event in (None, finding.event)}


def test_the_shipped_taxonomy_has_no_findings() -> None:
    assert lint(read_yaml(SHIPPED_FILE), "taxonomy.yaml") == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_no_example_has_an_error(path: Any) -> None:
    assert [finding for finding in lint(read_yaml(path), path.name) if finding.severity == "error"] == []


@pytest.mark.parametrize(
    ("name", "reason", "write"),
    [
        ("clicked_save_button", "ui_specific", "what the person achieved"),
        ("ReportExported", "not_snake_case", "report_exported"),
        ("generateReport", "not_snake_case", "report_generated"),
        ("exported", "not_object_action", "<object>_exported"),
        ("something_happened", "vague", "name the thing"),
        ("payment_processed", "vague", "how it ended"),
        ("report_created_or_updated", "overloaded", "one event for each"),
        ("report_created_exported", "overloaded", "one event for each"),
        ("export_report", "not_past_tense", "report_exported"),
        ("invite_member", "not_past_tense", "member_invited"),
        ("sign_in_user", "not_past_tense", "user_signed_in"),
    ],
)
def test_a_name_is_refused_for_its_reason_with_a_better_one(name: str, reason: str, write: str) -> None:
    told = {
        finding.reason: finding.write
        for finding in findings(with_events(**{name: {"meaning": "A thing was done here"}}))
    }
    assert write in told[reason]


@pytest.mark.parametrize(
    "name", "report_exported user_signed_in checkout_broke seat_limit_reached import_failed".split()
)
def test_a_name_that_says_what_happened_to_what_passes(name: str) -> None:
    assert findings(with_events(**{name: {"meaning": "A thing was done here"}})) == []


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({"meaning": "report exported"}, "missing_meaning"),
        ({"meaning": "A report left", "domain": None}, "missing_domain"),
        ({"meaning": "A report left", "tier": None}, "missing_purpose"),
        ({"meaning": "A report left", "marker": "value"}, "missing_purpose"),
        ({"meaning": "A report left", "tier": "core", "side": "client"}, "wrong_layer"),
        ({"meaning": "A report left", "object": "document"}, "name_and_parts_differ"),
        (
            {"meaning": "A report left", "deprecated_on": date(2026, 1, 1), "refused_from": date(2027, 1, 1)},
            "deprecated_without_successor",
        ),
        (
            {"meaning": "A report left", "deprecated_on": date(2026, 1, 1), "deprecated_by": "x_done"},
            "deprecated_without_end",
        ),
        ({"meaning": "A report left", "synonyms": ["Report Exported"]}, "needless_synonym"),
        ({"meaning": "A report left", "is_core": True}, "invalid_key"),
        ({"meaning": "A report left", "colour": "red"}, "invalid_key"),
        ({"meaning": "A report left", "step": 2}, "invalid_key"),
    ],
)
def test_a_definition_lacks_what_its_finding_says(rule: dict[str, Any], reason: str) -> None:
    assert reason in reasons(with_events(report_exported=rule), "report_exported")


def test_experience_is_for_the_client() -> None:
    assert reasons(with_events(report_viewed={"meaning": "A report was opened", "side": "server"})) == {"wrong_layer"}


def test_interface_names_pass_as_declared_detail_of_the_client_only() -> None:
    detail = {"meaning": "Something was clicked", "side": "client"}
    assert reasons(with_events(element_clicked=detail)) == set()
    assert reasons(with_events(element_clicked={**detail, "side": "either"})) == {"ui_specific"}


def test_one_spelling_under_two_events_and_one_thing_under_two_names_are_told() -> None:
    first = {"meaning": "A report left the product", "synonyms": ["save_report"]}
    second = {"meaning": "A report was kept", "synonyms": ["SaveReport"]}
    assert reasons(with_events(report_exported=first, report_kept=second)) == {"synonym_collision"}
    third = {"meaning": "Reports left the product"}
    assert reasons(with_events(report_exported={"meaning": "A report left"}, reports_exported=third)) == {
        "near_synonym"
    }


def test_what_every_event_lacks_is_told_once() -> None:
    events = {
        name: {"meaning": "A thing was done here", "tier": "context_only"}
        for name in ("a_done", "report_kept", "report_sent")
    }
    found = [f for f in findings({**GOOD, "owner": None, "events": events}) if f.reason == "missing_owner"]
    assert [(f.event, f.says) for f in found] == [("", "all 3 events: nobody answers for its meaning")]


def test_a_file_that_cannot_load_is_told_why() -> None:
    assert reasons({"owner": "x"}) == {"does_not_load"}
    assert reasons({**GOOD, "rejected_patterns": ["("]}) == {"does_not_load"}
    wrong = with_events(report_exported={"meaning": "A report left the product", "domain": "moon"})
    assert "use one of reporting" in findings(wrong)[0].says


def test_a_file_without_errors_loads() -> None:
    assert parse(Taxonomy, GOOD, "taxonomy.yaml").events["report_exported"].is_core


@given(st.sampled_from(sorted(VERBS)), st.sampled_from("report seat_limit invoice".split()))
def test_a_proposed_name_is_itself_proposed_and_in_the_past_tense(verb: str, thing: str) -> None:
    for spelled in (f"{verb}_{thing}", f"{thing}_{past(verb)}"):
        better = proposed(spelled)
        assert better == f"{thing}_{past(verb)}"
        assert is_past_tense(better)
        assert proposed(better) == better


@given(st.text(max_size=30))
def test_whatever_a_name_is_it_gets_findings_or_passes_and_never_an_exception(name: str) -> None:
    found = findings(with_events(**{name: {"meaning": "A thing was done here"}}))
    is_clean = not [f for f in found if f.severity == "error"]
    assert not is_clean or SNAKE.fullmatch(name)
    assert normalise(name) == normalise(name.upper()) or not name.isascii()


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ({"is_core": True}, "events.report_exported: .*write `tier: core` instead"),
        ({"deprecated_by": "report_saved"}, "events.report_exported: .*need deprecated_on"),
        ({"deprecated_on": "2026-05-01", "refused_from": "2026-05-01"}, "refused_from must lie after"),
        ({"tier": "important"}, "events.report_exported.tier: .*'core', 'advanced' or 'context_only'"),
        (
            {"deprecated_on": "2026-05-01", "deprecated_by": "nothing_known"},
            "report_exported: deprecated_by 'nothing_known' is no event",
        ),
        (
            {"deprecated_on": "2026-05-01", "deprecated_by": "report_exported"},
            "circle: report_exported -> report_exported",
        ),
    ],
)
def test_a_mistake_is_refused_at_load_with_file_event_and_key(rule: dict[str, Any], says: str) -> None:
    data = with_events(report_exported={"meaning": "A report left the product", **rule})
    with pytest.raises(PolicyError, match=f"taxonomy.yaml: .*{says}"):
        parse(Taxonomy, data, "taxonomy.yaml")


def test_the_whole_rulebook_loads_in_300_milliseconds_of_the_processor() -> None:
    def seconds() -> float:
        begun = time.process_time()
        load_rulebook()
        return time.process_time() - begun

    assert min(seconds() for _ in range(3)) < 0.3
