"""What people say in a world: texts, statements, personal data, ratings, chats, calls, documents, backend logs."""

import json
import math
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from uam_platform.simulation.world.dice import Dice
from uam_platform.simulation.world.difficulty import difficulty_named
from uam_platform.simulation.world.generate import simulate
from uam_platform.simulation.world.personal_data import DECOY_KINDS, PII_KINDS, luhn_digit, make_value
from uam_platform.simulation.world.phrases import PHRASES, THEMES
from uam_platform.simulation.world.writer import Text, Writer

END = "TIMESTAMPTZ '2025-09-15'"
Rows = list[tuple[Any, ...]]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("evidence") / "world"
    simulate(220, 252, 17, out)
    return out


def _rows(world: Path, sql: str) -> Rows:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    return connection.execute(sql.format(company=world / "company", truth=world / "truth")).fetchall()


TEXTS = """(
    SELECT 'ticket' AS source, CAST(ticket_id AS VARCHAR) AS ref, created_at AS said_on, description AS body
    FROM '{company}/zendesk_tickets.parquet'
    UNION ALL SELECT 'ticket_comment', CAST(event_id AS VARCHAR), occurred_at, comment_body
    FROM '{company}/zendesk_ticket_events.parquet' WHERE comment_body IS NOT NULL
    UNION ALL SELECT 'chat', message_id, sent_at, body FROM '{company}/zendesk_conversation_messages.parquet'
    UNION ALL SELECT 'call', call_id || ':' || start_ms, started, text
    FROM '{company}/gong_transcripts.parquet' JOIN '{company}/gong_calls.parquet' ON id = call_id
    UNION ALL SELECT 'document', document_id, created_at, body FROM '{company}/documents.parquet'
)"""


def test_every_statement_stands_letter_by_letter_in_the_text_it_refers_to(world: Path) -> None:
    found = f"""SELECT source, count(*), sum((body IS NULL OR NOT contains(body, quote))::INT)
                FROM '{{truth}}/statements.parquet' s LEFT JOIN {TEXTS} t ON s.source = t.source AND s.source_ref = t.ref
                GROUP BY 1"""
    counted = _rows(world, found.replace("SELECT source,", "SELECT s.source,"))
    assert {source for source, _, _ in counted} == {"ticket", "ticket_comment", "chat", "call", "document"}
    assert [missing for _, _, missing in counted] == [0] * 5
    assert all(count >= 10 for _, count, _ in counted)


def test_every_planted_value_stands_in_its_text_and_kinds_of_quotes_are_known(world: Path) -> None:
    lost = f"""SELECT count(*) FROM '{{truth}}/pii.parquet' p LEFT JOIN {TEXTS} t
               ON p.source = t.source AND p.source_ref = t.ref WHERE body IS NULL OR NOT contains(body, "value")"""
    assert _rows(world, lost) == [(0,)]
    kinds = dict(_rows(world, "SELECT kind, bool_and(is_pii) FROM '{truth}/pii.parquet' GROUP BY 1"))
    assert {kind for kind, is_pii in kinds.items() if is_pii} == set(PII_KINDS)
    assert {kind for kind, is_pii in kinds.items() if not is_pii} == set(DECOY_KINDS)
    share = _rows(
        world, "SELECT avg((len(pii_kinds) > 0)::INT) FROM '{truth}/statements.parquet' WHERE source = 'ticket'"
    )
    assert 0.06 <= share[0][0] <= 0.14


def test_texts_do_not_repeat_a_few_sentences(world: Path) -> None:
    tickets, bodies, subjects = _rows(
        world,
        "SELECT count(*), count(DISTINCT description), count(DISTINCT subject) FROM '{company}/zendesk_tickets.parquet'",
    )[0]
    assert tickets > 200
    assert bodies == tickets
    assert subjects > 0.25 * tickets
    said = Counter(
        quote for (quote,) in _rows(world, "SELECT quote FROM '{truth}/statements.parquet' WHERE source = 'ticket'")
    )
    assert said.most_common(1)[0][1] <= 0.02 * tickets + 3


def test_failures_are_written_about_as_failures_with_their_code(world: Path) -> None:
    said = """SELECT theme, count(*) FROM '{truth}/statements.parquet' s JOIN '{company}/zendesk_tickets.parquet' t
              ON s.source = 'ticket' AND s.source_ref = CAST(ticket_id AS VARCHAR) WHERE tags[1] = 'failure' GROUP BY 1"""
    themes = dict(_rows(world, said))
    about = {
        "workflow_failures",
        "import_failures",
        "integrations",
        "data_quality",
        "slow_reports",
        "performance",
        "api_limits",
    }
    assert sum(themes.get(name, 0) for name in about) > 0.8 * sum(themes.values())
    coded = """SELECT avg(regexp_matches(subject || description, 'E_[A-Z]+')::INT) FROM '{company}/zendesk_tickets.parquet'
               WHERE tags[1] = 'failure'"""
    assert _rows(world, coded)[0][0] > 0.5


def test_themes_and_flags_are_those_of_the_taxonomy(world: Path) -> None:
    themes = {theme for (theme,) in _rows(world, "SELECT DISTINCT theme FROM '{truth}/statements.parquet'")}
    assert themes == set(THEMES)
    flags = "SELECT sum(is_escalation::INT), sum(is_renewal_concern::INT), sum(is_buying_signal::INT)"
    assert all(count >= 3 for count in _rows(world, flags + " FROM '{truth}/statements.parquet'")[0])
    odd = """SELECT count(*) FROM '{truth}/statements.parquet'
             WHERE (is_renewal_concern AND (theme <> 'renewal_terms' OR sentiment > -0.2)) OR abs(sentiment) > 1
                OR (is_buying_signal AND sentiment < 0.2) OR (is_escalation AND sentiment > 0)"""
    assert _rows(world, odd) == [(0,)]


MOODS = """SELECT h.distress, s.sentiment, s.theme IN ('support_response', 'missing_feature', 'onboarding_setup', 'training')
           FROM '{truth}/statements.parquet' s JOIN '{truth}/health.parquet' h
             ON h.account_id = s.account_id AND h.as_of = date_trunc('week', s.said_at)"""


def _correlation(rows: Rows) -> tuple[float, int]:
    return float(np.corrcoef([row[0] for row in rows], [row[1] for row in rows])[0, 1]), len(rows)


def test_harm_darkens_what_is_said_and_zero_signal_does_not(world: Path, tmp_path: Path) -> None:
    loud, _ = _correlation(_rows(world, MOODS))
    assert loud < -0.15
    blind = replace(difficulty_named("default"), name="blind", signal_gain=0.0)
    simulate(220, 252, 17, tmp_path / "blind", blind)
    quiet, count = _correlation(_rows(tmp_path / "blind", MOODS))
    # Statements of one text share a mood, so there are fewer than ``count`` independent ones: 3.5 standard errors at half.
    assert abs(quiet) < 3.5 / math.sqrt(count / 2)


def test_nothing_said_is_later_than_the_end_and_ratings_follow_solutions(world: Path) -> None:
    assert _rows(world, f"SELECT count(*) FROM {TEXTS} WHERE said_on >= {END}") == [(0,)]
    early = """SELECT count(*) FROM '{company}/zendesk_satisfaction_ratings.parquet' r WHERE created_at <= (
                 SELECT max(occurred_at) FROM '{company}/zendesk_ticket_events.parquet' e
                 WHERE e.ticket_id = r.ticket_id AND field = 'status' AND value = 'solved')"""
    assert _rows(world, early) == [(0,)]
    scores = dict(
        _rows(world, "SELECT score, count(*) FROM '{company}/zendesk_satisfaction_ratings.parquet' GROUP BY 1")
    )
    assert set(scores) == {"offered", "good", "bad"}
    assert scores["good"] > scores["bad"] > 0


def test_each_clock_of_a_ticket_is_fulfilled_at_most_as_often_as_activated(world: Path) -> None:
    over = """SELECT count(*) FROM (SELECT ticket_id, metric, instance_id FROM
              '{company}/zendesk_ticket_metric_events.parquet' GROUP BY ALL
              HAVING count(*) FILTER (type = 'fulfill') > 1 OR min(time) FILTER (type = 'activate') > min(time))"""
    assert _rows(world, over) == [(0,)]
    assert _rows(
        world, "SELECT count(*) > 0 FROM '{company}/zendesk_ticket_metric_events.parquet' WHERE type = 'breach'"
    ) == [(True,)]


def test_a_chat_belongs_to_known_people_and_precedes_its_ticket(world: Path) -> None:
    joined = """SELECT count(*), sum((c.ticket_id IS NOT NULL)::INT), sum((c.created_at >= t.created_at)::INT),
                sum((c.requester_id <> t.requester_id)::INT), sum((u.zendesk_user_id IS NULL)::INT)
                FROM '{company}/zendesk_conversations.parquet' c
                LEFT JOIN '{company}/zendesk_tickets.parquet' t USING (ticket_id)
                LEFT JOIN '{company}/zendesk_users.parquet' u ON u.zendesk_user_id = c.requester_id"""
    chats, linked, late, foreign, unknown = _rows(world, joined)[0]
    assert chats > 40
    assert 0 < linked < chats
    assert (late, foreign, unknown) == (0, 0, 0)


def test_a_renewal_call_lies_before_the_decision_and_is_not_held_under_notice(world: Path) -> None:
    calls = """SELECT count(*), min(date_diff('day', c.started, k.EndDate::TIMESTAMPTZ)),
                      sum((k.Notice_Date__c IS NOT NULL AND c.started::DATE > k.Notice_Date__c)::INT)
               FROM '{company}/gong_calls.parquet' c JOIN '{company}/salesforce_contract.parquet' k
                 ON k.AccountId = c.account_sf_id AND c.started >= k.StartDate AND c.started < k.EndDate
               WHERE lower(c.title) LIKE '%renewal%' OR c.title LIKE '%contract%'"""
    count, nearest, noticed = _rows(world, calls)[0]
    assert count >= 10
    assert nearest >= 46
    assert noticed == 0


def test_speakers_of_a_transcript_are_parties_or_unidentified_voices_and_times_are_in_order(world: Path) -> None:
    parties = {
        call: {party.get("speakerId") for party in json.loads(text)}
        for call, text in _rows(world, "SELECT id, parties FROM '{company}/gong_calls.parquet'")
    }
    lines = _rows(world, "SELECT call_id, speaker_id, start_ms, end_ms FROM '{company}/gong_transcripts.parquet'")
    known = [speaker in parties[call] for call, speaker, _, _ in lines]
    assert 0.9 < sum(known) / len(known) < 1.0
    assert all(start < end for _, _, start, end in lines)
    overlong = """SELECT count(*) FROM '{company}/gong_calls.parquet' JOIN
                  (SELECT call_id AS id, max(end_ms) AS last FROM '{company}/gong_transcripts.parquet' GROUP BY 1) USING (id)
                  WHERE last > duration * 1000"""
    assert _rows(world, overlong) == [(0,)]


def test_the_backend_logs_every_failed_job_and_a_tenth_of_what_went_well(world: Path) -> None:
    failed = """SELECT (SELECT count(DISTINCT workflow_id) FROM '{company}/deliveries/*.parquet'
                        WHERE workflow_state = 'failed' AND defect IS NULL AND workflow_id IS NOT NULL),
                       (SELECT count(DISTINCT l.workflow_id) FROM '{company}/backend_logs/*.parquet' l
                        JOIN '{company}/deliveries/*.parquet' d ON d.workflow_id = l.workflow_id
                        WHERE d.workflow_state = 'failed' AND d.defect IS NULL AND l.status >= 400)"""
    delivered, logged = _rows(world, failed)[0]
    assert delivered > 50
    assert logged >= 0.99 * delivered
    completed, sampled = _rows(
        world,
        """SELECT (SELECT count(DISTINCT message_id) FROM '{company}/deliveries/*.parquet' WHERE workflow_state = 'completed'),
                  (SELECT count(*) FROM '{company}/backend_logs/*.parquet' WHERE method = 'JOB' AND status = 200)""",
    )[0]
    assert 0.08 <= sampled / completed <= 0.12
    late = f"SELECT max(received_at) < {END} FROM '{{company}}/backend_logs/*.parquet'"
    assert _rows(world, late) == [(True,)]


def test_a_world_without_logs_and_calls_has_the_same_tickets(tmp_path: Path) -> None:
    vector = difficulty_named("default")
    simulate(20, 40, 5, tmp_path / "with", vector)
    simulate(20, 40, 5, tmp_path / "without", replace(vector, logs_per_event=0.0, call_gain=0.0))
    assert not (tmp_path / "without/company/backend_logs").exists()
    assert _rows(tmp_path / "without", "SELECT count(*) FROM '{company}/gong_calls.parquet'") == [(0,)]
    name = "company/zendesk_tickets.parquet"
    assert (tmp_path / "with" / name).read_bytes() == (tmp_path / "without" / name).read_bytes()


def test_cards_pass_the_check_digit_and_their_look_alikes_do_not() -> None:
    assert luhn_digit("7992739871") == 3
    dice = Dice(np.random.default_rng(3))
    for kind, passes in (("card", True), ("tracking_number", False)):
        for _ in range(50):
            digits = [each for each in make_value(kind, dice) if each.isdigit()]
            assert (luhn_digit("".join(digits[:-1])) == int(digits[-1])) is passes


def test_every_template_of_every_theme_can_be_filled() -> None:
    writer = Writer(Dice(np.random.default_rng(1)), difficulty_named("default"))
    for theme, phrases in PHRASES.items():
        for template in (*phrases.subjects, *phrases.bad, *phrases.plain, *phrases.good):
            line = writer.line((template,), writer.slots())
            assert line, theme
            assert not set(line) & set("{}[]|"), line


def test_a_statement_notes_the_kind_of_what_is_planted_in_it() -> None:
    vector = replace(difficulty_named("default"), pii_share=1.0)
    writer = Writer(Dice(np.random.default_rng(2)), vector)
    for _ in range(40):
        text = Text()
        quote = writer.statement("billing", 0.0, writer.slots(), text)
        personal = [(kind, value) for kind, value, is_pii in text.planted if is_pii]
        assert [kind for kind, _ in personal] == list(text.said[0].pii_kinds)
        assert all(value in quote for _, value in personal)
