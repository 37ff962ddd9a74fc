"""All that knows HTTP as a server."""
