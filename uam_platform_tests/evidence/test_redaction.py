"""What is personal is cut, what tells what a text is about stays."""

from pathlib import Path

import pandas as pd
import pytest

from uam_platform.policy.redaction import Redactor, survivors
from uam_platform.simulation.world.generate import simulate

PEOPLE = Redactor(["Rosa Petrov", "Will Marsh", "Élodie O'Neill", "Mark van Dyk"])


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Write to Ann.B+x@mail.example.com, please", "Write to [email], please"),
        ("Card 4111 1111 1111 1111 was refused", "Card [card] was refused"),
        ("Refund to GB82 WEST 1234 5698 7654 32 please", "Refund to [iban] please"),
        ("Refund to DE00123456789012345678.", "Refund to [iban]."),
        ("Call me on 020 7946 0958", "Call me on [phone]"),
        ("My number is 555 0142.", "My number is [phone]."),
        ("+1 (415) 555-0132 or (476) 555-0198", "[phone] or [phone]"),
        ("We come from 203.0.113.7.", "We come from [ip]."),
        ("and 2001:db8:85a3:0:0:8a2e:370:7334 too", "and [ip] too"),
        ("The key is sk_live_abcDEF123456ghiJKL78", "The key is [key]"),
        ("AKIAIOSFODNN7EXAMPLE leaked", "[key] leaked"),
        ("see https://x.example/f?id=7&access_token=abc123", "see https://x.example/f?id=7&access_token=[secret]"),
        ("password: hunter2!", "password: [secret]"),
        ("Send it to 97 Station Road, 42957 Georgetown.", "Send it to [address]."),
        ("Wir sitzen Hauptstraße 12, 10115 Berlin", "Wir sitzen [address]"),
        ("Thanks\nRosa Petrov", "Thanks\n[name]"),
        ("Best\nUnknown Person", "Best\n[name]"),
        ("Dear Élodie, hello", "Dear [name], hello"),
        ("As Rosa said, Élodie O'Neill agrees", "As [name] said, [name] agrees"),
        ("My name is Zoltan Kis", "My name is [name]"),
    ],
)
def test_what_identifies_a_person_or_opens_a_door_is_cut(text: str, left: str) -> None:
    assert PEOPLE.redact(text).text == left


@pytest.mark.parametrize(
    "text",
    [
        "Order 4111111111111112 is late",
        "Tracking 7000 1226 2342 6537 has not moved",
        "PO 0577255 and ORD-2025-959032 are open",
        "Ticket #2654 came after 2025-01-06 14:30",
        "Version 6.11.8.11 of the client, build 10.0.0.1",
        "The file has 253,551 rows, not 990 594",
        "Run wf_14358603 ends with checksum 85a54a9358",
        "Error 500 in 3 of 10 imports",
        "Will this mark be seen by all? Mark it, please",
        "Hello team, thanks for the quick help",
    ],
)
def test_numbers_and_words_that_are_not_personal_stay(text: str) -> None:
    assert PEOPLE.redact(text).text == text
    assert survivors(text) == ()


def test_places_cut_are_counted_by_kind() -> None:
    left = PEOPLE.redact("a@b.example, c@d.example and +1 415 555 0132")
    assert left.counts == {"email": 2, "phone": 1}
    assert left.count == 3


@pytest.mark.parametrize("text", ["Ann@b.example", "4111 1111 1111 1111", "key_live_ABCDEFGH12345678"])
def test_what_survived_is_seen(text: str) -> None:
    assert survivors(f"see {text} here")


def test_redacting_twice_changes_nothing() -> None:
    once = PEOPLE.redact("Call +1 415 555 0132, write to a@b.example?token=1, password: hunter2!\n\nBest\nRosa")
    assert PEOPLE.redact(once.text).text == once.text


def test_of_what_a_simulated_company_wrote_nearly_all_is_cut_and_no_decoy(tmp_path: Path) -> None:
    simulate(60, 150, 3, tmp_path, "default", lambda what, i, n: None)
    tickets = pd.read_parquet(tmp_path / "company" / "zendesk_tickets.parquet")
    users = pd.read_parquet(tmp_path / "company" / "zendesk_users.parquet")
    planted = pd.read_parquet(tmp_path / "truth" / "pii.parquet").query("source == 'ticket'")
    redactor = Redactor(users["name"])
    texts = {
        str(key): redactor.redact(text).text
        for key, text in zip(tickets["ticket_id"], tickets["description"], strict=True)
    }
    is_cut = pd.Series(
        [value not in texts[str(ref)] for value, ref in zip(planted["value"], planted["source_ref"], strict=True)],
        index=planted.index,
    )
    assert len(planted) >= 50
    assert is_cut[planted["is_pii"]].mean() >= 0.98
    assert not is_cut[~planted["is_pii"]].any()
