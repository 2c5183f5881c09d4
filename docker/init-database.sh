#!/usr/bin/env bash
# Creates the database and the role of the programs, when the container creates a new database cluster. The role owns the
# database and may do nothing else on the server.
set -euo pipefail
psql -v ON_ERROR_STOP=1 -v password="$POSTGRES_PROGRAMS_PASSWORD" -U "${POSTGRES_USER:-postgres}" -d postgres <<'SQL'
CREATE ROLE notification_user LOGIN PASSWORD :'password' NOSUPERUSER NOCREATEDB NOCREATEROLE;
CREATE DATABASE notification_db OWNER notification_user;
REVOKE CONNECT ON DATABASE notification_db FROM PUBLIC;
SQL
