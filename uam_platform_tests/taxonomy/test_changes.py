"""A synonym that a person accepts changes one line of the company's file and its log, makes events replayable, and can be taken back."""

from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uam_platform.contracts.tables import DELIVERIES, EVENTS, REPEATED_KEYS, UNKNOWN_EVENTS
from uam_platform.governance.synonyms import SAME_PLACE, counted, proposals, told
from uam_platform.lake.engine import connect
from uam_platform.lake.loads import LoadManifest
from uam_platform.lake.store import Lake
from uam_platform.policy.load import PolicyError, load_section, parse, parse_yaml, read_yaml
from uam_platform.policy.sources import SourceMap
from uam_platform.policy.taxonomy import Taxonomy
from uam_platform.policy.taxonomy_changes import Decision, accept, own_file, withdraw
from uam_platform.policy.taxonomy_edit import with_synonym, with_version, without_synonym
from uam_platform.policy.taxonomy_history import (
    History,
    changelog,
    changes_path,
    definitions,
    read_history,
    unlogged,
    unlogged_findings,
)
from uam_platform.policy.time import TimePolicy
from uam_platform.replays import Replayer, Wanted
from uam_platform.staging.events import canonical_events
from uam_platform.staging.intake import delivery_keys_of, take_in
from uam_platform.staging.renamed import days_of, renamed
from uam_platform_tests.command_line import Uam
from uam_platform_tests.staging.landed import delivery, land, manifest_in
from uam_platform_tests.taxonomy.files import SHIPPED_FILE, shipped, with_events

ADA = Decision(date(2026, 12, 1), "Ada", "one thing in three products")
FLOW = """# the company's own words
owner: ops          # who to ask
version: 3
product_type: reporting
events:
  # reports
  report_exported: {meaning: A report left the product, tier: core, synonyms: [download_report]}   # keep
  report_kept: {meaning: A report was kept,
                tier: core}
features: []        # none yet
"""
BLOCK = """owner: ops
version: 3
product_type: reporting
events:
  report_exported:
    # what people take with them
    meaning: A report left the product
    synonyms:
      - download_report
      - "Save Report"
  report_kept:
    meaning: >-
      A report
      was kept
features: []
"""
_names = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00\x85\u2028\u2029\ufeff", exclude_categories=("Cs", "Cc")),
    min_size=1,
)


def events_of(text: str) -> dict[str, tuple[str, ...]]:
    return {name: rule.synonyms for name, rule in parse(Taxonomy, parse_yaml(text, "x"), "x").events.items()}


@pytest.mark.parametrize("text", [FLOW, BLOCK], ids=["flow", "block"])
@pytest.mark.parametrize("event", ["report_exported", "report_kept"])
@settings(deadline=None, max_examples=40)
@given(spelling=_names)
def test_taking_a_synonym_back_leaves_the_file_as_it_was_to_the_letter(text: str, event: str, spelling: str) -> None:
    taxonomy = parse(Taxonomy, parse_yaml(text, "x"), "x")
    try:
        changed = with_synonym(text, event, spelling)
    except PolicyError:
        assert not any(c.isalnum() and c.isascii() for c in spelling) or spelling in taxonomy.events[event].synonyms
        return
    assert spelling in events_of(changed)[event]
    if len([s for s in events_of(changed)[event] if s == spelling]) == 1 and not taxonomy.canonical_names().keys() & {
        spelling
    }:
        assert without_synonym(changed, event, spelling) == text


@pytest.mark.parametrize("text", [FLOW, BLOCK], ids=["flow", "block"])
def test_comments_and_layout_stay(text: str) -> None:
    changed = with_version(with_synonym(text, "report_exported", "Clicked Button"), 4)
    before, after = text.splitlines(), changed.splitlines()
    differing = [line for line in after if line not in before]
    assert len(differing) == 2
    assert "version: 4" in differing
    assert any('"Clicked Button"' in line for line in differing)


def test_each_synonym_can_be_taken_out_of_a_list() -> None:
    text = FLOW.replace("[download_report]", "[a_b, c_d, e_f]")
    assert "[c_d, e_f]" in without_synonym(text, "report_exported", "a_b")
    assert "[a_b, e_f]" in without_synonym(text, "report_exported", "c_d")
    assert "[a_b, c_d]" in without_synonym(text, "report_exported", "e_f")
    assert '      - "Save Report"\n  report_kept' in without_synonym(BLOCK, "report_exported", "download_report")
    with pytest.raises(PolicyError, match="no synonym 'x_y'; it has a_b, c_d, e_f"):
        without_synonym(text, "report_exported", "x_y")


def test_the_shipped_rulebook_is_copied_before_it_is_changed_and_never_changed_itself(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="set UAM_POLICY_DIR"):
        own_file(None, None)
    path = own_file(tmp_path, None)
    assert path.read_text(encoding="utf-8") == SHIPPED_FILE.read_text(encoding="utf-8")
    accept(path, "ctaTapped", "element_clicked", ADA)
    assert own_file(tmp_path, None) == path
    assert "ctaTapped" in path.read_text(encoding="utf-8")
    assert "ctaTapped" not in SHIPPED_FILE.read_text(encoding="utf-8")


def test_an_accepted_synonym_stands_in_the_log_with_who_when_and_why_and_so_does_its_withdrawal(tmp_path: Path) -> None:
    path = own_file(tmp_path, None)
    before = path.read_text(encoding="utf-8")
    version = accept(path, "ctaTapped", "element_clicked", ADA).version
    last = read_history(path).entries[-1]
    assert (last.version, last.day, last.by, last.why) == (version, ADA.day, "Ada", ADA.reason)
    assert last.events == {"element_clicked": {"synonyms": ["ctaTapped"]}}
    taxonomy, event = withdraw(path, "CTA tapped", Decision(date(2026, 12, 2), "Bob", "it was not the same"))
    assert (event, taxonomy.events["element_clicked"].synonyms) == ("element_clicked", ())
    assert path.read_text(encoding="utf-8").replace(f"version: {version + 1}", "version: 2") == before
    assert "| `element_clicked` | synonyms: `ctaTapped` no longer |" in changelog(read_history(path), "Changes")
    assert "it was not the same (Bob)" in changelog(read_history(path), "Changes")


def test_what_already_has_a_meaning_or_no_event_is_refused(tmp_path: Path) -> None:
    path = own_file(tmp_path, None)
    with pytest.raises(PolicyError, match="already counts as user_signed_in; withdraw it there first"):
        accept(path, "LOGIN", "element_clicked", ADA)
    with pytest.raises(PolicyError, match=r"--as button_pressed: is not declared .*add it under events first"):
        accept(path, "ctaTapped", "button_pressed", ADA)
    with pytest.raises(PolicyError, match="synonym '登录' has no letter from a to z and no digit"):
        accept(path, "登录", "element_clicked", ADA)
    with pytest.raises(PolicyError, match="'ctaTapped' is no synonym"):
        withdraw(path, "ctaTapped", ADA)


# the log


def test_every_change_of_the_shipped_taxonomy_has_an_entry() -> None:
    taxonomy = shipped()
    assert unlogged(read_history(SHIPPED_FILE), taxonomy) == {}
    assert read_history(SHIPPED_FILE).entries[-1].version == taxonomy.version


@pytest.mark.parametrize(
    ("event", "keys", "says"),
    [
        ("import_failed", {"marker": None}, {"import_failed": {"marker": None}}),
        (
            "plan_compared",
            {"meaning": "Two plans were compared"},
            {"plan_compared": {"meaning": "Two plans were compared"}},
        ),
        ("plan_compared", None, {"plan_compared": None}),
        ("plan_printed", {"meaning": "A plan was printed"}, {"plan_printed": {"meaning": "A plan was printed"}}),
    ],
)
def test_a_changed_event_without_an_entry_is_found(
    event: str, keys: dict[str, Any] | None, says: dict[str, Any]
) -> None:
    history, taxonomy = read_history(SHIPPED_FILE), shipped(**{event: keys})
    assert unlogged(history, taxonomy) == says
    (finding,) = unlogged_findings(history, taxonomy, SHIPPED_FILE)
    assert (finding.event, finding.severity) == (event, "error")


def test_an_edit_by_hand_fails_the_linter_until_it_is_noted(tmp_path: Path, uam: Uam) -> None:
    own = {"UAM_POLICY_DIR": str(tmp_path), "UAM_NOW": "2026-12-03T08:00:00"}
    path = own_file(tmp_path, None)
    path.write_text(
        path.read_text(encoding="utf-8").replace("Plans were compared", "Two plans were compared"), encoding="utf-8"
    )
    assert "plan_compared: error changed_without_entry" in uam("taxonomy", "lint", **own).said
    assert "1 events noted" in uam("taxonomy", "changelog", "--note", "--by", "Ada", "--reason", "clearer", **own).said
    assert uam("taxonomy", "lint", **own).code == 0
    assert "Version 3, 2026-12-03 clearer (Ada)" in uam("taxonomy", "changelog", **own).said
    assert "nothing changed" in uam("taxonomy", "changelog", "--note", "--by", "Ada", "--reason", "again", **own).said
    assert uam("taxonomy", "changelog", "--note", **own).code == 2


def test_a_file_without_a_log_begins_one_as_it_was_found(tmp_path: Path) -> None:
    path = tmp_path / "taxonomy.yaml"
    path.write_text(FLOW, encoding="utf-8")
    accept(path, "save_report", "report_exported", ADA)
    first, second = read_history(path).entries
    assert (first.version, first.why, len(first.events)) == (3, "As it was found.", 2)
    assert second.version == 4
    assert unlogged(read_history(path), parse(Taxonomy, read_yaml(path), "x")) == {}


@settings(deadline=None, max_examples=30)
@given(st.lists(st.sampled_from(["none", "friction", "intent", "gone"]), min_size=1, max_size=6))
def test_the_entries_together_give_the_file_whatever_happened(steps: list[str]) -> None:
    history = History()
    for version, step in enumerate(steps, start=1):
        rules = {} if step == "gone" else {"thing_done": {"meaning": "It was done", "marker": step}}
        taxonomy = parse(Taxonomy, with_events(report_kept={"meaning": "It was kept"}, **rules), "small")
        if changed := unlogged(history, taxonomy):
            entry = {"version": version, "day": "2026-01-01", "by": "Ada", "why": "because", "events": changed}
            history = parse(History, {"entries": [*history.model_dump()["entries"], entry]}, "log")
        assert history.latest() == definitions(taxonomy)


def test_a_log_that_was_rewritten_is_refused() -> None:
    entry = {"version": 2, "day": "2026-01-01", "by": "Ada", "why": "because", "events": {"a_b": None}}
    with pytest.raises(PolicyError, match="append at the end"):
        parse(History, {"entries": [entry, {**entry, "version": 1}]}, "log")


# three names for one thing (R63)

DAY = "2025-01-06"
CONNECTION = connect()
TELLERS = {
    "segment": "Clicked Button",
    "posthog": "button_click",
    "amplitude": "ctaTapped",
    "mixpanel": "plan_compared",
}


def product(name: str, source: str) -> list[dict[str, Any]]:
    """Ten people of one product look at prices, do the thing, and make a report, three times each."""

    def at(person: int, turn: int, step: int) -> dict[str, Any]:
        moment = f"{DAY}T{8 + turn:02}:{person:02}:{step * 15:02}Z"
        return {"occurred_text": moment, "original_text": None, "sent_text": moment, "received_text": moment}

    return [
        delivery(
            event_name=what,
            user_id=f"{source}{person}",
            message_id=f"{source}{person}.{turn}.{step}",
            **at(person, turn, step),
        )
        for person in range(10)
        for turn in range(3)
        for step, what in enumerate(("pricing_viewed", name, "report_generated"))
    ]


def compute(lake: Lake, taxonomy: Taxonomy) -> dict[str, int]:
    """Events of the day by name, published."""
    rows = lake.read(CONNECTION, DELIVERIES, delivery_keys_of(lake, [DAY]))
    found = canonical_events(rows, lake.read(CONNECTION, REPEATED_KEYS), taxonomy)
    lake.publish(CONNECTION, UNKNOWN_EVENTS, found.unknown_events, [DAY])
    lake.publish(CONNECTION, EVENTS, found.events, [DAY])
    events = lake.read(CONNECTION, EVENTS)
    counts = events.group_by("event_name").aggregate(rows=events.count()).to_pyarrow().to_pylist()
    return {row["event_name"]: row["rows"] for row in counts}


def assert_replayed_only_where_asked_for(lake: Lake, manifest: LoadManifest, taxonomy: Taxonomy) -> None:
    """A replay takes up events whose name was withdrawn where it is asked to, with the loads whose books change."""
    rulebook = SimpleNamespace(taxonomy=taxonomy, sources=load_section(SourceMap, "sources"))
    wiring = SimpleNamespace(rulebook=rulebook, intake_time=load_section(TimePolicy, "time"))
    warehouse = SimpleNamespace(lake=lake, connection=CONNECTION, manifest=manifest)
    replaying = Replayer(cast("Any", SimpleNamespace(wiring=wiring)), cast("Any", warehouse))
    assert replaying.plan(Wanted()).is_empty
    (one,) = replaying.plan(Wanted(is_renamed=True)).renamed
    assert (one.event_name_source, one.after, one.load_id.endswith("amplitude")) == ("ctaTapped", "rejected_name", True)


def test_three_spellings_of_three_products_are_proposed_accepted_one_by_one_and_counted_as_one(tmp_path: Path) -> None:
    manifest, lake, path = manifest_in(tmp_path), Lake(tmp_path / "lake"), own_file(tmp_path, None)
    for source, name in TELLERS.items():
        load = land(manifest, product(name, source), source)
        take_in(CONNECTION, lake, manifest, load, load_section(TimePolicy, "time"))
    before = load_section(Taxonomy, "taxonomy", tmp_path)
    assert compute(lake, before) == {"pricing_viewed": 120, "report_generated": 120, "plan_compared": 30}

    rows = told(lake.read(CONNECTION, EVENTS), lake.read(CONNECTION, UNKNOWN_EVENTS), lake.read(CONNECTION, DELIVERIES))
    rule = before.proposals
    found = {p.name: p for p in proposals(counted(rows, rule), before.events, rule) if p.meant == "plan_compared"}
    assert set(found) == {"Clicked Button", "button_click", "ctaTapped"}
    (evidence,) = found["ctaTapped"].evidence
    assert evidence.kind == SAME_PLACE
    assert "amplitude/client | mixpanel/client" in evidence.numbers
    assert "3.0 and 3.0 per actor" in evidence.numbers

    for name in found:
        accept(path, name, found[name].meant, ADA)
    after = load_section(Taxonomy, "taxonomy", tmp_path)
    stored = (lake.read(CONNECTION, EVENTS), lake.read(CONNECTION, UNKNOWN_EVENTS))
    replayable = renamed(*stored, after)
    assert {(r.event_name_source, r.after, r.rows, r.is_released) for r in replayable} == {
        (name, "plan_compared", 30, True) for name in found
    }
    assert days_of(replayable) == [DAY]
    assert compute(lake, after) == {"pricing_viewed": 120, "report_generated": 120, "plan_compared": 120}
    assert renamed(lake.read(CONNECTION, EVENTS), lake.read(CONNECTION, UNKNOWN_EVENTS), after) == []

    withdraw(path, "ctaTapped", ADA)
    taxonomy = load_section(Taxonomy, "taxonomy", tmp_path)
    assert_replayed_only_where_asked_for(lake, manifest, taxonomy)
    back = renamed(lake.read(CONNECTION, EVENTS), lake.read(CONNECTION, UNKNOWN_EVENTS), taxonomy)
    assert [(r.event_name_source, r.before, r.after, r.rows) for r in back] == [
        ("ctaTapped", "plan_compared", "rejected_name", 30)
    ]
    assert changes_path(path).exists()
