"""A headless Chromium for tests of scripts: none is needed to build the book."""

import re
import shutil
import subprocess

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needed = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed: the book's scripts are not run")

FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--enable-logging=stderr", "--virtual-time-budget=5000")  # fmt: skip


def opened(path, profile, address=""):
    """The page at ``path`` as it stands after its scripts have run; ``profile`` is an empty folder.

    ``address`` is what follows its name, such as ``"?a=b#c"``.

    Raises:
        AssertionError: a script stopped with an error.
    """
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "--dump-dom", path.as_uri() + address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    errors = [line for line in done.stderr.splitlines() if re.search(r"CONSOLE.*(Uncaught|Error)", line)]
    assert not errors, errors
    return done.stdout
