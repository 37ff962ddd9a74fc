"""A simulator of Infobip's web interface, OAuth endpoints and API, for development and tests."""
