"""Who is measured: one process each, told what to do on stdin, answering on stdout."""
