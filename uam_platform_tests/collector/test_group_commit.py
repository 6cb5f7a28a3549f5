"""The queue before the disk: one sync for all that wait, a bound that is told, and a disk that fails and comes back."""

import asyncio
import errno
import threading
from dataclasses import dataclass, field

import pytest

from uam_platform.collector.group_commit import GroupCommit
from uam_platform.collector.keys import Senders
from uam_platform.collector.reception import MAX_READING_BYTES, Reception
from uam_platform.collector.refusals import Reason, Refusal
from uam_platform.lake.journal import framed, unframed
from uam_platform_tests.collector.receiving import SteppingClock


@dataclass
class SlowDisk:
    """A journal in memory that takes a group when it is let, or fails as told."""

    is_let: threading.Event = field(default_factory=threading.Event)
    groups: list[list[bytes]] = field(default_factory=list)
    failures: list[OSError] = field(default_factory=list)
    closed: int = 0
    pending_bytes: int = 0
    is_asked_to_close: bool = False

    def commit(self, block: bytes) -> None:
        self.is_let.wait(60)
        if self.failures:
            raise self.failures.pop(0)
        self.groups.append([unframed(line).text for line in block.splitlines()])
        self.pending_bytes += len(block)

    def rotate(self) -> None:
        self.closed += 1
        self.pending_bytes = 0


def commit_of(disk: SlowDisk, max_queued: int = 1 << 20, rotate_seconds: float = 60) -> GroupCommit:
    commit = GroupCommit(disk, max_queued, rotate_seconds)
    commit.start()
    return commit


async def until(condition) -> None:
    for _ in range(2000):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("did not happen within ten seconds")


def test_requests_that_wait_together_are_synced_together_and_none_is_answered_before():
    disk = SlowDisk()

    async def scene() -> None:
        commit = commit_of(disk)
        first = asyncio.create_task(commit.land([b"a"]))
        await until(lambda: commit.state.queued_lines == 1 and not commit._waiting)
        others = [asyncio.create_task(commit.land([b"%d" % n])) for n in range(5)]
        await until(lambda: len(commit._waiting) == 5)
        assert not any(task.done() for task in (first, *others))
        disk.is_let.set()
        await asyncio.gather(first, *others)
        commit.close()

    asyncio.run(scene())
    assert disk.groups == [[b"a"], [b"0", b"1", b"2", b"3", b"4"]]
    assert disk.closed == 1


def test_beyond_the_bound_senders_are_told_to_come_back_and_what_waits_is_kept():
    disk = SlowDisk()
    line = framed(b"x" * 91)

    async def scene() -> None:
        commit = commit_of(disk, max_queued=2 * len(line))
        waiting = [asyncio.create_task(commit.land([b"x" * 91])) for _ in range(2)]
        await until(lambda: commit.state.queued_lines == 2)
        with pytest.raises(Refusal) as told:
            await commit.land([b"x" * 91])
        assert (told.value.reason, told.value.retry_after_seconds) == (Reason.BUSY, 2)
        disk.is_let.set()
        await asyncio.gather(*waiting)
        await commit.land([b"x" * 91])
        assert (commit.state.queued_bytes, commit.state.lines) == (0, 3)
        commit.close()

    asyncio.run(scene())
    assert sum(map(len, disk.groups)) == 3


def test_a_disk_that_fails_is_told_and_the_next_group_goes_on():
    disk = SlowDisk(failures=[OSError(errno.ENOSPC, "No space left on device")])
    disk.is_let.set()

    async def scene() -> None:
        commit = commit_of(disk)
        with pytest.raises(Refusal) as told:
            await commit.land([b"lost"])
        assert told.value.reason is Reason.UNAVAILABLE
        assert commit.state.is_failing
        await commit.land([b"kept"])
        assert (commit.state.is_failing, commit.state.failures) == (False, 1)
        commit.close()
        with pytest.raises(Refusal, match="stopping"):
            await commit.land([b"late"])

    asyncio.run(scene())
    assert disk.groups == [[b"kept"]]


def test_bodies_in_memory_are_bounded_and_room_comes_back():
    reception = Reception(Senders({}, {}), GroupCommit(SlowDisk(), 1, 1), SteppingClock())
    with reception.reading(MAX_READING_BYTES - 1):
        with reception.reading(1):
            pass
        with pytest.raises(Refusal) as told, reception.reading(2):
            pass
    assert told.value.reason is Reason.BUSY
    with reception.reading(MAX_READING_BYTES + 1):  # alone, one may be as large as its vendor allows
        pass


@pytest.mark.parametrize("asked", [False, True])
def test_a_file_is_closed_when_it_is_old_enough_or_asked_for(asked):
    disk = SlowDisk()
    disk.is_let.set()

    async def scene() -> None:
        commit = commit_of(disk, rotate_seconds=60 if asked else 0.01)
        await commit.land([b"a"])
        disk.is_asked_to_close = asked
        await until(lambda: disk.closed == 1)
        commit.close()

    asyncio.run(scene())
