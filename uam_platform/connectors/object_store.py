"""Files of an archive on S3, an S3-compatible store or a local folder, listed and fetched whole.

Here: opening the store, listing, downloading with retries, and classifying the store's failures. Not here: what is inside
a file (`json_lines`, `dropped_files`), which files are new (`segment`, `dropped_files`).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from uam_platform.connectors.errors import ConnectorError, PermanentError, TransientError
from uam_platform.connectors.retry import Retry

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

_BLOCK_BYTES: Final = 8 << 20
_REFUSED: Final = (
    "ACCESS_DENIED",
    "INVALID_ACCESS_KEY",
    "INVALID_CLIENT_TOKEN",
    "NO_SUCH_BUCKET",
    "SIGNATURE_DOES_NOT_MATCH",
    "INVALID_SIGNATURE",
    "UNRECOGNIZED_CLIENT",
    "MISSING_AUTHENTICATION_TOKEN",
    "HTTP status 403",
    "HTTP status 401",
)


@dataclass(frozen=True)
class StoreAddress:
    """Where an archive lies.

    Attributes:
        url: s3://bucket/prefix, or a folder.
        endpoint: http(s)://host:port of an S3-compatible store; AWS when absent.
        access_key: key id; AWS's own credential chain when absent.
        secret_key: its secret.
        region: AWS region.
        setting: beginning of the names of its settings, for messages.
        url_setting: setting that holds the url, where it is not called `<setting>_ARCHIVE_URL`.
    """

    url: str
    endpoint: str | None = None
    access_key: str | None = None
    secret_key: str | None = field(default=None, repr=False)
    region: str = "us-east-1"
    setting: str = "UAM_SEGMENT"
    url_setting: str | None = None

    @property
    def named(self) -> str:
        """Name of the setting that holds the url."""
        return self.url_setting or f"{self.setting}_ARCHIVE_URL"


@dataclass(frozen=True)
class StoredObject:
    """One file of the archive: key relative to the archive's root, size in bytes, last change in epoch nanoseconds."""

    key: str
    size: int
    modified_ns: int = 0


class ObjectStore:
    """Reads one archive.

    Args:
        address: where it lies.
        where: name for messages.
        retry: patience with transient failures.
        progress: told about every wait.

    Raises:
        PermanentError: the address is no usable one.
    """

    def __init__(self, address: StoreAddress, where: str, retry: Retry, progress: Callable[[str], None]) -> None:
        self._address, self._where, self._retry, self._progress = address, where, retry, progress
        self._files, self._root = _open(address, where)

    def list(self, suffix: str | tuple[str, ...]) -> list[StoredObject]:
        """All files below the archive's root whose name ends with `suffix` or one of them, by key.

        Raises:
            TransientError: the store cannot be reached.
            PermanentError: no such archive, or access is refused.
        """
        from pyarrow.fs import FileSelector, FileType

        found = self._tried(lambda: self._files.get_file_info(FileSelector(self._root, recursive=True)))
        objects = [
            StoredObject(info.path[len(self._root) :].lstrip("/"), info.size, info.mtime_ns or 0)
            for info in found
            if info.type == FileType.File and info.path.endswith(suffix)
        ]
        return sorted(objects, key=lambda item: item.key)

    def look(self) -> str:
        """What lies at the top of the archive, for `uam doctor`: one listing, nothing is read.

        Raises:
            TransientError: the store cannot be reached.
            PermanentError: no such archive, or access is refused.
        """
        from pyarrow.fs import FileSelector

        found = self._tried(lambda: self._files.get_file_info(FileSelector(self._root, recursive=False)))
        return (
            f"archive may be listed; {len(found):,} names at its top"
            if found
            else "archive may be listed; nothing lies there yet"
        )

    def fetch(self, item: StoredObject, target: Path) -> None:
        """Copy one file; a cut or short copy is fetched again and never left behind.

        Raises:
            TransientError: the file could not be read whole.
            PermanentError: access is refused, or the file is gone.
        """
        target.parent.mkdir(parents=True, exist_ok=True)
        self._tried(lambda: self._copy(item, target))

    def _copy(self, item: StoredObject, target: Path) -> None:
        partial = target.with_name(target.name + ".partial")
        with (
            self._files.open_input_stream(f"{self._root}/{item.key}", compression=None) as stream,
            partial.open("wb") as out,
        ):
            while block := stream.read(_BLOCK_BYTES):
                out.write(block)
        copied = partial.stat().st_size
        if copied != item.size:
            raise TransientError(f"{self._where} {item.key}", f"the download was cut at {copied} of {item.size} bytes")
        partial.replace(target)

    def _tried(self, action: Callable[[], Any]) -> Any:
        return self._retry.call(lambda: self._classified(action), self._progress)

    def _classified(self, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except FileNotFoundError as error:
            advice = f"Check {self._address.named}: bucket and prefix, or the folder."
            raise PermanentError(self._where, f"not found ({error})", advice) from None
        except PermissionError as error:
            raise PermanentError(
                self._where, f"may not be read ({error})", "Give this user the right to read it."
            ) from None
        except OSError as error:
            raise _of_store(error, self._where, self._address.setting) from None


def _open(address: StoreAddress, where: str) -> "tuple[FileSystem, str]":
    from pyarrow.fs import AwsStandardS3RetryStrategy, LocalFileSystem, S3FileSystem

    if not address.url.startswith("s3://"):
        if "://" in address.url and not address.url.startswith("file://"):
            advice = f"Write s3://bucket/prefix or a folder into {address.named}."
            raise PermanentError(where, f"{address.url!r} is no known kind of address", advice)
        return LocalFileSystem(), str(Path(address.url.removeprefix("file://")).absolute())
    endpoint = urlsplit(address.endpoint or "")
    options: dict[str, Any] = {"region": address.region, "retry_strategy": AwsStandardS3RetryStrategy(max_attempts=2)}
    if address.endpoint:
        options |= {"endpoint_override": endpoint.netloc or address.endpoint, "scheme": endpoint.scheme or "https"}
    if address.access_key:
        options |= {"access_key": address.access_key, "secret_key": address.secret_key}
    return S3FileSystem(connect_timeout=20, request_timeout=60, **options), address.url.removeprefix("s3://").rstrip(
        "/"
    )


def _of_store(error: OSError, where: str, setting: str) -> ConnectorError:
    text = " ".join(str(error).split())
    if any(word in text for word in _REFUSED):
        action = f"Check bucket, region, access key and secret ({setting}_*), and the key's right to list and read."
        return PermanentError(where, text, action)
    return TransientError(where, text)
