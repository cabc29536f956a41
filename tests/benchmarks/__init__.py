"""Time segeval beside what people use today; `python -m tests.benchmarks --help` says how."""
