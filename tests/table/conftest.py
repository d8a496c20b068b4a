"""How hypothesis tries tables."""

from hypothesis import settings

# a deadline would fail tests on a busy machine
settings.register_profile("table", deadline=None, max_examples=50)
settings.load_profile("table")
