"""Twins, losses and strays among delivered actions."""

import json

import pandas as pd

from uam_platform.evaluation.actions import compare, compare_issues, compare_records, section
from uam_platform.evaluation.run_folder import RunFolder
from uam_platform.ledger.engine import open_ledger


def outbox(*rows: tuple[str, str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["idempotency_key", "kind", "destination", "state"])


def call(key: str | None, method: str = "chat.postMessage") -> dict:
    metadata = {"metadata": {"event_type": "uam_alert", "event_payload": {"id": key}}} if key else {}
    return {"method": method, "channel": "C1", "ts": "1.0", "message": {"text": "x", **metadata}}


def figures(rows) -> dict:
    return {row.metric: row.value for row in rows}


def test_every_action_that_arrived_once_is_right():
    sent = outbox(
        ("k1", "post", "slack", "sent"), ("k2", "update", "slack", "sent"), ("k3", "post", "salesforce", "sent")
    )
    found = figures(compare(sent, [call("k1"), call("k2", "chat.update")]))
    assert found == {
        "first messages sent exactly once": 1,
        "twins": 0,
        "lost": 0,
        "unexpected": 0,
        "arrived, not yet recorded as sent": 0,
    }


def test_twins_losses_strays_and_unrecorded_arrivals_are_told_apart():
    rows = outbox(
        ("twin", "post", "slack", "sent"),
        ("lost", "post", "slack", "sent"),
        ("unknown", "post", "slack", "unknown"),
        ("due", "post", "slack", "pending"),
    )
    found = figures(compare(rows, [call("twin"), call("twin"), call("stray"), call(None), call("unknown")]))
    assert found["first messages sent exactly once"] == 0
    assert (found["twins"], found["lost"], found["unexpected"]) == (1, 1, 2)
    assert found["arrived, not yet recorded as sent"] == 1


def test_an_edit_in_place_is_no_twin():
    found = figures(compare(outbox(("k", "post", "slack", "sent")), [call("k"), call("k", "chat.update")]))
    assert found["twins"] == 0
    assert found["first messages sent exactly once"] == 1


def test_the_ledger_of_a_run_is_read_as_it_is_and_stays_untouched(tmp_path):
    assert "no ledger" in section(RunFolder(tmp_path)).note
    open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}").close()
    assert "recorded" in section(RunFolder(tmp_path)).note
    received = tmp_path / "sandbox" / "received"
    received.mkdir(parents=True)
    assert figures(section(RunFolder(tmp_path)).rows)["lost"] == 0
    (received / "slack.jsonl").write_text(json.dumps(call("k")) + "\n")
    assert figures(section(RunFolder(tmp_path)).rows)["unexpected"] == 1


def record(key: str, *, created: bool, last: str | None = None, name: str = "Task") -> dict:
    return {"object": name, "external_id": key, "created": created, "fields": {"Uam_Last_Action__c": last or key}}


def test_a_task_written_again_under_its_key_is_no_twin_and_one_created_again_is():
    own = outbox(("task", "post", "salesforce", "sent"), ("later", "update", "salesforce", "sent"))
    received = [
        record("task", created=True),
        record("task", created=False),
        record("task", created=False, last="later"),
    ]
    found = figures(compare_records(own, received))
    assert found["Salesforce: first tasks and contexts sent exactly once"] == 1
    assert (found["Salesforce: twins"], found["Salesforce: lost"], found["Salesforce: unexpected"]) == (0, 0, 0)
    twice = figures(compare_records(own, [*received, record("task", created=True)]))
    assert (twice["Salesforce: twins"], twice["Salesforce: first tasks and contexts sent exactly once"]) == (1, 0)


def test_context_arrives_with_its_first_write_and_a_lost_one_is_counted():
    own = outbox(("a", "post", "salesforce", "sent"), ("b", "post", "salesforce", "sent"))
    received = [record("acc_1", created=False, last="a", name="Account")] * 2
    found = figures(compare_records(own, received))
    assert (found["Salesforce: lost"], found["Salesforce: twins"]) == (1, 0)
    assert found["Salesforce: first tasks and contexts sent exactly once"] == 0.5


def written(what: str, key: str) -> dict:
    if what == "issue":
        return {"object": what, "created": True, "fields": {"labels": ["uam", "detector", f"uam-{key}"]}}
    return {"object": what, "created": what == "comment", "body": {"content": [{"text": f"uam action {key}"}]}}


def test_an_issue_made_again_is_a_twin_and_edits_tell_nothing_of_their_own():
    own = outbox(("abcdef01", "post", "jira", "sent"), ("abcdef02", "update", "jira", "sent"))
    received = [written("issue", "abcdef01"), written("edit", ""), written("comment", "abcdef02")]
    found = figures(compare_issues(own, received))
    assert found["Jira: first issues sent exactly once"] == 1
    assert (found["Jira: twins"], found["Jira: lost"], found["Jira: unexpected"]) == (0, 0, 0)
    assert figures(compare_issues(own, [*received, written("issue", "abcdef01")]))["Jira: twins"] == 1
    assert figures(compare_issues(own, [*received, written("comment", "abcdef02")]))["Jira: twins"] == 1
    assert figures(compare_issues(own, received[:1]))["Jira: lost"] == 1


def test_an_issue_of_linear_is_known_by_the_last_line_of_its_text():
    own = outbox(("abcdef01", "post", "linear", "sent"))
    made = {"object": "issue", "created": True, "fields": {"description": "words\nuam action abcdef01"}}
    found = figures(compare_issues(own, [made, {"object": "attachment", "created": False}], "linear"))
    assert found["Linear: first issues sent exactly once"] == 1
    assert (found["Linear: twins"], found["Linear: lost"], found["Linear: unexpected"]) == (0, 0, 0)
