"""Signed files of other tools: read once when their signature fits, kept out with a reason when it does not."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from uam_platform.connectors import exchange
from uam_platform.connectors.dropped_files import UNREADABLE
from uam_platform.connectors.errors import PermanentError
from uam_platform.connectors.exchange import Inbox, secrets_by_sender
from uam_platform.lake.loads import RECORDS, LoadManifest
from uam_platform.signatures import signature
from uam_platform_tests.connectors.dropped import drop, folder_of
from uam_platform_tests.connectors.fakes import NOW, rows

OLD, NEW = "an-old-secret", "a-newer-secret"
SECRETS = f"sigos={NEW}, sigos={OLD},other=somebody-else"


class Box:
    """An inbox and what was loaded from it."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "drop"
        self.folder.mkdir()
        self.manifest = LoadManifest(root / "raw")
        self.told: list[str] = []
        self.inbox = Inbox(folder_of(exchange.NAME, self.folder), secrets_by_sender(SECRETS))

    def put(
        self, name: str, *lines: Any, secret: str = NEW, sender: str = "sigos", content: bytes | None = None
    ) -> None:
        data = content if content is not None else "".join(json.dumps(line) + "\n" for line in lines).encode()
        note = {"sender": sender, "timestamp": 1700000000, "signature": signature(secret, 1700000000, data)}
        drop(self.folder, {name: data, f"{name}.sig": note})

    def landed(self) -> list[dict[str, Any]]:
        load_id = self.manifest.next_id(exchange.NAME, NOW)
        load = exchange.land(self.inbox, self.manifest, load_id, NOW, self.told.append)
        return rows(self.manifest, load, RECORDS) if load and load.files[RECORDS] else []


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


@pytest.mark.proves("Exchange", "authentication")
@pytest.mark.proves("Exchange", "cursor and look-back")
def test_a_signed_file_lands_its_envelopes_once_under_the_sender_of_the_signature(box: Box) -> None:
    box.put("a.jsonl", {"id": "1", "sender": "somebody"}, {"items": [{"id": "2"}, {"id": "3"}]})
    assert [(r["source_object"], r["record_id"], r["modified_text"]) for r in box.landed()] == [
        ("signal", f"sigos/{n}", "2025-02-01T00:00:00Z") for n in (1, 2, 3)
    ]
    assert box.landed() == []
    box.put("b.jsonl", {"id": "1", "sender": "somebody"}, {"id": "4"})  # the first repeats what was landed
    assert [r["record_id"] for r in box.landed()] == ["sigos/4"]


@pytest.mark.parametrize("secret", [OLD, NEW])
def test_an_old_file_by_either_secret_is_taken(box: Box, secret: str) -> None:
    box.put("a.jsonl", {"id": "1"}, secret=secret)
    assert len(box.landed()) == 1


def test_a_packed_file_is_signed_as_it_lies_there(box: Box) -> None:
    box.put("a.jsonl.gz", content=gzip.compress(b'{"id": "1"}\n', mtime=0))
    assert [r["record_id"] for r in box.landed()] == ["sigos/1"]


@pytest.mark.proves("Exchange", "authentication")
def test_what_is_not_signed_rightly_is_set_aside_with_its_reason_and_stops_no_other(box: Box) -> None:
    box.put("forged.jsonl", {"id": "1"}, secret="guessed-secret")
    box.put("borrowed.jsonl", {"id": "1"}, sender="other")  # by sigos' secret under another name
    box.put("stranger.jsonl", {"id": "1"}, sender="stranger")
    box.put("changed.jsonl", {"id": "1"})
    drop(box.folder, {"changed.jsonl": '{"id": "2"}', "noise.jsonl": '{"id": "1"}', "noise.jsonl.sig": "[]"})
    box.put("latin.jsonl", content="ü".encode("latin-1"))
    box.put("good.jsonl", {"id": "9"}, 5, content=b'{"id": "9"}\n{"id": \n7\n')
    found = box.landed()
    reasons = {
        json.loads(r["payload"])["file"]: json.loads(r["payload"])["reason"]
        for r in found
        if r["source_object"] == UNREADABLE
    }
    assert reasons == {
        "forged.jsonl": "wrong_signature",
        "borrowed.jsonl": "wrong_signature",
        "stranger.jsonl": "unknown_sender",
        "changed.jsonl": "wrong_signature",
        "noise.jsonl": "unreadable_signature",
        "latin.jsonl": "wrong_encoding",
    }
    signals = [r for r in found if r["source_object"] == "signal"]
    assert [r["record_id"] for r in signals if "{" in r["payload"] and r["record_id"] == "sigos/9"] == ["sigos/9"]
    assert len(signals) == 3  # two lines that are no objects are kept for the quarantine
    assert box.landed() == []


@pytest.mark.proves("Exchange", "cursor and look-back")
@pytest.mark.proves("Exchange", "doctor")
def test_a_file_waits_for_its_signature_and_a_mended_one_is_read(box: Box) -> None:
    drop(box.folder, {"a.jsonl": '{"id": "1"}'})
    assert box.landed() == []
    assert "1 files wait for their signature, first a.jsonl.sig" in box.told[-1]
    assert exchange.look(box.inbox) == "0 signed files; 1 wait for their signature; senders other, sigos"
    box.put("a.jsonl", content=b'{"id": "1"}', secret="guessed-secret")
    assert [r["source_object"] for r in box.landed()] == [UNREADABLE]
    box.put("a.jsonl", content=b'{"id":  "1"}')
    assert [r["record_id"] for r in box.landed()] == ["sigos/1"]


@pytest.mark.proves("Exchange", "resume after interruption")
def test_a_killed_load_leaves_nothing_and_the_next_reads_all(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    box.put("a.jsonl", {"id": "1"})
    box.put("b.jsonl", {"id": "2"})

    def killed(*_: Any) -> Any:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(LoadManifest, "commit", killed)
        with pytest.raises(KeyboardInterrupt):
            box.landed()
    assert box.manifest.loads() == []
    assert [r["record_id"] for r in box.landed()] == ["sigos/1", "sigos/2"]


@pytest.mark.parametrize("text", ["sigos", "sigos=short", "=long-enough-secret"])
def test_a_list_of_secrets_that_cannot_be_read_is_explained_and_not_repeated(text: str) -> None:
    with pytest.raises(PermanentError, match="UAM_EXCHANGE_INBOX_SECRETS") as caught:
        secrets_by_sender(text)
    assert "long-enough" not in str(caught.value)


def test_secrets_are_in_no_printed_form(box: Box) -> None:
    assert NEW not in repr(box.inbox)
