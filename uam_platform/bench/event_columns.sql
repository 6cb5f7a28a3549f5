-- Columns of an event from `landed`, `spelled` and `bits`, for both scripts.
'segment' AS source, (md5_number_upper(id_text) >> 1)::BIGINT AS event_hi, (md5_number_lower(id_text) >> 1)::BIGINT AS event_lo,
'vendor_id' AS key_basis, event_date, make_timestamp(occurred_us) AS occurred_at, occurred_us, make_timestamp(known_us) AS known_at, known_us,
greatest(event_date, make_timestamp(known_us - {grace_us})::DATE) AS known_date, false AS is_known_at_imputed,
CASE WHEN candidate_us > known_us THEN 'clamped' WHEN sent_us IS NOT NULL AND abs(candidate_us - original_us) > 1000000 THEN 'skew_repaired'
    ELSE 'exact' END AS time_confidence,
coalesce((md5_number_lower('product:anon:' || anonymous_id) >> 1)::BIGINT, 0) AS device_key,
coalesce((md5_number_lower('product:user:' || user_id) >> 1)::BIGINT, device_key) AS actor_key,
CASE WHEN user_id IS NULL THEN 'anonymous' ELSE 'user' END AS actor_kind,
CASE WHEN kind = 'alias' THEN (md5_number_lower('product:anon:' || previous_id) >> 1)::BIGINT
    WHEN kind = 'identify' AND user_id IS NOT NULL THEN nullif(device_key, 0) END AS linked_actor_key,
coalesce((md5_number_lower('email:' || nullif(lower(trim(email)), '')) >> 1)::BIGINT, 0) AS email_key,
coalesce((md5_number_lower('product:workspace:' || workspace_id) >> 1)::BIGINT, 0) AS workspace_key,
workspace_id AS workspace_id_source, account_id AS account_id_source, kind AS event_kind, spelled.event_name, event_name_source, marker, is_core,
coalesce(feature_bits, 0) AS feature_bits, side, feature, workflow, workflow_id, workflow_step, workflow_state, error_code,
try_cast(duration_ms AS BIGINT) AS duration_ms, app_area, device_type, browser, app_version, plan_tier, feature_flag, role,
try_cast(quantity AS BIGINT) AS quantity, try_cast(amount_usd_cents AS BIGINT) AS amount_usd_cents, load_id, row_no
