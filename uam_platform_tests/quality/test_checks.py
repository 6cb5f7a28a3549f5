"""Open findings fail the check that speaks for their kind, as a warning that says what, where and where to go on."""

import dagster as dg
import pandas as pd

from uam_platform.quality.checks import WATCHES, finding_checks, judged
from uam_platform.quality.report import KINDS
from uam_platform_tests.quality.test_findings import found, hit


def silent(number: int, **said: object) -> dict:
    facts = {"days": 4, "longest": 1}
    return hit(
        number, "server", finding_kind="silent_source", source="segment", finding_subject="", facts=facts, **said
    )


def results(findings: pd.DataFrame) -> dict[str, dg.AssetCheckResult]:
    return {str(result.check_name): result for result in judged(findings)}


def test_every_kind_of_finding_is_spoken_for_by_one_check() -> None:
    kinds = [kind for watch in WATCHES for kind in watch.kinds]
    assert sorted(kinds) == sorted(KINDS)


def test_without_findings_every_check_passes() -> None:
    assert all(result.passed for result in judged(found(hit(10))))


def test_an_open_finding_fails_its_own_check_alone_and_tells_what_a_person_needs() -> None:
    checks = results(found(silent(58), silent(59), silent(60)))
    assert [name for name, result in checks.items() if not result.passed] == ["sources_are_fresh"]
    told = checks["sources_are_fresh"]
    assert told.severity is dg.AssetCheckSeverity.WARN
    assert "segment No row for 4 days; the longest pause before was 1." in str(told.description)
    metadata = {name: value.value for name, value in told.metadata.items()}
    assert (metadata["open"], metadata["serious"], metadata["look_with"]) == (1, 1, "uam doctor")
    assert metadata["by_source"] == {"segment": 1}
    assert metadata["owner"] == "data-platform"
    assert "No row for 4 days" in str(metadata["findings"])


def test_a_finding_that_is_over_no_longer_fails_its_check() -> None:
    (told,) = [r for name, r in results(found(silent(10), silent(11))).items() if name == "sources_are_fresh"]
    assert told.passed
    assert told.metadata["resolved"].value == 1


def test_the_checks_are_one_step_and_block_nothing() -> None:
    checks = finding_checks()
    assert {spec.name for spec in checks.check_specs} == {watch.name for watch in WATCHES}
    assert not any(spec.blocking for spec in checks.check_specs)
