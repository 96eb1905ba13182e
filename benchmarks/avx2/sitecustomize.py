"""Every Python that starts with this folder in PYTHONPATH has XNNPACK as where there is AVX2 only.

    PYTHONPATH=benchmarks/avx2 python benchmarks/float_forms.py PICTURES MODEL.tflite ...
    PYTHONPATH=benchmarks/avx2 python benchmarks/peers.py CONFIG PYTHON

For a processor that has more, such as AVX-512. XNNPACK chooses its kernels by flags that it fills in
once a process. They are filled in here, found through the symbols of the library (`nm` of binutils), and
cut to those up to AVX2; where that does not succeed the process ends. Speeds stay this processor's: what
counts are ratios. Written for ai-edge-litert 2.3 and MediaPipe 1.2 on x86-64.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

LIBRARIES = "libpywrap_litert_common.so", "libmediapipe.so"
SYMBOL = "xnn_init_hardware_config"
UP_TO_AVX2 = 0xFF
"""The eight lowest flags, of which AVX2 is the highest: the kernels then chosen are named after it."""
WORDS = 2
"""The flags are in the first 64-bit word that holds more than these, of so many."""


def main() -> None:
    """Do it."""
    load()
    lines = [line.split() for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()]
    mapped = [
        (int(each[0].split("-")[0], 16), each[-1]) for each in lines if each[-1].endswith(LIBRARIES)
    ]
    if not mapped:
        return  # a Python that computes nothing
    base, file = min(mapped)
    nm = shutil.which("nm") or stop("nm is missing: install binutils")
    told = subprocess.run([nm, file], capture_output=True, text=True, check=True).stdout
    found = [line.split()[0] for line in told.splitlines() if line.endswith(f" {SYMBOL}")]
    if not found:
        stop(f"{file} does not tell where {SYMBOL} is")
    fill_in = ctypes.CFUNCTYPE(ctypes.c_void_p)(base + int(found[0], 16))
    words = (ctypes.c_uint64 * WORDS).from_address(fill_in())
    place = next((number for number, word in enumerate(words) if word > UP_TO_AVX2), None)
    if place is None:
        stop("the processor has no more than AVX2, or its flags are elsewhere")
    else:
        words[place] &= UP_TO_AVX2


def load() -> None:
    """Load the library that this Python has."""
    try:
        import ai_edge_litert.interpreter  # noqa: F401, PLC0415
    except ImportError:
        try:
            from mediapipe.tasks.python.core import mediapipe_c_bindings  # noqa: PLC0415
        except ImportError:
            return
        mediapipe_c_bindings.load_raw_library()


def stop(problem: str) -> str:
    """End the process: an error in this module alone would only be printed."""
    sys.stderr.write(f"benchmarks/avx2: {problem}\n")
    os._exit(1)


main()
