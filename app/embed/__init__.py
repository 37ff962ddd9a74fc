"""Embedded pages: who is signed in."""
