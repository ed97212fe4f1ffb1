"""`python -m simulate.cli` is the command `simulate`."""

from simulate.cli import main

main()
