"""What the attacks cost beside the network alone and beside kept libraries; see README.md here."""

import os

# Read when torch starts: threads that wait must sleep, or their spinning is counted as work.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "0")
