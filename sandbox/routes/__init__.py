"""The sandbox's routes, one module per subject."""
