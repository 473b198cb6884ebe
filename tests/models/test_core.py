"""The process outlives signals, whatever becomes of its models."""

import subprocess
import sys

import pytest

PROGRAM = """
import os, signal, threading
import openvino as ov
from openvino import opset15 as op
from search_by_image.models.runtime import CompiledModel, RuntimeSettings

def compiled():
    image = op.parameter([1, 4, 5, 3], ov.Type.u8, name="image")
    return CompiledModel(ov.Model([op.result(op.relu(op.convert(image, "f32")))], [image]), RuntimeSettings())

signal.signal(signal.SIGUSR1, lambda *_: print("heard"))
models = [compiled(), compiled()]
{end}
os.kill(os.getpid(), signal.SIGUSR1)
"""
ENDS = {
    "the older first": "models.pop(0); models.pop()",
    "the younger first": "models.pop(); models.pop()",
    "in another thread": "thread = threading.Thread(target=models.clear); thread.start(); thread.join()",
    "never": "pass",
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_signal_is_heard_after_models_ended(end):
    program = PROGRAM.format(end=end)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "heard\n", "")
