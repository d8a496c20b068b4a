"""How hypothesis tries traces."""

from hypothesis import settings

settings.register_profile("traces", deadline=None, max_examples=25)
settings.load_profile("traces")
