"""Two classes of the demo's photos, 32 pictures, as docs/training.md tells; killed once on its way."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from search_by_image.training.checkpoints import load

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3000)]


def test_a_killed_training_goes_on_and_recall_rises_or_it_says_so(tmp_path, demo):
    for kind in ("cat", "dog"):
        (tmp_path / "set" / kind).mkdir(parents=True)
        for file in sorted((demo.photos / kind).glob("*.jpg"))[:16]:
            shutil.copy(file, tmp_path / "set" / kind)
    words = ("models", "train", "set", "--base", "efficientnet-lite0", "--out", "run", "--name", "pets")
    command = [sys.executable, "-m", "search_by_image", *words, "--held-out", "0.5"]
    environ = {**os.environ, "SEARCH_BY_IMAGE__MODELS__PATH": "models"}
    with subprocess.Popen(command, cwd=tmp_path, env=environ) as child:
        _wait_for(tmp_path / "run" / "checkpoint.pt")
        child.send_signal(signal.SIGKILL)
    stopped_at = load(tmp_path / "run" / "checkpoint.pt")["progress"]
    assert stopped_at["history"]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=True)
    print(done.stderr)
    progress = load(tmp_path / "run" / "checkpoint.pt")["progress"]
    assert progress["history"][: len(stopped_at["history"])] == stopped_at["history"]
    rose = progress["best"][0] > progress["before"]["recall_at_1"]
    assert ("pictures rose" if rose else "did not rise") in done.stderr
    assert progress["best"][1] > progress["before"]["mean_average_precision"]
    assert (tmp_path / "models" / "pets" / "model.json").is_file()


def _wait_for(file: Path) -> None:
    while not file.is_file():
        time.sleep(0.1)
