"""Sealing and hashing of secrets."""
