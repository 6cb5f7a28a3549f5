"""Which connectors are switched on by settings, and what the others still need."""

import subprocess
import sys
from datetime import UTC, datetime

import dagster as dg

from uam_platform.connectors.registry import configured, missing
from uam_platform.lake.loads import LoadManifest
from uam_platform.settings import Settings
from uam_platform_tests.connectors.fakes import quiet


def settings(**values) -> Settings:
    return Settings(_env_file=None, **values)


def test_nothing_is_switched_on_without_settings_and_everything_needed_is_named(monkeypatch):
    for name in ("UAM_MAPPING", "UAM_SEGMENT_ARCHIVE_URL", "UAM_ZENDESK_BASE_URL", "UAM_SALESFORCE_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    assert configured(settings()) == []
    assert missing(settings())["segment"] == ["UAM_SEGMENT_ARCHIVE_URL"]
    assert missing(settings(zendesk_base_url="https://a.zendesk.com"))["zendesk"] == [
        "UAM_ZENDESK_EMAIL",
        "UAM_ZENDESK_API_TOKEN",
    ]
    assert missing(settings(zendesk_oauth_token="t"))["zendesk"] == ["UAM_ZENDESK_BASE_URL"]
    assert [c.name for c in configured(settings(zendesk_base_url="https://a.example", zendesk_oauth_token="t"))] == [
        "zendesk",
        "ledger",
    ]


def test_every_required_name_is_a_setting():
    known = {f"UAM_{name.upper()}" for name in Settings.model_fields}
    assert {name for names in missing(settings()).values() for name in names} <= known


def test_a_switched_on_connector_lands_until_nothing_is_new(tmp_path):
    (tmp_path / "archive").mkdir()
    connector, ledger = configured(settings(segment_archive_url=str(tmp_path / "archive")))
    assert ledger.name == "ledger"
    assert (connector.name, connector.lands) == ("segment", ("deliveries",))
    assert connector.land(LoadManifest(tmp_path / "raw"), "load", datetime(2025, 1, 1, tzinfo=UTC), quiet) is None


def test_what_is_landed_is_described_for_the_catalogue(tmp_path):
    connector, _ = configured(settings(mapping=tmp_path / "mapping.yaml"))
    schema = connector.column_schema()
    assert isinstance(schema, dg.TableSchema)
    assert {"message_id", "payload", "row_no"} <= {column.name for column in schema.columns}
    assert all(column.description for column in schema.columns)


def test_secrets_are_in_no_printed_form(tmp_path):
    connectors = configured(
        settings(
            zendesk_base_url="https://a.zendesk.com", zendesk_email="a@b.example", zendesk_api_token="very-secret-value"
        )
    )
    assert "very-secret-value" not in repr(connectors)


def test_importing_the_registry_loads_no_heavy_library():
    code = "import sys, uam_platform.connectors.registry; print(*sorted({m.split('.')[0] for m in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"dlt", "httpx", "requests", "dagster"} & set(done.stdout.split())
