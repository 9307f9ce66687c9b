"""Fixtures of the browser tests: one server and one browser for each process, one page and one kernel for each."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from tests.architecture import ROOT
from tests.browser.first import FIRST, First
from tests.browser.jupyterlab import CHROMIUM_FLAGS, Lab, Server, find_chromium
from tests.browser.pages import SHOWN, open_explorer

VIEWPORT = {"width": 1280, "height": 1000}


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """A JupyterLab server on loopback."""
    with Server(tmp_path_factory.mktemp("jupyter")) as running:
        yield running


@pytest.fixture(scope="session")
def chromium():
    """A headless Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def lab(request, server, chromium):
    """A page of JupyterLab, whose kernel and page must report no error while the test runs.

    `@pytest.mark.browser_context(has_touch=True, device_scale_factor=2)` changes the page's context;
    `@pytest.mark.expects_kernel_error` says that errors are the point of the test, which then must provoke one.
    """
    marker = request.node.get_closest_marker("browser_context")
    options = {"viewport": VIEWPORT} | (marker.kwargs if marker else {})
    pictures = Path(os.environ.get("LATENT_WIDGETS_SCREENSHOTS", ROOT / "build" / "screenshots"))
    name = re.sub(r"\W+", "-", request.node.name.removeprefix("test_")).strip("-")
    opened = Lab(server, chromium.new_context(**options), name, pictures)
    try:
        yield opened
        if request.node.stash.get(FAILED, False):
            opened.screenshot("failed")
        if request.node.get_closest_marker("expects_kernel_error"):
            opened.eventually(lambda: opened.errors)
        else:
            opened.check()
    finally:
        opened.close()


@pytest.fixture
def first(lab):
    """A default explorer in a window of 1280 x 800, at rest."""
    lab.page.set_viewport_size({"width": 1280, "height": 800})
    parts = open_explorer(lab, First, (SHOWN, FIRST))
    parts.panel.locator(".lw-walk button").nth(6).wait_for()
    parts.calm()
    return parts


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Tell the fixtures whether the test itself failed."""
    report = yield
    if call.when == "call":
        item.stash[FAILED] = report.failed
    return report
