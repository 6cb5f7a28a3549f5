"""What happens between companies and in contracts: take-overs, splits, parents, plans, owners, deals."""

from uam_platform_tests.simulation.test_world_business import DELIVERED, TRULY
from uam_platform_tests.simulation.worlds import World

EVENTS = """(SELECT account_id, kind, other_account_id AS other, "at" AS day FROM '{truth}/account_events.parquet')"""
PLACES = "'{truth}/hierarchy.parquet'"
ACCOUNTS = "'{company}/salesforce_account.parquet'"
CHANGES = "'{company}/salesforce_account_history.parquet'"
TERMS = "'{company}/salesforce_contract.parquet'"
DEALS = "'{company}/salesforce_opportunity.parquet'"
TAKEN = "kind IN ('acquired_into', 'merged_into')"


def test_after_a_take_over_people_go_on_in_their_workspace_for_the_acquirer(busy: World) -> None:
    taken = busy.rows(f"SELECT account_id, other, day FROM {EVENTS} WHERE {TAKEN}")
    assert len(taken) >= 4
    late = f"""SELECT count(*) FROM {TRULY} JOIN {EVENTS} e ON e.account_id = true_account_id AND {TAKEN}
               WHERE true_occurred_at > day + INTERVAL 1 DAY"""
    assert busy.value(late) == 0
    moved = f"""SELECT count(DISTINCT e.account_id), count(*) FILTER (true_account_id <> e.other)
                FROM {EVENTS} e JOIN {DELIVERED} d ON group_id = 'ws_' || substr(e.account_id, 5) || '_1' AND {TAKEN}
                JOIN {TRULY} t USING (delivery_no) WHERE true_occurred_at > day + INTERVAL 1 DAY"""
    companies, elsewhere = busy.rows(moved)[0]
    assert companies >= 3
    assert elsewhere == 0
    claims = f"""SELECT count(*) FROM {DELIVERED} JOIN {TRULY} USING (delivery_no)
                 WHERE type = 'group' AND account_id <> true_account_id"""
    assert busy.value(claims) == 0


def test_a_company_that_was_taken_over_is_censored_and_never_returns(busy: World) -> None:
    ends = f"""SELECT count(*), sum(is_censored::INT) FROM {EVENTS} e JOIN '{{truth}}/churn.parquet' c
               ON c.account_id = e.account_id AND c.ended_at = e.day AND {TAKEN}"""
    count, censored = busy.rows(ends)[0]
    assert count == censored >= 4
    again = f"""SELECT count(*) FROM {TERMS} JOIN {ACCOUNTS} a ON a.Id = AccountId
                JOIN {EVENTS} e ON e.account_id = a.Product_Account_Id__c AND {TAKEN} WHERE StartDate > e.day::DATE"""
    assert busy.value(again) == 0


def test_sales_puts_the_company_below_its_acquirer_and_deletes_the_record_of_a_merger(busy: World) -> None:
    records = busy.rows(f"""SELECT kind, a.IsDeleted, b.Product_Account_Id__c = e.other FROM {EVENTS} e
                            JOIN {ACCOUNTS} a ON a.Product_Account_Id__c = e.account_id JOIN {ACCOUNTS} b ON b.Id = a.ParentId
                            WHERE {TAKEN}""")
    assert {kind for kind, *_ in records} == {"acquired_into", "merged_into"}
    assert all(is_below and is_deleted == (kind == "merged_into") for kind, is_deleted, is_below in records)


def test_a_split_off_company_takes_the_second_workspace_and_some_people_along(busy: World) -> None:
    splits = f"(SELECT account_id, other, day, 'ws_' || substr(other, 5) || '_2' AS space FROM {EVENTS} WHERE kind = 'split_from')"
    assert busy.value(f"SELECT count(*) FROM {splits}") >= 3
    used = f"""SELECT count(*) FILTER (true_occurred_at > day AND true_account_id = s.account_id),
                      count(*) FILTER (true_occurred_at > day + INTERVAL 1 DAY AND true_account_id <> s.account_id),
                      count(*) FILTER (true_occurred_at < day - INTERVAL 1 DAY AND true_account_id <> s.other)
               FROM {DELIVERED} JOIN {TRULY} USING (delivery_no) JOIN {splits} s ON s.space = group_id"""
    after, wrong_after, wrong_before = busy.rows(used)[0]
    assert after >= 50
    assert wrong_after == wrong_before == 0
    first = f"""SELECT count(*) FILTER (StartDate = day::DATE), count(DISTINCT s.account_id) FROM {splits} s
                JOIN {ACCOUNTS} a ON a.Product_Account_Id__c = s.account_id JOIN {TERMS} ON AccountId = a.Id"""
    contracts, companies = busy.rows(first)[0]
    assert contracts == companies


def test_a_workspace_has_one_account_and_one_parent_at_any_time(busy: World) -> None:
    gaps = f"""SELECT count(*) FROM (SELECT valid_from, lag(valid_to) OVER w AS before, row_number() OVER w AS n FROM {PLACES}
               WINDOW w AS (PARTITION BY workspace_id ORDER BY valid_from NULLS FIRST))
               WHERE (n = 1 AND valid_from IS NOT NULL) OR (n > 1 AND valid_from IS DISTINCT FROM before)"""
    assert busy.value(gaps) == 0
    open_ended = (
        f"SELECT count(*) FROM (SELECT workspace_id FROM {PLACES} GROUP BY 1 HAVING count(*) - count(valid_to) <> 1)"
    )
    assert busy.value(open_ended) == 0
    assert busy.value(f"SELECT count(*) FROM {PLACES} WHERE valid_from IS NOT NULL") >= 8


def test_parents_form_lines_of_three_and_never_a_ring(busy: World) -> None:
    depth = f"""WITH RECURSIVE line AS (
        SELECT Id, ParentId, 1 AS level FROM {ACCOUNTS} WHERE ParentId IS NOT NULL
        UNION ALL SELECT line.Id, a.ParentId, level + 1 FROM line JOIN {ACCOUNTS} a ON a.Id = line.ParentId
        WHERE a.ParentId IS NOT NULL AND level < 9) SELECT max(level) FROM line"""
    assert 2 <= busy.value(depth) < 9


def test_the_parent_in_the_crm_is_the_true_one_at_the_end_of_the_world(busy: World) -> None:
    differing = f"""SELECT count(*) FROM {PLACES} h JOIN {ACCOUNTS} a ON a.Product_Account_Id__c = h.account_id
                    LEFT JOIN {ACCOUNTS} p ON p.Id = a.ParentId
                    WHERE h.valid_to IS NULL AND h.parent_account_id IS DISTINCT FROM p.Product_Account_Id__c"""
    assert busy.value(differing) == 0
    assert busy.value(f"SELECT count(*) FROM {CHANGES} WHERE Field = 'ParentId'") >= 8


def test_the_history_of_a_field_is_a_chain_that_ends_at_the_record(busy: World) -> None:
    broken = f"""SELECT count(*) FROM (SELECT AccountId, Field, OldValue,
        lag(NewValue) OVER w AS before, row_number() OVER w AS n FROM {CHANGES}
        WINDOW w AS (PARTITION BY AccountId, Field ORDER BY CreatedDate)) WHERE n > 1 AND OldValue IS DISTINCT FROM before"""
    assert busy.value(broken) == 0
    last = f"""SELECT count(*) FROM {CHANGES} c JOIN {ACCOUNTS} a ON a.Id = c.AccountId
               WHERE c.CreatedDate = (SELECT max(CreatedDate) FROM {CHANGES} x WHERE x.AccountId = c.AccountId AND x.Field = c.Field)
               AND NewValue IS DISTINCT FROM CASE Field WHEN 'OwnerId' THEN OwnerId WHEN 'ParentId' THEN ParentId ELSE Tier__c END"""
    assert busy.value(last) == 0
    assert {row[0] for row in busy.rows(f"SELECT DISTINCT Field FROM {CHANGES}")} == {"OwnerId", "ParentId", "Tier__c"}


def test_plans_change_with_their_price_at_a_renewal_or_as_an_amendment(busy: World) -> None:
    order = "list_position(['starter', 'team', 'business', 'enterprise'], {})"
    renewed = f"""SELECT {order.format("b.Plan__c")} - {order.format("a.Plan__c")} AS step,
                         b.MRR_USD__c / b.Seats__c - a.MRR_USD__c / a.Seats__c AS dearer
                  FROM {TERMS} a JOIN {TERMS} b ON b.Renewed_From__c = a.Id WHERE a.Plan__c <> b.Plan__c"""
    steps = busy.rows(renewed)
    assert {step for step, _ in steps} == {-1, 1}
    assert all((step > 0) == (dearer > 0) for step, dearer in steps)
    amended = """SELECT count(*) FROM '{company}/salesforce_contract_history.parquet' p
                 JOIN '{company}/salesforce_contract_history.parquet' m USING (ContractId, CreatedDate)
                 WHERE p.Field = 'Plan__c' AND m.Field = 'MRR_USD__c' AND m.NewValue::DOUBLE > m.OldValue::DOUBLE"""
    assert busy.value(amended) >= 3
    true = busy.value(f"SELECT count(*) FROM {EVENTS} WHERE kind = 'plan_changed'")
    assert true >= len(steps)


def test_some_accounts_go_over_to_the_other_billing_period_without_a_gap(busy: World) -> None:
    switched = f"""SELECT a.Billing_Period__c, count(*), count(*) FILTER (a.EndDate <> b.StartDate), count(*) FILTER (
                       date_diff('month', b.StartDate, b.EndDate) <> b.ContractTerm)
                   FROM {TERMS} a JOIN {TERMS} b ON b.Renewed_From__c = a.Id
                   WHERE a.Billing_Period__c <> b.Billing_Period__c GROUP BY 1"""
    found = {period: (count, gaps, odd) for period, count, gaps, odd in busy.rows(switched)}
    assert set(found) == {"monthly", "annual"}
    assert all(count >= 2 and gaps == odd == 0 for count, gaps, odd in found.values())


def test_a_customer_that_comes_back_begins_another_spell(busy: World) -> None:
    spells = f"""SELECT e.account_id, e.day, max(c.ended_at) FILTER (c.ended_at < e.day),
                        max(c.spell_no) FILTER (c.ended_at < e.day), min(c.spell_no) FILTER (c.ended_at > e.day)
                 FROM {EVENTS} e LEFT JOIN '{{truth}}/churn.parquet' c USING (account_id)
                 WHERE kind = 'reactivated' AND e.day > TIMESTAMPTZ '2025-05-10' GROUP BY 1, 2"""
    for account, back, ended, before, after in busy.rows(spells):
        assert ended is not None, account
        assert 1 <= (back - ended).days <= 121
        assert after is None or after == before + 1


def test_an_owner_who_left_hands_every_account_over(busy: World) -> None:
    gone = "(SELECT Id, SystemModstamp AS left_at FROM '{company}/salesforce_user.parquet' WHERE NOT IsActive)"
    assert busy.value(f"SELECT count(*) FROM {gone}") >= 1
    held = f"SELECT count(*) FROM {ACCOUNTS} JOIN {gone} g ON g.Id = OwnerId AND left_at < TIMESTAMPTZ '2025-08-30'"
    assert busy.value(held) == 0
    handed = f"""SELECT count(*), min(CreatedDate - left_at) > INTERVAL 0 DAY, max(CreatedDate - left_at) <= INTERVAL 5 DAY
                 FROM {CHANGES} JOIN {gone} g ON g.Id = OldValue WHERE CreatedDate > left_at"""
    count, is_after, is_soon = busy.rows(handed)[0]
    assert count >= 5
    assert is_after
    assert is_soon


def test_a_deal_shows_its_outcome_only_once_it_is_decided(busy: World) -> None:
    states = busy.rows(f"SELECT DISTINCT StageName, IsClosed, IsWon FROM {DEALS}")
    assert ("Closed Won", True, True) in states
    assert ("Closed Lost", True, False) in states
    assert all(not won for stage, closed, won in states if not closed)
    assert {stage for stage, closed, _ in states if not closed} == {"Qualification", "Proposal", "Negotiation"}
    early = f"""SELECT count(*) FROM {DEALS} WHERE IsClosed AND SystemModstamp >= TIMESTAMPTZ '2025-09-08'
                OR CreatedDate > SystemModstamp"""
    assert busy.value(early) == 0
    renewed = f"""SELECT count(*), count(*) FILTER (NOT EXISTS (SELECT 1 FROM {TERMS} t WHERE t.AccountId = d.AccountId
                  AND t.Renewed_From__c IS NOT NULL AND abs(date_diff('hour', t.CreatedDate, d.SystemModstamp)) <= 24))
                  FROM {DEALS} d WHERE Type = 'Renewal' AND IsWon"""
    won, without_term = busy.rows(renewed)[0]
    assert won >= 20
    assert without_term == 0


def test_a_hoped_for_expansion_is_no_sign_that_it_will_come(busy: World) -> None:
    won, lost = busy.rows(f"""SELECT count(*) FILTER (IsWon), count(*) FILTER (NOT IsWon) FROM {DEALS}
                              WHERE Type = 'Expansion' AND IsClosed""")[0]
    assert lost >= 0.15 * (won + lost)
    assert won >= 5
