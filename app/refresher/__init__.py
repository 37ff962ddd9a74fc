"""Keeping every token alive: a token lives a minute and only it can renew itself."""
