-- Who changed what: one entry for each action of a caller or an operator, written by the transaction that makes the change.
CREATE TABLE audit_log (
    id          uuid        NOT NULL,
    at          timestamptz NOT NULL DEFAULT now(),
    actor_kind  text        NOT NULL CONSTRAINT audit_log_actor_kind_check
                            CHECK (actor_kind IN ('user', 'service', 'key', 'cli', 'system')),
    actor_id    text        NOT NULL,
    action      text        NOT NULL,
    -- No foreign keys: an entry outlives what it is about.
    target_kind text,
    target_id   text,
    outcome     text        NOT NULL CONSTRAINT audit_log_outcome_check CHECK (outcome IN ('ok', 'refused', 'failed')),
    request_id  text,
    ip          inet,
    user_agent  text,
    details     jsonb       NOT NULL DEFAULT '{}',
    PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);

COMMENT ON TABLE  audit_log             IS 'The audit log: one row for each action. Rows cannot be changed or deleted; a partition is dropped when it is old.';
COMMENT ON COLUMN audit_log.id          IS 'UUIDv7.';
COMMENT ON COLUMN audit_log.at          IS 'When the transaction of the action began.';
COMMENT ON COLUMN audit_log.actor_kind  IS 'user, service or key: a caller of the API; cli: the tool tidings; system: a program by itself.';
COMMENT ON COLUMN audit_log.actor_id    IS 'The subject of the token, the user of the operating system, or the name of the program.';
COMMENT ON COLUMN audit_log.action      IS 'The name of the action, such as template.put.';
COMMENT ON COLUMN audit_log.target_kind IS 'The kind of what the action changes, such as template.';
COMMENT ON COLUMN audit_log.target_id   IS 'Identifies what the action changes, within its kind.';
COMMENT ON COLUMN audit_log.outcome     IS 'ok, refused or failed.';
COMMENT ON COLUMN audit_log.request_id  IS 'The X-Request-Id of the request.';
COMMENT ON COLUMN audit_log.ip          IS 'The address of the client, or of the proxy in front of the API. NULL once it is erased.';
COMMENT ON COLUMN audit_log.user_agent  IS 'The User-Agent of the request, cut to 256 bytes.';
COMMENT ON COLUMN audit_log.details     IS 'What else is to know about the action: a JSON object.';

-- Takes the entries of months without a partition, so that no insert fails.
CREATE TABLE audit_log_default PARTITION OF audit_log DEFAULT;

CREATE INDEX audit_log_actor_idx  ON audit_log (actor_id, id);
CREATE INDEX audit_log_target_idx ON audit_log (target_id, id);
CREATE INDEX audit_log_action_idx ON audit_log (action, id);
-- The addresses to erase.
CREATE INDEX audit_log_ip_idx     ON audit_log (at) WHERE ip IS NOT NULL;

CREATE FUNCTION audit_log_guard() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF to_jsonb(NEW) - '{ip,user_agent,details}'::text[] = to_jsonb(OLD) - '{ip,user_agent,details}'::text[]
           AND (NEW.ip IS NULL OR NEW.ip = OLD.ip)
           AND (NEW.user_agent IS NULL OR NEW.user_agent = OLD.user_agent)
           AND NEW.details IN (OLD.details, OLD.details - 'email') THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION 'entries of the audit log cannot be changed or deleted' USING ERRCODE = 'insufficient_privilege';
END
$$;

COMMENT ON FUNCTION audit_log_guard() IS 'Refuses to change or delete entries, except to erase ip, user_agent and the email in details.';

-- PostgreSQL creates this one on all partitions, too.
CREATE TRIGGER audit_log_unchanged BEFORE UPDATE OR DELETE ON audit_log FOR EACH ROW EXECUTE FUNCTION audit_log_guard();

CREATE FUNCTION audit_log_protect(part regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    granted record;
BEGIN
    -- PostgreSQL does not create a trigger of this kind on partitions.
    EXECUTE format('CREATE TRIGGER audit_log_not_truncated BEFORE TRUNCATE ON %s
                    FOR EACH STATEMENT EXECUTE FUNCTION audit_log_guard()', part);
    FOR granted IN
        SELECT CASE acl.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(acl.grantee)) END AS role_name,
               bool_or(acl.privilege_type = 'SELECT' AND class.relkind = 'p') AS may_select,
               bool_or(acl.privilege_type = 'INSERT' AND class.relkind = 'p') AS may_insert
        FROM pg_class AS class CROSS JOIN LATERAL aclexplode(class.relacl) AS acl
        WHERE class.oid = part AND acl.grantee <> class.relowner
        GROUP BY acl.grantee
    LOOP
        EXECUTE format('REVOKE ALL ON %s FROM %s', part, granted.role_name);
        IF granted.may_select THEN
            EXECUTE format('GRANT SELECT ON %s TO %s', part, granted.role_name);
        END IF;
        IF granted.may_insert THEN
            EXECUTE format('GRANT INSERT ON %s TO %s', part, granted.role_name);
        END IF;
    END LOOP;
END
$$;

COMMENT ON FUNCTION audit_log_protect(regclass) IS 'Protects audit_log or a new partition: no TRUNCATE, and of the default privileges of other roles only SELECT and INSERT stay, on audit_log itself.';

-- The functions that follow run with the rights of the role that migrates, so that the programs need none but SELECT and
-- INSERT. A role without INSERT may not call them.

CREATE FUNCTION audit_log_maintain(keep_days integer) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
SET timezone = 'UTC' SET datestyle = ISO, MDY SET lock_timeout = '5s' AS $$
DECLARE
    oldest  CONSTANT timestamptz := coalesce(now() - make_interval(days => keep_days), '-infinity');
    ahead   CONSTANT timestamptz := date_trunc('month', now()) + interval '4 months';
    part    record;
    month   timestamptz;
    dropped integer := 0;
BEGIN
    IF NOT has_table_privilege(session_user, 'audit_log', 'INSERT') THEN
        RAISE EXCEPTION 'permission denied for the audit log' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF keep_days < 90 THEN
        RAISE EXCEPTION 'entries of the audit log are kept for at least 90 days' USING ERRCODE = 'insufficient_privilege';
    END IF;
    FOR part IN
        SELECT class.oid::regclass AS name,
               substring(pg_get_expr(class.relpartbound, class.oid) FROM 'TO \(''([^'']+)''\)')::timestamptz AS ends_at
        FROM pg_inherits JOIN pg_class AS class ON class.oid = pg_inherits.inhrelid
        WHERE pg_inherits.inhparent = 'audit_log'::regclass
    LOOP
        IF part.ends_at <= oldest THEN
            EXECUTE format('DROP TABLE %s', part.name);
            dropped := dropped + 1;
        END IF;
    END LOOP;
    -- A partition cannot be created while the default partition has entries of its month. They are there because nobody
    -- has created the partition in time.
    IF EXISTS (SELECT FROM audit_log_default WHERE at < ahead) THEN
        ALTER TABLE audit_log DETACH PARTITION audit_log_default;
        ALTER TABLE audit_log_default RENAME TO audit_log_moved;
        CREATE TABLE audit_log_default PARTITION OF audit_log DEFAULT;
        PERFORM audit_log_protect('audit_log_default');
        FOR month IN
            SELECT DISTINCT date_trunc('month', at) FROM audit_log_moved WHERE at >= oldest AND at < ahead
        LOOP
            PERFORM audit_log_create_partition(month);
        END LOOP;
        INSERT INTO audit_log SELECT * FROM audit_log_moved WHERE at >= oldest;
        DROP TABLE audit_log_moved;
    END IF;
    FOR month IN SELECT generate_series(date_trunc('month', now()), ahead - interval '1 month', interval '1 month') LOOP
        PERFORM audit_log_create_partition(month);
    END LOOP;
    RETURN dropped;
END
$$;

COMMENT ON FUNCTION audit_log_maintain(integer) IS 'Creates the partitions of this month and the three that follow, and drops those that are older than keep_days; NULL keeps all. Returns how many it dropped.';

CREATE FUNCTION audit_log_create_partition(month timestamptz) RETURNS void LANGUAGE plpgsql
SET timezone = 'UTC' SET datestyle = ISO, MDY AS $$
DECLARE
    name CONSTANT text := 'audit_log_' || to_char(month, 'YYYY_MM');
BEGIN
    IF to_regclass(name) IS NULL THEN
        EXECUTE format('CREATE TABLE %I PARTITION OF audit_log FOR VALUES FROM (%L) TO (%L)',
                       name, month, month + interval '1 month');
        PERFORM audit_log_protect(name::regclass);
    END IF;
END
$$;

COMMENT ON FUNCTION audit_log_create_partition(timestamptz) IS 'Creates the partition of a month in UTC, unless it exists.';

CREATE FUNCTION audit_log_erase_ips(keep_days integer, max_rows integer) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    erased bigint;
BEGIN
    IF NOT has_table_privilege(session_user, 'audit_log', 'INSERT') THEN
        RAISE EXCEPTION 'permission denied for the audit log' USING ERRCODE = 'insufficient_privilege';
    END IF;
    UPDATE audit_log AS entry SET ip = NULL
    FROM (SELECT id, at FROM audit_log
          WHERE ip IS NOT NULL AND at < now() - make_interval(days => keep_days)
          ORDER BY at LIMIT max_rows) AS old
    WHERE entry.id = old.id AND entry.at = old.at;
    GET DIAGNOSTICS erased = ROW_COUNT;
    RETURN erased;
END
$$;

COMMENT ON FUNCTION audit_log_erase_ips(integer, integer) IS 'Erases the addresses of up to max_rows entries that are older than keep_days, and returns their number.';

CREATE FUNCTION audit_log_erase_user(erased_user text, max_rows integer) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    erased bigint;
BEGIN
    IF NOT has_table_privilege(session_user, 'audit_log', 'INSERT') THEN
        RAISE EXCEPTION 'permission denied for the audit log' USING ERRCODE = 'insufficient_privilege';
    END IF;
    UPDATE audit_log AS entry
    SET ip         = CASE WHEN own.is_actor THEN NULL ELSE entry.ip END,
        user_agent = CASE WHEN own.is_actor THEN NULL ELSE entry.user_agent END,
        details    = entry.details - 'email'
    FROM (SELECT id, at, actor_kind = 'user' AND actor_id = erased_user AS is_actor FROM audit_log
          WHERE actor_kind = 'user' AND actor_id = erased_user
                AND (ip IS NOT NULL OR user_agent IS NOT NULL OR details ? 'email')
             OR target_kind = 'user' AND target_id = erased_user AND details ? 'email'
          LIMIT max_rows) AS own
    WHERE entry.id = own.id AND entry.at = own.at;
    GET DIAGNOSTICS erased = ROW_COUNT;
    RETURN erased;
END
$$;

COMMENT ON FUNCTION audit_log_erase_user(text, integer) IS 'Erases the addresses of a deleted user in up to max_rows entries, and returns their number. The entries stay.';

-- What a function with the rights of its owner calls must not depend on the settings of its caller.
DO $$
DECLARE
    signature text;
BEGIN
    FOREACH signature IN ARRAY ARRAY['audit_log_maintain(integer)', 'audit_log_erase_ips(integer, integer)',
                                    'audit_log_erase_user(text, integer)'] LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', signature, current_schema());
    END LOOP;
END
$$;

SELECT audit_log_protect('audit_log');
SELECT audit_log_protect('audit_log_default');
SELECT audit_log_maintain(NULL);
