"""Beginning, completing and ending connections, and the tokens they live by."""
