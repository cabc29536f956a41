"""The axes on which evaluators differ, with their choices, the default first. `Convention` says what each means."""

AXES = {
    "absent": ("skip", "zero", "one", "undefined", "skip-image"),
    "pred_only": ("zero", "skip"),
    "pred_void": ("miss", "drop", "error"),
    "unknown": ("error", "miss", "drop"),
    "gt_unknown": ("error", "drop", "drop-fp"),
    "ignored_class": ("leave-out", "keep", "miss"),
    "average": ("dataset", "image", "class-image", "image-class", "micro", "image-micro", "weighted"),
}
MISSING_CHOICES = ("error", "skip", "miss")
LIST_SUFFIXES = (".txt", ".lst", ".list", ".csv")
"""What the name of a list of keys ends with; any other value of --keys is a glob."""
