"""Runs the sandbox from the command line: `python -m uam_platform.simulation.sandbox --company DIR --state DIR`.

Belongs here: options. Does not belong here: anything that serves (`server.py`).
"""

import argparse
from pathlib import Path

from uam_platform.simulation.sandbox.faults import FaultPlan
from uam_platform.simulation.sandbox.jira import INDEX_LAG_SECONDS
from uam_platform.simulation.sandbox.server import DEFAULT_PORT, INCREMENTAL_PER_MINUTE, serve


def main() -> None:
    """Read the options and serve until interrupted."""
    parser = argparse.ArgumentParser(description="Serve a simulated company through its vendors' APIs on loopback.")
    parser.add_argument("--company", type=Path, required=True, help="the company/ folder a simulation wrote")
    parser.add_argument(
        "--state", type=Path, required=True, help="folder for the prepared archive and received messages"
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="0 for any free port")
    parser.add_argument("--port-file", type=Path, help="file to write the bound port to")
    parser.add_argument("--faults", default="[]", help="faults pending from the start, as JSON")
    parser.add_argument(
        "--incremental-per-minute",
        type=int,
        default=INCREMENTAL_PER_MINUTE,
        help="limit of Zendesk's incremental exports (really 10; raise it for a quick demo)",
    )
    parser.add_argument(
        "--jira-index-lag",
        type=float,
        default=INDEX_LAG_SECONDS,
        help="seconds until Jira's search knows a new issue",
    )
    parser.add_argument("--now", type=int, help="epoch seconds of the sandbox clock; by default the end of the world")
    parser.add_argument("--logs", action="store_true", help="write the backend's logs into the bucket of exports")
    options = parser.parse_args()
    serve(
        options.company,
        options.state,
        options.host,
        options.port,
        FaultPlan.from_json(options.faults),
        incremental_per_minute=options.incremental_per_minute,
        jira_index_lag_seconds=options.jira_index_lag,
        now=options.now,
        has_logs=options.logs,
        port_file=options.port_file,
    )


if __name__ == "__main__":
    main()
