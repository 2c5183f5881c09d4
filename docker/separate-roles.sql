-- Separates the owner of the database from the role of the programs, as docker/init-database.sh does for a new database. For
-- data that an earlier docker-compose.yml created, in which notification_user owns everything. Run it once, before the
-- other services start:
--
-- docker compose up -d db
-- docker compose exec -T db psql -v owner=owner_password -U postgres notification_db < docker/separate-roles.sql
\set ON_ERROR_STOP on
BEGIN;
CREATE ROLE notification_owner LOGIN PASSWORD :'owner' NOSUPERUSER NOCREATEDB NOCREATEROLE;
REASSIGN OWNED BY notification_user TO notification_owner;
GRANT CONNECT ON DATABASE notification_db TO notification_user;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO notification_user;
ALTER DEFAULT PRIVILEGES FOR ROLE notification_owner
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO notification_user;
-- Entries of the audit log are read and written, and nothing else; and not in a partition directly.
DO $$
DECLARE
    part regclass;
BEGIN
    FOR part IN SELECT relid FROM pg_partition_tree(to_regclass('audit_log')) LOOP
        EXECUTE format('REVOKE ALL ON %s FROM notification_user', part);
    END LOOP;
END
$$;
GRANT SELECT, INSERT ON audit_log TO notification_user;
COMMIT;
