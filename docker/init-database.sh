#!/usr/bin/env bash
# Creates the database and its two roles, when the container creates a new database cluster. Neither may do anything else
# on the server.
#
# notification_owner owns the database and migrates it. notification_user is the role of the programs: it reads and writes
# rows, and may not change the schema or the audit log (docs/AUDIT.md).
set -euo pipefail
psql -v ON_ERROR_STOP=1 -v owner="$POSTGRES_OWNER_PASSWORD" -v programs="$POSTGRES_PROGRAMS_PASSWORD" \
    -U "${POSTGRES_USER:-postgres}" -d postgres <<'SQL'
CREATE ROLE notification_owner LOGIN PASSWORD :'owner' NOSUPERUSER NOCREATEDB NOCREATEROLE;
CREATE ROLE notification_user LOGIN PASSWORD :'programs' NOSUPERUSER NOCREATEDB NOCREATEROLE;
CREATE DATABASE notification_db OWNER notification_owner;
REVOKE CONNECT ON DATABASE notification_db FROM PUBLIC;
GRANT CONNECT ON DATABASE notification_db TO notification_user;
\connect notification_db
ALTER DEFAULT PRIVILEGES FOR ROLE notification_owner
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO notification_user;
SQL
