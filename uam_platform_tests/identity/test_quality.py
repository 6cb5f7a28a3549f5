"""The counts that a check shows of identity."""

from uam_platform.identity.quality import IdentityQuality, quality
from uam_platform_tests.identity.product import Seen, evidence, resolved


def test_counts_describe_a_small_product() -> None:
    seen = [
        Seen(0, "ann", "own"),
        Seen(1, device="own"),
        Seen(1, "ann", "shared"),
        Seen(2, "bob", "shared"),
        Seen(3, device="shared"),
        Seen(4, device="stranger"),
        Seen(5, "ann", email="a@x", kind="identify"),
        Seen(6, "new", kind="alias", previous_user="ann"),
    ]
    assert quality(resolved(seen), evidence(seen)) == IdentityQuality(
        identifier_count=6,
        person_count=2,
        user_count=3,
        shared_device_count=1,
        largest_person_identifier_count=5,
        unattached_event_ratio=2 / 8,
    )


def test_a_device_of_one_person_with_two_user_ids_is_not_shared() -> None:
    seen = [Seen(0, "old", "d"), Seen(1, "ann", "d"), Seen(2, "ann", kind="alias", previous_user="old")]
    assert quality(resolved(seen), evidence(seen)).shared_device_count == 0


def test_nothing_seen_counts_as_nothing() -> None:
    assert quality(resolved([]), evidence([])) == IdentityQuality(0, 0, 0, 0, 0, 0.0)
