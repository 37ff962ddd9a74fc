"""The token endpoint's stand-in: always the same answer, as fast as it can be given."""
