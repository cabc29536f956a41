"""The version: of the distribution, of signatures, of run files."""

__version__ = "0.1.0"
