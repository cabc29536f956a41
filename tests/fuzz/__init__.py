"""Mutation fuzzers for all that strangers send: `python -m tests.fuzz masks --count 20000 --seed 0`."""
