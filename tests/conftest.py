"""Settings that all tests share."""

from hypothesis import settings

# Machines are shared and slow at times: what a property needs is examples, not a deadline for each.
settings.register_profile("segeval", deadline=None)
settings.load_profile("segeval")
