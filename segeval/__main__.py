"""Run segeval as `python -m segeval`."""

from segeval.cli import main

main()
