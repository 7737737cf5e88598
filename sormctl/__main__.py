"""`python -m sormctl`."""

from sormctl.cli import main

main()
