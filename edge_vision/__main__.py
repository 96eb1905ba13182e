"""`python -m edge_vision` is the command `edge-vision`."""

import sys

from edge_vision.service.cli import main

sys.exit(main())
