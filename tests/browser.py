"""A real browser, and a Jupyter server for it, for tests that use the course as a person does.

Chromium is Playwright's own where `playwright install chromium` has put one, else the system's. Where there is
none the tests are skipped. Nothing outside the machine is reached: a page that tries is in trouble. Screenshots
are left in `screenshots/` for a person to look at.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Route, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
SCREENSHOTS = ROOT / "screenshots"
SYSTEM_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NO_BROWSER = "no browser: `apt install chromium`, or `.venv/bin/playwright install chromium`"
ELSEWHERE = re.compile(r"^(?:https?|wss?)://(?!127\.0\.0\.1[:/])")
COLAB_BADGE = "https://colab.research.google.com/assets/colab-badge.svg"
BADGE = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="117" height="20"><rect width="117" height="20"/></svg>'
)
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
START_SECONDS = 120
PATIENCE = 120_000  # milliseconds: a machine that does other things as well may be slow
SETTINGS = {  # no question about news, and only the cells in sight are drawn, which takes half the time
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "notebook-extension/tracker": {"windowingMode": "full"},
}

expect.set_options(timeout=PATIENCE)


@contextmanager
def started_browser() -> Iterator[Browser]:
    """Chromium without a window; the test is skipped where there is none."""
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
        path = own if Path(own).is_file() else next(filter(None, map(shutil.which, SYSTEM_BROWSERS)), None)
        if path is None:
            pytest.skip(NO_BROWSER)
        browser = playwright.chromium.launch(executable_path=path, args=["--disable-gpu"])
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Watched:
    """A page, and what went wrong on it: errors in its console, scripts that failed, requests that left."""

    page: Page
    troubles: list[str] = field(default_factory=list)

    def listen(self) -> None:
        """From now on note every trouble."""
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.troubles.append(f"script: {error}"))
        self.page.route(ELSEWHERE, self._stop)

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.troubles.append(f"console: {message.text} ({message.location.get('url', '')})")

    def _stop(self, route: Route) -> None:
        if route.request.url == COLAB_BADGE:  # the one picture that a notebook takes from the network
            route.fulfill(content_type="image/svg+xml", body=BADGE)
            return
        self.troubles.append(f"reaches for {route.request.url}")
        route.abort()

    def shoot(self, name: str, whole: bool = False) -> None:
        """Leave a picture of what is seen now, or of the whole page, in `screenshots/NAME.png`."""
        SCREENSHOTS.mkdir(exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=whole)


@contextmanager
def watched_page(browser: Browser, viewport: dict[str, int] = DESKTOP) -> Iterator[Watched]:
    """A new page that is watched for troubles."""
    context = browser.new_context(viewport=viewport)
    context.set_default_timeout(PATIENCE)
    try:
        watched = Watched(context.new_page())
        watched.listen()
        yield watched
    finally:
        context.close()


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@contextmanager
def jupyter(folder: Path, application: str = "jupyterlab") -> Iterator[str]:
    """JupyterLab, or plain `jupyter_server`, on `folder`, as for a new user; gives its address."""
    private = folder / ".jupyter"
    for plugin, settings in SETTINGS.items():
        path = private / "settings" / "@jupyterlab" / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(settings))
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(private),
        "JUPYTER_DATA_DIR": str(private / "data"),
        "JUPYTERLAB_SETTINGS_DIR": str(private / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(private / "workspaces"),
        "IPYTHONDIR": str(private / "ipython"),
        "PYTHONPATH": str(ROOT),
    }
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    log = folder / "jupyter.log"
    with log.open("w") as out:
        server = subprocess.Popen(
            [
                *(sys.executable, "-m", application, "--no-browser", "--allow-root", f"--port={port}"),
                *("--ServerApp.port_retries=0", "--IdentityProvider.token="),
                *(f"--ServerApp.root_dir={folder}", "--LabApp.expose_app_in_browser=True"),
            ],
            cwd=folder,
            env=environment,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        for _ in range(START_SECONDS * 10):
            with suppress(OSError):
                urllib.request.urlopen(f"{address}/api/status", timeout=5).close()
                break
            assert server.poll() is None, log.read_text()[-3000:]
            time.sleep(0.1)
        yield address
    finally:
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGTERM)  # the server and its kernels
        with suppress(subprocess.TimeoutExpired):
            server.wait(5)
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()
