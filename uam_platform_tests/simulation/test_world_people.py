"""People as they come and go: trials, roles, moves, kiosks, the vendor's staff, robots. Companies: ``test_world_affairs``."""

from uam_platform_tests.simulation.test_world_business import DELIVERED, TRULY
from uam_platform_tests.simulation.worlds import World

KINDS = "'{truth}/person_kinds.parquet'"
PEOPLE = "'{truth}/people.parquet'"
MEMBERS = "'{truth}/memberships.parquet'"
STAYS = f"""(SELECT person_id, account_id, min(valid_from) AS valid_from,
               max(coalesce(valid_to, TIMESTAMPTZ '2999-01-01')) AS valid_to FROM {MEMBERS} GROUP BY ALL)"""
SHARED = "'{truth}/shared_devices.parquet'"
TRIALS = """(SELECT account_id, "at" AS began FROM '{truth}/account_events.parquet' WHERE kind = 'trial_started')"""


def test_everybody_who_delivers_has_a_kind_and_an_identifier_that_is_known(busy: World) -> None:
    assert busy.value(f"SELECT count(*) FROM {TRULY} d ANTI JOIN {KINDS} k ON k.person_id = d.true_person_id") == 0
    unknown = f"""SELECT count(*) FROM {DELIVERED} JOIN {TRULY} t USING (delivery_no)
                  ANTI JOIN {PEOPLE} p ON p.person_id = t.true_person_id AND p.identifier = user_id
                  WHERE user_id IS NOT NULL"""
    assert busy.value(unknown) == 0
    kinds = dict(busy.rows(f"SELECT kind, count(*) FROM {KINDS} GROUP BY 1"))
    assert set(kinds) == {"customer", "contractor", "kiosk_user", "employee", "bot"}
    assert min(kinds.values()) >= 2


def test_an_identifier_is_used_only_while_it_is_the_persons_own(busy: World) -> None:
    early = f"""SELECT count(*) FROM {DELIVERED} JOIN {TRULY} t USING (delivery_no)
                JOIN {PEOPLE} p ON p.person_id = t.true_person_id AND p.identifier = user_id
                WHERE true_occurred_at < valid_from - INTERVAL 1 DAY OR true_occurred_at > valid_to + INTERVAL 1 DAY"""
    assert busy.value(early) == 0


def test_customers_act_only_at_accounts_they_belong_to_at_that_time(busy: World) -> None:
    strangers = f"""SELECT count(*) FROM (
        SELECT DISTINCT true_person_id AS person_id, true_account_id AS account_id, true_occurred_at::DATE AS day
        FROM {TRULY} JOIN {DELIVERED} USING (delivery_no) WHERE user_id IS NOT NULL) d
        JOIN {KINDS} k ON k.person_id = d.person_id AND kind NOT IN ('employee', 'bot')
        ANTI JOIN {MEMBERS} m ON m.person_id = d.person_id AND m.account_id = d.account_id
         AND d.day >= m.valid_from - INTERVAL 2 DAY AND (m.valid_to IS NULL OR d.day <= m.valid_to + INTERVAL 2 DAY)"""
    assert busy.value(strangers) == 0


def test_a_trial_user_becomes_the_paying_accounts_admin(busy: World) -> None:
    turned = f"""SELECT count(*), count(*) FILTER (c.StartDate = a.valid_from::DATE) FROM {TRIALS} t
        JOIN {MEMBERS} m ON m.account_id = t.account_id AND m.role = 'member' AND m.valid_from < t.began + INTERVAL 1 DAY
        JOIN {MEMBERS} a ON a.person_id = m.person_id AND a.role = 'admin' AND a.valid_from = m.valid_to
        JOIN '{{company}}/salesforce_account.parquet' s ON s.Product_Account_Id__c = t.account_id
        JOIN '{{company}}/salesforce_contract.parquet' c ON c.AccountId = s.Id AND c.Renewed_From__c IS NULL"""
    people, on_the_day = busy.rows(turned)[0]
    assert on_the_day >= 8
    assert people - on_the_day <= 2  # an account that came back has two first contracts
    used = f"""SELECT count(DISTINCT true_account_id) FROM {TRULY} d JOIN {TRIALS} t ON t.account_id = d.true_account_id
               WHERE true_event_name = 'user_signed_in' AND true_occurred_at < t.began + INTERVAL 14 DAY"""
    assert busy.value(used) >= 6


def test_a_prospect_looks_around_without_a_name_on_the_device_of_the_later_login(busy: World) -> None:
    before = f"""SELECT anonymous_id, count(user_id), count(*), bool_and(type = 'page') FROM {DELIVERED}
                 JOIN {TRULY} USING (delivery_no) JOIN {TRIALS} t ON t.account_id = true_account_id
                 WHERE true_occurred_at < t.began - INTERVAL 1 DAY GROUP BY 1"""
    seen = busy.rows(before)
    assert len(seen) >= 5
    assert all(named == 0 and is_pages for _, named, _, is_pages in seen)
    later = f"""SELECT count(DISTINCT anonymous_id) FROM {DELIVERED}
                WHERE user_id IS NOT NULL AND anonymous_id IN (SELECT anonymous_id FROM ({before}))"""
    assert busy.value(later) >= 0.6 * len(seen)


def test_some_people_change_their_role_twice(busy: World) -> None:
    twice = f"""SELECT count(*) FROM (SELECT person_id FROM {MEMBERS} GROUP BY person_id, account_id
                HAVING count(*) = 3 AND count(DISTINCT role) >= 2 AND count(*) FILTER (valid_to IS NULL) <= 1)"""
    assert busy.value(twice) >= 10


def test_who_moves_to_another_customer_has_a_new_address_and_sometimes_a_new_login_or_the_old_device(
    busy: World,
) -> None:
    movers = f"""SELECT a.person_id, a.account_id AS source, b.account_id AS target, b.valid_from AS since
                 FROM {STAYS} a JOIN {STAYS} b ON b.person_id = a.person_id AND b.account_id <> a.account_id
                 AND b.valid_from > a.valid_to + INTERVAL 5 DAY
                 JOIN {KINDS} k ON k.person_id = a.person_id AND k.kind <> 'contractor'
                 QUALIFY row_number() OVER (PARTITION BY a.person_id ORDER BY b.valid_from) = 1"""
    count = busy.value(f"SELECT count(*) FROM ({movers})")
    assert count >= 10
    addresses = f"""SELECT count(*) FROM ({movers}) m JOIN {PEOPLE} p ON p.person_id = m.person_id
                    AND p.identifier_kind = 'email' AND p.valid_from = m.since
                    JOIN {PEOPLE} q ON q.person_id = m.person_id AND q.identifier_kind = 'email'
                    AND split_part(q.identifier, '@', 2) <> split_part(p.identifier, '@', 2)"""
    assert busy.value(addresses) >= count
    logins = f"""SELECT count(*) FROM (SELECT person_id FROM {PEOPLE} SEMI JOIN ({movers}) USING (person_id)
                 WHERE identifier_kind = 'user_id' GROUP BY 1 HAVING count(*) = 2)"""
    assert 0.2 * count <= busy.value(logins) <= 0.8 * count
    kept = f"""SELECT count(DISTINCT m.person_id) FROM ({movers}) m
               JOIN {TRULY} t ON t.true_person_id = m.person_id AND t.true_occurred_at > m.since
               JOIN {DELIVERED} d ON d.delivery_no = t.delivery_no
               WHERE d.anonymous_id IN (SELECT e.anonymous_id FROM {DELIVERED} e JOIN {TRULY} u USING (delivery_no)
                                        WHERE u.true_person_id = m.person_id AND u.true_occurred_at < m.since)"""
    assert 1 <= busy.value(kept) < count


def test_four_to_ten_people_sign_in_and_out_on_a_kiosk(busy: World) -> None:
    kiosks = f"""SELECT anonymous_id, count(DISTINCT person_id) AS users FROM {SHARED} GROUP BY 1 HAVING users > 2"""
    planted = busy.rows(kiosks)
    assert len(planted) >= 5
    assert all(users <= 10 for _, users in planted)
    signs = f"""SELECT sum((event IN ('user_signed_in', 'Login', 'signed_in'))::INT), sum((event = 'user_signed_out')::INT),
                       count(DISTINCT user_id) / count(DISTINCT anonymous_id)
                FROM {DELIVERED} WHERE anonymous_id IN (SELECT anonymous_id FROM ({kiosks}))"""
    comes, goes, users = busy.rows(signs)[0]
    assert goes > 0.7 * comes
    assert users >= 3


def test_staff_of_the_vendor_sign_in_at_many_customers_and_belong_to_none(busy: World) -> None:
    staff = f"(SELECT person_id FROM {KINDS} WHERE kind = 'employee')"
    assert busy.value(f"SELECT count(*) FROM {MEMBERS} SEMI JOIN {staff} USING (person_id)") == 0
    places = f"SELECT count(DISTINCT true_account_id) FROM {TRULY} WHERE true_person_id IN {staff}"
    assert busy.value(places) >= 20
    named = f"SELECT DISTINCT email FROM {DELIVERED} JOIN {TRULY} USING (delivery_no) WHERE email IS NOT NULL AND true_person_id"
    addresses = [row[0] for row in busy.rows(f"{named} IN {staff}")]
    assert addresses
    assert all(each.endswith("@acme.example") for each in addresses)
    customers = [row[0] for row in busy.rows(f"{named} NOT IN {staff}")]
    assert not [each for each in customers if each.endswith("@acme.example")]
    share = f"SELECT avg((true_person_id IN {staff})::INT) FROM {TRULY}"
    assert 0.001 <= busy.value(share) <= 0.02


def test_robots_sign_in_by_the_clock_at_a_few_accounts(busy: World) -> None:
    robots = f"(SELECT person_id FROM {KINDS} WHERE kind = 'bot')"
    signs = f"""SELECT true_person_id, minute(true_occurred_at) AS at, count(*), count(DISTINCT true_account_id)
                FROM {TRULY} WHERE true_person_id IN {robots} AND true_event_name = 'user_signed_in' AND NOT is_duplicate
                GROUP BY 1, 2"""
    found = busy.rows(signs)
    assert 2 <= len(found) <= 20
    assert len({row[0] for row in found}) == len(found)  # one minute of the hour per robot
    assert all(accounts == 1 for *_, accounts in found)
    ids = busy.rows(
        f"SELECT DISTINCT identifier FROM {PEOPLE} WHERE person_id IN {robots} AND identifier_kind = 'user_id'"
    )
    assert all(row[0].startswith("svc_") for row in ids)


def test_an_owner_and_a_borrower_are_two_people_of_one_account(busy: World) -> None:
    pairs = f"""SELECT count(*) FROM (SELECT DISTINCT o.person_id, b.person_id FROM {SHARED} o JOIN {SHARED} b
                USING (anonymous_id) WHERE o.is_owner AND NOT b.is_owner AND o.person_id <> b.person_id)"""
    assert busy.value(pairs) >= 0.3 * busy.summary.accounts
    owners = f"SELECT count(*) FROM (SELECT anonymous_id FROM {SHARED} GROUP BY 1 HAVING sum(is_owner::INT) <> 1)"
    assert busy.value(owners) == 0
    apart = f"""SELECT count(*) FROM {SHARED} o JOIN {SHARED} b USING (anonymous_id)
                JOIN {KINDS} x ON x.person_id = o.person_id JOIN {KINDS} y ON y.person_id = b.person_id
                WHERE x.account_id <> y.account_id"""
    assert busy.value(apart) == 0
