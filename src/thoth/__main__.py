"""`python -m thoth` is the `thoth` command."""

from __future__ import annotations

from thoth.cli.main import main

if __name__ == "__main__":
    main()
