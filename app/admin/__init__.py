"""Administration: who may do it, and what an operator can look up."""
