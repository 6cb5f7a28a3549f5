"""What is told when a vendor's records get, lose or retype fields, and that nothing is told otherwise."""

from typing import Any

from uam_platform.connectors.field_drift import FEWEST_RECORDS, FieldProfile, Fields


def profile(before: Fields, *items: dict[str, Any]) -> FieldProfile:
    found = FieldProfile(before)
    found.saw("ticket", items)
    return found


MANY = [{"id": n, "priority": "high", "due_at": None} for n in range(FEWEST_RECORDS)]
KNOWN = profile({}, *MANY).fields


def test_the_first_load_has_nothing_to_compare_with() -> None:
    assert profile({}, *MANY).drift == []
    assert KNOWN == {"ticket": {"id": "number", "priority": "text", "due_at": "null"}}


def test_a_new_field_is_named_with_its_kind() -> None:
    assert profile(KNOWN, MANY[0] | {"brand": {"id": 1}}).drift == ["ticket: field brand is new (object)"]


def test_a_field_of_another_kind_is_named_with_both() -> None:
    changed = profile(KNOWN, MANY[0] | {"priority": 3})
    assert changed.drift == ["ticket: field priority was text and is now number"]
    assert changed.fields["ticket"]["priority"] == "number or text"
    assert profile(changed.fields, MANY[0] | {"priority": 3}).drift == [], "what is known already is told once"


def test_a_first_value_after_nulls_is_no_change() -> None:
    later = profile(KNOWN, MANY[0] | {"due_at": "2025-01-01"})
    assert later.drift == []
    assert later.fields["ticket"]["due_at"] == "text"


def test_a_field_is_gone_when_many_records_lack_it_and_not_when_few_do() -> None:
    lacking = [{"id": n, "due_at": None} for n in range(FEWEST_RECORDS)]
    assert profile(KNOWN, *lacking).drift == ["ticket: field priority is gone from all 20 records"]
    assert profile(KNOWN, *lacking[:-1]).drift == []
    back = profile(profile(KNOWN, *lacking).fields, *MANY)
    assert back.drift == ["ticket: field priority is new (text)"]


def test_what_the_source_lacks_is_told_when_it_is_news() -> None:
    first = profile({}, *MANY)
    first.lacks("ticket", "brand")
    assert first.drift == ["ticket: the source has no field brand"]
    again = profile(first.fields, *MANY)
    again.lacks("ticket", "brand")
    assert again.drift == []
    withdrawn = profile(first.fields, {"id": 1, "due_at": None})
    withdrawn.lacks("ticket", "priority")
    assert withdrawn.drift == ["ticket: the source has no field priority"]


def test_a_stream_that_brought_nothing_keeps_its_fields() -> None:
    quiet = FieldProfile(KNOWN)
    assert (quiet.fields, quiet.drift) == (KNOWN, [])
