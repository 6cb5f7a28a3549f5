"""Every recorded and published vendor file is read by a test, or says why not."""

from pathlib import Path

from uam_platform_tests.connectors.vendor_samples import FOLDER, needs_samples
from uam_platform_tests.vendors.inventory import LEFT_OUT


@needs_samples
def test_every_reason_to_leave_a_file_out_still_concerns_one() -> None:
    root = Path(FOLDER)
    assert [pattern for pattern in LEFT_OUT if not list(root.glob(pattern))] == []
