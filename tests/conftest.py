"""Makes the tests' own helpers importable as `tests.<helper>`, however pytest was started."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
