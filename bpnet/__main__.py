"""``python -m bpnet``, the same as ``bpnet``."""

import sys

from bpnet.cli import main

sys.exit(main())
