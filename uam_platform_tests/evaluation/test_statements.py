"""Figures of the evidence section on hand-made truth."""

import pandas as pd

from uam_platform.evaluation.statements import compared_with, redaction_rows, signal_rows, tone_row, topic_rows


def planted(theme: str, ref: str, tone: float = 0.0, escalates: bool = False) -> dict[str, object]:
    return {
        "text_id": f"ticket:{ref}", "theme": theme, "sentiment": tone, "is_escalation": escalates,
        "is_renewal_concern": False, "is_buying_signal": False,
    }  # fmt: skip


def read(topic: str | None, ref: str, tone: float = 0.0, escalates: bool = False) -> dict[str, object]:
    return {
        "utterance_id": f"zendesk:ticket:{ref}", "topic": topic, "sentiment": tone, "is_escalation": escalates,
        "is_renewal_concern": False, "is_buying_signal": False,
    }  # fmt: skip


def test_topics_are_averaged_over_topics_and_not_over_texts() -> None:
    true = pd.DataFrame(
        [planted("billing", "1"), planted("billing", "2"), planted("billing", "3"), planted("praise", "4")]
    )
    found = pd.DataFrame([read("billing", "1"), read("billing", "2"), read("billing", "3"), read("billing", "4")])
    rows = {row.metric: row.value for row in topic_rows(true, found)}
    assert rows["topic recall, macro"] == 0.5
    assert rows["topic precision, macro"] == 0.75 / 2
    assert rows["recall of billing"] == 1


def test_tone_is_a_rank_correlation_and_little_is_no_number() -> None:
    true = pd.DataFrame([planted("billing", str(n), n / 100) for n in range(50)])
    found = pd.DataFrame([read("billing", str(n), (n / 100) ** 3) for n in range(50)])
    value = tone_row(true, found).value
    assert value is not None
    assert round(value, 6) == 1
    assert tone_row(true[:5], found).value is None


def test_signals_have_precision_and_recall() -> None:
    true = pd.DataFrame(
        [planted("billing", "1", escalates=True), planted("billing", "2", escalates=True), planted("billing", "3")]
    )
    found = pd.DataFrame([read(None, "1", escalates=True), read(None, "2"), read(None, "3", escalates=True)])
    rows = {row.metric: row.value for row in signal_rows(true, found)}
    assert rows["escalations, precision"] == rows["escalations, recall"] == 0.5
    assert rows["renewal concerns, recall"] is None


def test_what_is_left_of_personal_data_and_what_was_cut_without_need_are_counted() -> None:
    heard = pd.DataFrame({"utterance_id": ["zendesk:ticket:1"], "text": ["Call [phone], order [phone], I am Rosa"]})
    hidden = compared_with(
        pd.DataFrame(
            {
                "source": "ticket", "source_ref": ["1", "1", "1", "9"], "kind": ["phone", "order_number", "name", "email"],
                "value": ["555", "PO 7", "Rosa", "a@b.example"], "is_pii": [True, False, True, True],
            }
        ),
        heard,
    )  # fmt: skip
    rows = {row.metric: row for row in redaction_rows(hidden)}
    assert rows["personal data left"].value == 1
    assert rows["personal data left"].note == "name 1"
    assert rows["redaction recall"].value == 0.5
    assert rows["cut without need"].value == 1


def test_passages_of_a_document_are_one_text() -> None:
    stored = pd.DataFrame(
        {
            "utterance_id": ["documents:document:doc_1:2.1", "documents:document:doc_1:1.1", "gong:call:7:1500"],
            "text": ["and leave", "They wait", "Hm"],
        }
    )
    true = pd.DataFrame(
        {"source": ["document", "call"], "source_ref": ["doc_1", "7:1500"], "theme": ["billing", "praise"]}
    )
    found = compared_with(true, stored)
    assert dict(zip(found["text_id"], found["text"], strict=True)) == {
        "document:doc_1": "They wait\nand leave",
        "call:7:1500": "Hm",
    }
