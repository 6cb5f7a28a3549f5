"""Keys computed in Python and in the engine are the same."""

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uam_platform.temporal import keys

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40)


@settings(derandomize=True, max_examples=60, deadline=None)
@given(text=texts)
def test_key63_is_the_same_in_python_and_in_the_engine(text: str) -> None:
    connection = duckdb.connect()
    found = connection.execute(f"SELECT {keys.sql_key63('?')}, {keys.sql_key63_upper('?')}", [text, text]).fetchone()
    assert found == (keys.key63(text), keys.key63_upper(text))


@pytest.mark.parametrize("identifier", ["u_1", "", None, "o'neill", "ü"])
def test_identifier_keys_are_the_same_in_python_and_in_the_engine(identifier: str | None) -> None:
    connection = duckdb.connect()
    sql = ", ".join(keys.sql_identifier_key("pro'duct", kind, "?") for kind in ("user", "anon", "workspace"))
    found = connection.execute(f"SELECT {sql}", [identifier] * 3).fetchone()
    space = "pro'duct"
    expected = (
        keys.user_key(space, identifier),
        keys.anonymous_key(space, identifier),
        keys.workspace_key(space, identifier),
    )
    assert found == expected
    assert (expected == (0, 0, 0)) == (not identifier)


@pytest.mark.parametrize("email", [" Ann@Example.com ", "ann@example.com", "", "  ", None])
def test_email_keys_ignore_case_and_blanks(email: str | None) -> None:
    found = duckdb.connect().execute(f"SELECT {keys.sql_email_key('?')}", [email]).fetchone()
    assert found == (keys.email_key(email),)
    stem = duckdb.connect().execute(f"SELECT {keys.sql_stem_key('?')}", [email]).fetchone()
    assert stem == (keys.stem_key(email),)
    domain = duckdb.connect().execute(f"SELECT {keys.sql_email_domain_key('?')}", [email]).fetchone()
    assert domain == (keys.email_domain_key(email),)
    assert keys.email_domain_key(email) == (keys.email_domain_key("example.com") if email and email.strip() else None)
    assert keys.email_key(email) == (keys.email_key("ann@example.com") if email and email.strip() else 0)


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("svc_monitor_000123", "svc_monitor"),
        (" Svc_Monitor ", "svc_monitor"),
        ("qa+17@acme.io", "qa"),
        ("a@b@acme.io", "a@b"),
        ("test.user3", "test.user"),
        ("u_1_b", "u_1_b"),
        ("0042", None),
        ("@acme.io", None),
        ("", None),
        (None, None),
    ],
)
def test_a_stem_is_what_stays_without_the_number_at_its_end_in_both_languages(
    name: str | None, stem: str | None
) -> None:
    found = duckdb.connect().execute(f"SELECT {keys.sql_stem_key('?')}", [name]).fetchone()
    assert found == (keys.stem_key(name),) == (None if stem is None else keys.key63(f"stem:{stem}"),)
