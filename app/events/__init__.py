"""Telling the operator's own programs what happened, by webhooks (www.standardwebhooks.com)."""
