"""Calls of embedded pages to Infobip: what may pass, and how it passes."""
