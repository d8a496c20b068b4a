"""How hypothesis tries the core."""

from hypothesis import settings

# a deadline would fail tests on a busy machine
settings.register_profile("core", deadline=None, max_examples=50)
settings.load_profile("core")
