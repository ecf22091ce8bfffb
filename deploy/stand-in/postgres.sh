#!/bin/sh
# postgres.sh COMMAND: what compose.yaml asks of PostgreSQL's image: on an empty folder the cluster and the database, then the command.
set -eu
if [ "$1" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
    chmod 0700 "$PGDATA"
    # Several words, as the image has them.
    # shellcheck disable=SC2086
    initdb --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" $POSTGRES_INITDB_ARGS
    pg_ctl --options="-c listen_addresses=''" --wait start
    PGPASSWORD=$(cat "$POSTGRES_PASSWORD_FILE") createdb --username="$POSTGRES_USER" "$POSTGRES_DB"
    pg_ctl --mode=fast --wait stop
fi
exec "$@"
