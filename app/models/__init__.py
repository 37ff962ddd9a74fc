"""Values that the parts of the application hand to each other."""
