"""OpenVINO's core, opened so that the process outlives signals."""

from concurrent.futures import ThreadPoolExecutor
from typing import Final

import openvino as ov

DEVICE: Final = "CPU"


def open_core() -> ov.Core:
    """A core whose CPU plug-in is loaded.

    The plug-in gives the thread that loads it a stack for signals and unmaps it when the core ends, but takes it from
    that thread only where the thread ends the core itself and no younger core was opened there. What is left is a stack
    that is no more, and the next signal, Ctrl-C or SIGTERM, ends the process by SIGSEGV (OpenVINO 2026.4,
    `SigAltStackSetup` in its intel_cpu plug-in). So a thread loads it that has nothing else to do.
    """
    with ThreadPoolExecutor(1, "openvino") as thread:
        return thread.submit(_load).result()


def _load() -> ov.Core:
    core = ov.Core()
    core.get_property(DEVICE, "FULL_DEVICE_NAME")
    return core
