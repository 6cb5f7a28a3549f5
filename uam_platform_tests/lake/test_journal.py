"""Laws of the journal: what was committed is read back, whatever follows it on disk; nothing else ever appears."""

import errno
import os
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from uam_platform.lake import journal
from uam_platform.lake.journal import JournalInUseError, JournalWriter, closed_files, framed, held, lines, recover


def writer(folder: Path, max_bytes: int = 1 << 20) -> JournalWriter:
    folder.mkdir(parents=True, exist_ok=True)
    numbers = count(len(list(folder.iterdir())))
    return JournalWriter(folder, lambda: f"f{next(numbers):04d}", max_bytes)


def texts(folder: Path) -> list[bytes]:
    return [line.text for path in closed_files(folder) for line in lines(path) if line.is_whole]


def open_file(folder: Path) -> Path:
    (path,) = folder.glob("*.open")
    return path


TEXT = st.binary(max_size=60).map(lambda raw: raw.replace(b"\n", b"."))


@settings(max_examples=60, deadline=None)
@given(groups=st.lists(st.lists(TEXT, min_size=1, max_size=4), min_size=1, max_size=5), tail=st.binary(max_size=40))
def test_after_a_kill_every_committed_line_is_read_and_the_torn_tail_is_cut(tmp_path_factory, groups, tail):
    folder = tmp_path_factory.mktemp("journal")
    one = writer(folder)
    for group in groups:
        one.commit(b"".join(map(framed, group)))
    with open_file(folder).open("ab") as handle:  # what the kill left half written
        handle.write(b"0000" + tail.replace(b"\n", b"x"))
    recover(folder)
    assert texts(folder) == [text for group in groups for text in group]
    assert [path.read_bytes()[:4] for path in folder.glob("*.torn")] == [b"0000"]


def test_a_tail_torn_at_any_byte_never_gives_half_a_line(tmp_path):
    whole = framed(b'{"a": 1}') + framed(b'{"b": 2}')
    for cut in range(len(whole) + 1):
        folder = tmp_path / str(cut)
        folder.mkdir()
        (folder / "x.open").write_bytes(whole[:cut])
        recover(folder)
        assert texts(folder) == [b'{"a": 1}', b'{"b": 2}'][: whole[:cut].count(b"\n")]


def test_a_damaged_line_in_a_closed_file_is_told_with_its_bytes_and_the_others_are_read(tmp_path):
    one = writer(tmp_path)
    one.commit(framed(b"first") + framed(b"second") + framed(b"third"))
    path = one.rotate()
    path.write_bytes(path.read_bytes().replace(b"second", b"secand"))
    found = list(lines(path))
    assert [line.is_whole for line in found] == [True, False, True]
    assert found[1].text.endswith(b"secand")


def test_files_are_closed_at_their_size_and_read_in_order(tmp_path):
    one = writer(tmp_path, max_bytes=30)
    for n in range(6):
        one.commit(framed(b"line %d" % n))
    one.rotate()
    assert len(closed_files(tmp_path)) == 3
    assert texts(tmp_path) == [b"line %d" % n for n in range(6)]


@pytest.mark.parametrize("failing", ["write", "fdatasync"])
def test_a_group_that_the_disk_did_not_take_never_appears_and_the_next_one_does(tmp_path, monkeypatch, failing):
    one = writer(tmp_path)
    one.commit(framed(b"before"))
    whole = getattr(os, failing)

    def full(handle, *data):
        if failing == "write":
            whole(handle, bytes(data[0])[:9])  # half of it reached the disk
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(journal.os, failing, full)
    with pytest.raises(OSError, match="No space"):
        one.commit(framed(b"refused"))
    monkeypatch.undo()
    one.commit(framed(b"after"))
    one.rotate()
    assert texts(tmp_path) == [b"before", b"after"]
    assert not list(tmp_path.glob("*.open"))


def test_a_folder_has_one_writer_and_one_reader(tmp_path):
    with (
        held(tmp_path, "writer"),
        held(tmp_path, "reader"),
        pytest.raises(JournalInUseError, match="another process is its writer"),
        held(tmp_path, "writer"),
    ):
        pass
    with held(tmp_path, "writer"):
        pass
