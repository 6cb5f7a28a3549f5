"""Sessions and transitions by the clickstream library retentioneering; run by an interpreter that has it installed.

Here: its own calls over a prepared file, timed. Not here: the preparation and the comparison (`clickstream`). Nothing of this
platform is imported: the library brings its own pandas and lives in an environment of its own.
Called, with its tracking switched off, as `python retentioneering_peer.py EVENTS.parquet GAP_SECONDS OUT.json`; the file has path, event
and timestamp, in order.
"""

import json
import resource
import sys
import time


def main(events: str, gap_seconds: str, out: str) -> None:
    """Read, split into sessions, count transitions; write seconds, peak memory and both results."""
    import pandas as pd
    from retentioneering.eventstream import Eventstream

    began, used = time.perf_counter(), time.process_time()
    frame = pd.read_parquet(events)
    stream = Eventstream(frame, schema={"path_cols": ["path"], "event_col": "event", "timestamp_col": "timestamp"})
    split = stream.split_sessions(timeout=f"{gap_seconds}s")
    matrix = split.transition_graph_data(edge_weight="count", path_col="session_id")
    counted = matrix.stack()
    pairs = {
        f"{before}\t{after}": int(count)
        for (before, after), count in counted.items()
        if count > 0 and "path_start" not in (before, after) and "path_end" not in (before, after)
    }
    sessions = int(split.to_dataframe()["session_id"].nunique())
    seconds, cpu = time.perf_counter() - began, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    with open(out, "w", encoding="utf-8") as file:
        measured = {"seconds": seconds, "cpu_seconds": cpu, "peak_bytes": peak}
        json.dump({**measured, "sessions": sessions, "pairs": pairs}, file)


if __name__ == "__main__":
    main(*sys.argv[1:4])
