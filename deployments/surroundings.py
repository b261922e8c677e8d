"""What a server of ours needs from the person's shell: neither the approvers' secrets nor the systems' URLs."""

from __future__ import annotations

import os

# By their beginning: where programs, libraries and certificates are, language and time, and how Prefect is tuned.
NEEDED = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "LC_",
    "TZ",
    "TMP",
    "LD_LIBRARY_PATH",
    "DYLD_",
    "SSL_CERT_",
    "PYTHON",
    "VIRTUAL_ENV",
    "PREFECT_",
)


def withheld() -> dict[str, str | None]:
    """Every other variable of this process, to be unset.

    Prefect's server speaks to whoever reaches its port: a fault in it must not open what only workers need.
    """
    return {name: None for name in os.environ if not name.startswith(NEEDED)}
