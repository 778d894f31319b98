"""`python -m strongroom`: the command line, where no console script is installed."""

from __future__ import annotations

import sys

from strongroom._cli import main

sys.exit(main())
