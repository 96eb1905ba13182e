"""Another benchmark on a processor that has AVX-512, as if it had AVX2 only.

    python benchmarks/avx2_only.py benchmarks/float_forms.py PICTURES MODEL.tflite ...

XNNPACK chooses its kernels by flags that it fills in once. They are filled in here, found through the
symbols of the runtime's library (`nm` of binutils), and cut to those up to AVX2, before the script runs;
so it works for what computes in that very process. Speeds are this processor's, not those of one that
has AVX2 only: what counts is the ratio of two forms of a model. Written for ai-edge-litert 2 on x86-64.
"""

from __future__ import annotations

import ctypes
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import ai_edge_litert.interpreter  # noqa: F401 - loads the library

LIBRARY, SYMBOL = "libpywrap_litert_common.so", "xnn_init_hardware_config"
FLAGS = 1
"""Which of the 64-bit words of the configuration holds the flags."""
UP_TO_AVX2 = 0xFF
"""The eight lowest, of which AVX2 is the highest: the kernels then chosen are named after it."""


def main() -> None:
    """Do it."""
    mapped = [line.split() for line in Path("/proc/self/maps").read_text().splitlines()]
    starts = [(int(words[0].split("-")[0], 16), words[-1]) for words in mapped if LIBRARY in words[-1]]
    if not starts:
        sys.exit(f"{LIBRARY} is not loaded")
    base, file = min(starts)
    nm = shutil.which("nm") or sys.exit("nm is missing: install binutils")
    symbols = subprocess.run([nm, file], capture_output=True, text=True, check=True).stdout
    found = [line.split()[0] for line in symbols.splitlines() if line.endswith(f" {SYMBOL}")]
    if not found:
        sys.exit(f"{file} does not tell where {SYMBOL} is")
    fill_in = ctypes.CFUNCTYPE(ctypes.c_void_p)(base + int(found[0], 16))
    words = (ctypes.c_uint64 * (FLAGS + 1)).from_address(fill_in())
    words[FLAGS] &= UP_TO_AVX2
    sys.argv = sys.argv[1:]
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
