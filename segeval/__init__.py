"""Score folders of segmentation masks."""

__version__ = "0.1.0"
