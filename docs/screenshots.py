"""Takes the pictures of the tour: pages of the Dagster UI and of reports, after `make demo`.

Here: which pages, at which size, and what to wait for. Not here: the tour's text (`tour.md`).
Called by `make screenshots`, with an interpreter that has playwright; the browser is Debian's chromium (`apt-get install chromium`).
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parents[1]
IMAGES = PROJECT / "docs" / "images"
BINARIES = PROJECT / ".venv" / "bin"
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]


@dataclass(frozen=True)
class Page:
    """One picture.

    Attributes:
        name: of the file, without ending.
        address: path below the UI's root, or a command of `uam` that writes the page to the file it is given.
        wait_for: text that must be on the page before the picture is taken.
        click: text that is clicked first, e.g. to open a plot.
        height: of the window in pixels.
    """

    name: str
    address: str
    wait_for: str
    click: str = ""
    height: int = 950


ASSET = "/assets/{}?view=overview"
PLOT = "[Show Markdown]"
UI_PAGES = (
    Page("asset_graph", "/asset-groups", "playbooks", height=800),
    Page("catalog", "/assets", "account_features"),
    Page("jobs", "/jobs", "snapshots"),
    Page("sensor", "/automation", "outbox"),
    Page("asset_detail", ASSET.format("churn/model_card"), "model_card", height=1300),
    Page("revenue_at_risk", ASSET.format("kpis/revenue_at_risk"), "revenue_at_risk", PLOT),
    Page("transitions", ASSET.format("behavior/transitions"), "transitions", PLOT),
    Page("sequences", ASSET.format("behavior/sequence_matches"), "sequence_matches", PLOT),
    Page("journeys", ASSET.format("behavior/journeys"), "journeys", PLOT),
    Page("statements", ASSET.format("evidence/statements"), "statements", height=1600),
    Page("volume_plot", ASSET.format("staging/load_reconciliation"), "load_reconciliation", PLOT),
    Page("check", "/assets/staging/load_reconciliation?view=checks", "rows_add_up"),
    Page("alert_state", ASSET.format("alerts/alert_state"), "alert_state", height=1400),
    Page("runs", "/runs", "snapshots"),
)


def main() -> None:
    """Take every picture, or those that are named."""
    from playwright.sync_api import sync_playwright

    options = argparse.ArgumentParser(description=main.__doc__)
    options.add_argument("names", nargs="*", help="pictures to take; all when none is named")
    options.add_argument("--url", help="a UI that runs already; one is started when not given")
    given = options.parse_args()
    chromium = shutil.which("chromium") or sys.exit("chromium is not installed: apt-get install chromium")
    wanted = set(given.names)
    IMAGES.mkdir(exist_ok=True)
    with sync_playwright() as driver, running_ui(given.url) as root:
        browser = driver.chromium.launch(executable_path=chromium, args=FLAGS)
        for page in UI_PAGES:
            if not wanted or page.name in wanted:
                take(browser, f"{root}{page.address}", page)
        for page, path in report_pages():
            if not wanted or page.name in wanted:
                take(browser, path.as_uri(), page)
        browser.close()


def take(browser, address: str, page: Page) -> None:
    """One picture, a new tab for it; a page that does not show its text in time is an error that names it."""
    tab = browser.new_page(viewport={"width": 1500, "height": page.height})
    tab.goto(address)
    try:
        tab.get_by_text(page.wait_for).first.wait_for(timeout=60_000)
        tab.wait_for_load_state("networkidle", timeout=20_000)
    except Exception as error:
        print(
            f"{page.name}: {page.wait_for!r} did not appear or the page did not come to rest ({type(error).__name__})"
        )
    if page.click:
        tab.get_by_text(page.click).first.click()
    tab.wait_for_timeout(2_500)
    tab.screenshot(path=IMAGES / f"{page.name}.png")
    tab.close()
    print(f"{page.name}: {address}")


def report_pages() -> Iterator[tuple[Page, Path]]:
    """Pages that commands write: the weekly pack, and worksheet and timeline of the account with most at stake."""
    folder = PROJECT / "data" / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    pack = uam("review", "--open-path").strip()
    if pack:
        yield Page("product_risk_pack", "", "risk", height=1800), Path(pack)
    account = worst_account()
    for name in ("worksheet", "timeline"):
        path = folder / f"{name}.html"
        uam(name, account, "--html", str(path))
        yield Page(name, "", account, height=1500), path


def worst_account() -> str:
    """The account with the most revenue at risk in the latest snapshot."""
    query = "FROM kpis.revenue_at_risk SELECT account_id ORDER BY as_of DESC, revenue_at_risk_usd_cents DESC LIMIT 1"
    code = (
        f"import duckdb; print(duckdb.connect('data/demo/uam.duckdb', read_only=True).execute({query!r}).fetchone()[0])"
    )
    done = subprocess.run([BINARIES / "python", "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def uam(*words: str) -> str:
    """Standard output of a command on the demo's run."""
    done = subprocess.run(
        [BINARIES / "uam", *words, "--run", "data/demo"], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"uam {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


@contextmanager
def running_ui(url: str | None) -> Iterator[str]:
    """A Dagster webserver on the demo's instance, or the one that is named."""
    if url:
        yield url.rstrip("/")
        return
    variables = dict(os.environ, DAGSTER_HOME=str(PROJECT), PYTHONWARNINGS="ignore")
    lines = (PROJECT / "data" / "demo.env").read_text(encoding="utf-8").splitlines()
    variables |= dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    command = [BINARIES / "dagster-webserver", "-w", "workspace.yaml", "-p", "3939"]
    server = subprocess.Popen(command, cwd=PROJECT, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for("http://127.0.0.1:3939/server_info", server)
        yield "http://127.0.0.1:3939"
    finally:
        server.terminate()
        server.wait(timeout=30)


def wait_for(address: str, server: "subprocess.Popen[bytes]") -> None:
    """Until the address answers; at most three minutes."""
    until = time.monotonic() + 180
    while time.monotonic() < until and server.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(1)
    sys.exit(f"the Dagster webserver does not answer at {address}; does data/demo.env exist (make demo)?")


if __name__ == "__main__":
    main()
