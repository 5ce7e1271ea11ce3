"""`python -m tests.fakes.alpaca`: see `command`. Ctrl-C while it loads ends it without a word."""

import sys

from flows.entry import interruptible, loading

if __name__ == "__main__":
    with interruptible():
        with loading():
            from tests.fakes.alpaca.command import main
        sys.exit(main(sys.argv[1:]))
