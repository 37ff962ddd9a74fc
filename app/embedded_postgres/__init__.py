"""An embedded PostgreSQL for one machine: started with this process, stopped with it.

Under `data_dir` lie `cluster/` (the database), `socket/`, `postgres.log` and three lock files.
The kernel drops a lock when its holder dies, so the locks tell the truth after any crash,
which pids (used anew after a reboot or in a container) do not:

- `start.lock`: one process at a time starts or stops the server;
- `server.lock`: inherited by every process of the server, held while any of them lives;
- `starter.lock`: held by the process that started the server, for as long as it lives.

Who comes second joins the running server, and loses it when the first one stops. A server whose
starter was killed stops by itself on Linux; elsewhere the next start stops it. Postgres refuses
to run as root, so root runs it as another account; where that account cannot reach `data_dir`,
the files are kept under /var/lib/hearth and `data_dir/elsewhere` points to them.
"""

from app.embedded_postgres.errors import EmbeddedPostgresError
from app.embedded_postgres.supervisor import EmbeddedPostgres

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError"]
