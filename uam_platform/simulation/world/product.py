"""What the simulated product calls things: events, features, workflows, pages, and the variants sloppy clients send.

Belongs here: the product's own vocabulary and how often things are done. Does not belong here: who does them and when
(``activity``), or how a reader of the data should interpret them.
"""

CORE = {"report_generated": 0.48, "report_exported": 0.20, "dashboard_shared": 0.19, "alert_rule_saved": 0.13}
EXPERIENCE = {
    "feature_used": 0.36, "report_viewed": 0.22, "dashboard_viewed": 0.26, "search_performed": 0.11, "modal_opened": 0.05,
}  # fmt: skip
PROGRESS = {"project_created": 0.6, "integration_connected": 0.4}
FRICTION = {
    "validation_error_shown": 0.34, "error_encountered": 0.24, "sync_failed": 0.14, "permission_denied": 0.15,
    "setup_abandoned": 0.05, "invoice_download_failed": 0.08,
}  # fmt: skip
INTENT = {
    "settings_explored": 0.26, "billing_viewed": 0.18, "pricing_viewed": 0.14, "plan_compared": 0.08,
    "seat_limit_reached": 0.07, "security_settings_viewed": 0.08, "member_invited": 0.15, "admin_invited": 0.04,
}  # fmt: skip
VAGUE = {
    "clicked_save_button": 0.3, "Clicked Button": 0.25, "button_click": 0.2, "ctaTapped": 0.15, "beta_canvas_opened": 0.1,
}  # fmt: skip
ONBOARDING = (
    "workspace_created",
    "setup_started",
    "integration_connected",
    "project_created",
    "first_report_generated",
)
_OTHER = (
    "workflow_started", "workflow_completed", "workflow_failed", "import_attempted", "import_completed", "import_failed",
    "user_signed_in", "user_signed_out", "workspace_created", "setup_started", "first_report_generated",
)  # fmt: skip

EVENTS: tuple[str, ...] = (*CORE, *EXPERIENCE, *PROGRESS, *FRICTION, *INTENT, *VAGUE, *_OTHER)
EVENT_CODE: dict[str, int] = {name: code for code, name in enumerate(EVENTS)}
CORE_EVENTS = frozenset({*CORE, "workflow_completed", "import_completed"})

VARIANTS: dict[str, tuple[str, ...]] = {
    "report_generated": ("Report Generated", "reportGenerated", "generate_report"),
    "dashboard_shared": ("Dashboard Shared",),
    "workflow_completed": ("Workflow Completed", "workflowCompleted"),
    "feature_used": ("Feature Used", "featureUsed"),
    "integration_connected": ("Integration Connected", "integration_activated"),
    "import_failed": ("Import Failed", "importFailed"),
    "pricing_viewed": ("Viewed Pricing", "pricingViewed"),
    "user_signed_in": ("Login", "signed_in"),
}

SERVER_EVENTS = frozenset({
    "workflow_completed", "workflow_failed", "import_completed", "import_failed", "sync_failed", "permission_denied",
    "member_invited", "admin_invited", "integration_connected", "workspace_created", "setup_started",
    "first_report_generated", "alert_rule_saved", "seat_limit_reached",
})  # fmt: skip

FEATURES = (
    "pivot", "scheduled_reports", "api_access", "sso", "custom_fields", "forecasting", "annotations", "drill_down",
    "templates", "data_catalog", "row_level_security", "embedded_charts", "sql_editor", "slack_digest", "cohort_builder",
    "geo_maps", "version_history", "comments", "white_label", "audit_log",
)  # fmt: skip
WORKFLOWS = ("reporting", "importing", "sharing", "alerting")
WORKFLOW_SHARE = (0.5, 0.0, 0.28, 0.22)
WORKFLOW_STEPS = ("select_source", "configure", "run", "review")
WORKFLOW_STATES = ("started", "completed", "failed")
ERRORS = ("E_TIMEOUT", "E_SCHEMA", "E_QUOTA", "E_AUTH", "E_UPSTREAM", "E_VALIDATION")
PAGES = ("Login", "Pricing", "Home", "Dashboard", "Reports", "Settings")
AREAS = ("reports", "dashboards", "data", "admin", "billing", "home")
AREA_OF: dict[str, str] = {
    **dict.fromkeys(("report_generated", "report_exported", "report_viewed", "first_report_generated"), "reports"),
    **dict.fromkeys(("dashboard_shared", "dashboard_viewed", "alert_rule_saved"), "dashboards"),
    **dict.fromkeys(
        ("import_attempted", "import_completed", "import_failed", "sync_failed", "integration_connected"), "data"
    ),
    **dict.fromkeys(("settings_explored", "member_invited", "admin_invited", "security_settings_viewed"), "admin"),
    **dict.fromkeys(("billing_viewed", "pricing_viewed", "plan_compared", "invoice_download_failed"), "billing"),
}
FLAGS = ("new_editor", "automation_suite", "rollout_wave")
BROWSERS = ("chrome", "safari", "firefox", "edge", "brave")
DEVICE_TYPES = ("desktop", "mobile", "tablet")
LIBRARIES = ("analytics.js", "analytics-ios", "analytics-node")
ROLES = ("admin", "member", "viewer")
TYPES = ("track", "page", "identify", "group", "alias")
DEFECTS = (
    "truncated", "missing_event", "missing_ids", "user_id_number", "bad_timestamp", "far_future", "not_json",
)  # fmt: skip
