"""`make faults`: the fault tests at full size, with the ones that take too long for the suite.

python -m tests.faults [--contacts 20000] [--kills 25]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--contacts", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=25)
    options = parser.parse_args()
    os.environ |= {"FAULTS_MESSAGES": str(options.contacts), "FAULTS_KILLS": str(options.kills)}
    sys.exit(subprocess.call([sys.executable, "-m", "pytest", "tests/faults", "-q", "-p", "no:cacheprovider"]))
