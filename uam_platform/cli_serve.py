"""Commands that keep running until they are stopped: `uam serve`.

Here: arguments and help texts. Not here: the service (`uam_platform.collector`), other commands (`cli`).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import typer

from uam_platform.policy.load import PolicyError


def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 for all, behind a proxy that ends TLS.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 for a free one.")] = 8920,
    folder: Annotated[
        Path | None,
        typer.Option("--dir", help="Folder of the journal; UAM_COLLECTOR_DIR, else collector/ in the data folder."),
    ] = None,
    keys: Annotated[Path | None, typer.Option(help="YAML of who may send; UAM_COLLECTOR_KEYS when absent.")] = None,
) -> None:
    """Receive events over HTTP as Segment, PostHog, Amplitude and Mixpanel do, and signed webhooks; acknowledged means on disk."""
    from uam_platform.collector.command import run
    from uam_platform.collector.keys import read_senders
    from uam_platform.settings import Settings, variables

    settings = Settings()
    path = keys or settings.collector_keys
    if path is None:
        raise PolicyError(
            "uam serve: nobody may send yet; give --keys FILE or set UAM_COLLECTOR_KEYS (see docs/collector.md)"
        )
    run(host, port, folder or settings.collector_folder, read_senders(path, variables()), settings)


COMMANDS: Final[tuple[Callable[..., None], ...]] = (serve,)
