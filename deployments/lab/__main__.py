"""Look at one of the lab's servers, restart it, or stop it."""

import sys

from deployments.lab.service import main

sys.exit(main())
