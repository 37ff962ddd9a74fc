"""How fast and how large: measured side by side, in one run, on this machine."""
