"""What people tell the platform at the command line reaches the ledger; their mistakes end in one message."""

import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from uam_platform import cli
from uam_platform.ledger import feedback, outbox
from uam_platform.ledger.engine import Ledger
from uam_platform.ledger.models import AlertRow
from uam_platform_tests.ledger.findings import MONDAY, alerts, apply, finding, morning, new_ledger
from uam_platform_tests.ledger.findings import outbox as rows

Uam = Callable[..., str]
NOW, LEASE = morning(MONDAY), timedelta(seconds=180)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """The ledger of a run with one alert."""
    opened = new_ledger(tmp_path)
    apply(opened, 0, [finding(1)])
    return opened


@pytest.fixture
def uam(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Uam:
    """Run a command on the ledger of the run, on Monday morning; what it says, on one line."""

    def call(*arguments: str, code: int = 0) -> str:
        monkeypatch.setenv("UAM_NOW", NOW.isoformat())
        monkeypatch.chdir(tmp_path)
        monkeypatch.setattr(sys, "argv", ["uam", *arguments, "--run", str(tmp_path)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        assert (ended.value.code or 0) == code, said
        return " ".join((said.out + said.err).split())

    return call


def test_open_alerts_are_listed_with_account_dollars_owner_and_where_they_are(ledger: Ledger, uam: Uam) -> None:
    action = outbox.claim(ledger, NOW, LEASE, ["slack"])
    assert action is not None
    outbox.mark_sent(ledger, action, "C042/17.1", NOW)
    said = uam("alerts")
    for word in (alerts(ledger)[0].alert_id, "acc_00001", "$9,000", "Kim", "2025-06-02", "C042/17.1", "sent"):
        assert word in said


def test_without_an_open_alert_the_list_says_so(tmp_path: Path, uam: Uam) -> None:
    new_ledger(tmp_path)
    assert uam("alerts") == "No alert is open."


def test_alerts_that_are_over_are_listed_on_demand(ledger: Ledger, uam: Uam) -> None:
    for number in (1, 2, 3):
        apply(ledger, number, [])
    alert_id = alerts(ledger)[0].alert_id
    assert alert_id not in uam("alerts")
    said = uam("alerts", "--resolved")
    assert alert_id in said
    assert "resolved" in said


def test_a_verdict_is_recorded_with_person_reason_and_time(ledger: Ledger, uam: Uam) -> None:
    alert_id = alerts(ledger)[0].alert_id
    uam("verdict", alert_id, "--verdict", "useful", "--reason", "called, saved", "--by", "kim")
    expected = {"alert_id": alert_id, "verdict": "useful", "reason": "called, saved", "by": "kim", "at": NOW}
    assert [{**expected, "verdict_id": 1}] == feedback.verdicts(ledger)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("verdict", "nobody", "--verdict", "useful", "--reason", "x"), ["no alert 'nobody'", "uam alerts"]),
        (("verdict", "nobody", "--verdict", "nice", "--reason", "x"), ["nice", "false_positive", "too_late"]),
        (("verdict", "nobody", "--verdict", "useful"), ["--reason"]),
        (("silence", "--days", "7", "--reason", "x"), ["name an account or a detector", "uam deliveries off"]),
        (("silence", "--days", "0", "--reason", "x", "--account", "a"), ["--days", "1"]),
        (("silence", "--days", "7", "--reason", "x", "--detector", "dog"), ["--detector dog", "core_decline"]),
        (("deliveries", "off"), ["needs a reason", "--reason"]),
        (("deliveries", "halt", "--reason", "x"), ["halt", "on", "off"]),
        (("release", "nokey", "--reason", "x"), ["nokey", "no such action", "uam deliveries"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_mistake_is_told_with_what_to_write(
    ledger: Ledger, uam: Uam, arguments: tuple[str, ...], words: list[str]
) -> None:
    said = uam(*arguments, code=2)
    assert "Traceback" not in said
    assert [word for word in words if word not in said] == [], said
    assert feedback.verdicts(ledger) == feedback.silences(ledger) == []


def test_a_folder_without_ledger_is_refused_and_stays_as_it_is(tmp_path: Path, uam: Uam) -> None:
    assert "no ledger at" in uam("alerts", code=2)
    assert list(tmp_path.iterdir()) == []


def test_a_silence_lasts_the_days_from_now_on(ledger: Ledger, uam: Uam) -> None:
    said = uam("silence", "--account", "acc_00001", "--days", "7", "--reason", "rollout", "--by", "kim")
    assert "2025-06-09" in said
    assert "note" not in said
    kept = feedback.silences(ledger)[0]
    assert (kept["from_at"], kept["until_at"], kept["known_at"]) == (NOW, NOW + timedelta(days=7), NOW)
    assert (kept["account_id"], kept["detector"], kept["reason"], kept["by"]) == ("acc_00001", None, "rollout", "kim")


def test_a_silence_on_an_account_without_alert_asks_for_a_second_look(ledger: Ledger, uam: Uam) -> None:
    assert "is the id right?" in uam("silence", "--account", "acc_99999", "--days", "7", "--reason", "rollout")


def test_deliveries_are_stopped_and_resumed(ledger: Ledger, uam: Uam) -> None:
    assert "deliveries are off" in uam("deliveries", "off", "--reason", "wrong texts")
    assert not feedback.is_on(ledger, feedback.DELIVERIES)
    assert "deliveries are off" in uam("deliveries")
    assert "deliveries are on" in uam("deliveries", "on", "--reason", "repaired")
    assert feedback.is_on(ledger, feedback.DELIVERIES)


def test_an_action_that_failed_is_listed_and_released_by_its_key(ledger: Ledger, uam: Uam) -> None:
    action = outbox.claim(ledger, NOW, LEASE, ["slack"])
    assert action is not None
    outbox.mark_failed(ledger, action, "not_in_channel", NOW)
    said = uam("deliveries")
    assert action.idempotency_key in said
    assert "not_in_channel" in said
    assert "pending" in uam("release", action.idempotency_key, "--reason", "bot invited")
    assert [row.state for row in rows(ledger)] == ["pending"]


def test_a_ledger_that_others_hold_is_told_in_one_message(
    ledger: Ledger, uam: Uam, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("uam_platform.ledger.engine._BUSY_MILLISECONDS", 100)
    with ledger.transaction() as session:
        session.execute(select(AlertRow))
        said = uam("deliveries", "off", "--reason", "wrong texts", code=2)
    assert "locked" in said
    assert "Traceback" not in said
    assert feedback.is_on(ledger, feedback.DELIVERIES)
