"""The page on the exchange says what the code does: its examples are sound, its schema and the code judge alike."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from uam_platform.contracts.exchange import problem
from uam_platform.playbooks.exchange_envelope import _AFFECTED, _TOLD

PAGE = (Path(__file__).parents[2] / "docs" / "exchange.md").read_text(encoding="utf-8")
BLOCKS = [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)]
EXAMPLE = next(block for block in BLOCKS if block.get("type") == "signal")
VALID = Draft202012Validator(next(block for block in BLOCKS if block.get("title") == "signal"))


@pytest.mark.proves("Exchange as destination", "specification")
def test_the_page_shows_the_envelope_that_goes_out() -> None:
    shown = next(block for block in BLOCKS if block.get("type") == "alert.opened")
    keys = {"version", "id", "type", "occurred_at", "subject", "alert"}
    assert set(shown) == keys
    assert set(shown["alert"]) == {"alert_id", *_TOLD, "affected_accounts"}
    assert set(shown["alert"]["affected_accounts"][0]) == set(_AFFECTED)


def test_the_example_is_sound() -> None:
    assert problem(EXAMPLE) is None
    VALID.validate(EXAMPLE)


TEXT = st.sampled_from(("a", " ", "", "x" * 201, "x" * 400, "x" * 4001, "Acme GmbH", "A B", 3, True, ["a"]))
NUMBER = st.sampled_from((0, 1, 0.5, -1, 1.5, True, "1", []))
TIME = st.sampled_from(("2025-03-05T09:30:00Z", "2025-03-05T09:30:00+01:00", "2025-03-05T09:30:00", 5))
CHANGES: dict[str, st.SearchStrategy[Any]] = {
    "version": st.sampled_from((1, 2, "1")),
    "id": TEXT,
    "type": st.sampled_from(("signal", "alert.opened", 1)),
    "occurred_at": TIME,
    "subject": st.dictionaries(st.sampled_from(("account_id", "email", "user_id", "other")), TEXT, max_size=3) | TEXT,
    "signal": st.fixed_dictionaries(
        {"name": st.sampled_from(("a", "Revenue", "a.b-c_1", "", "x" * 81))},
        optional={"value": NUMBER, "confidence": NUMBER, "text": TEXT, "url": TEXT},
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_field_that_is_missing_is_a_problem_to_both(name: str) -> None:
    item = {key: value for key, value in EXAMPLE.items() if key != name}
    assert problem(item) is not None
    assert not VALID.is_valid(item)


@pytest.mark.proves("Exchange's endpoint", "published requests")
@given(st.fixed_dictionaries({}, optional=CHANGES))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_schema_and_code_judge_alike(changed: dict[str, Any]) -> None:
    item = {**EXAMPLE, **changed}
    assert (problem(item) is None) == VALID.is_valid(item)
