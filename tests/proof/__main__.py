"""`python -m tests.proof [subject …]`: prove, print the table, write build/proof.json.

Exits 1 if a promise was broken, or if a control kept it.
"""

import signal
import sys

from tests.proof import runner

if __name__ == "__main__":
    # A stop from outside ends like Ctrl-C: through the finalizers, which stop what was started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(runner.main(sys.argv[1:]))
