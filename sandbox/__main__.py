"""``python -m sandbox``: the emulated Commerce Platform as a process."""

from __future__ import annotations

import os
import sys

from .options import BadOptionsError, read_options
from .server import serve


def main() -> int:
    """Serve the sandbox until a signal stops it; return 2 if its options are invalid."""
    try:
        options = read_options(sys.argv[1:], os.environ)
    except BadOptionsError as error:
        sys.stderr.write(f"The sandbox can't start: {error}\n")
        return 2
    serve(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
