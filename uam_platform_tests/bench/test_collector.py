"""The collector's measurement counts what it says it counts."""

from uam_platform.bench.collector import Shape, measure


def test_what_is_acknowledged_on_disk_and_landed_is_the_same_number() -> None:
    found = measure(Shape(events=1_000, batch=50, connections=4))
    assert found.acknowledged == found.on_disk == found.landed == 1_000
    assert len(found.latencies_ms) == 20
    assert found.percentile(0.5) <= found.percentile(0.99)
    assert found.cpu_seconds > 0
