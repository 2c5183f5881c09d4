-- API keys: long-lived credentials of programs.
CREATE TABLE api_keys (
    id              text        COLLATE "C" PRIMARY KEY CONSTRAINT api_keys_id_check CHECK (id ~ '^[0-9A-Za-z]{10}$'),
    number          bigint      NOT NULL GENERATED ALWAYS AS IDENTITY CONSTRAINT api_keys_number_key UNIQUE,
    name            text        NOT NULL CONSTRAINT api_keys_name_check CHECK (char_length(name) BETWEEN 1 AND 100),
    hash            bytea       NOT NULL CONSTRAINT api_keys_hash_check CHECK (octet_length(hash) = 32),
    previous_hash   bytea       CONSTRAINT api_keys_previous_hash_check CHECK (octet_length(previous_hash) = 32),
    previous_until  timestamptz,
    scopes          text[]      NOT NULL CONSTRAINT api_keys_scopes_check CHECK (array_position(scopes, NULL) IS NULL),
    user_id         uuid        CONSTRAINT api_keys_user_id_fkey REFERENCES users (id) ON DELETE SET NULL,
    rate_per_minute integer     CONSTRAINT api_keys_rate_per_minute_check CHECK (rate_per_minute > 0),
    expires_at      timestamptz,
    created_by      text        NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    last_used_at    timestamptz,
    suspended_at    timestamptz,
    revoked_at      timestamptz,
    changed_xid     xid8        NOT NULL DEFAULT pg_current_xact_id(),
    CONSTRAINT api_keys_previous_check CHECK ((previous_hash IS NULL) = (previous_until IS NULL))
);

COMMENT ON TABLE  api_keys                 IS 'API keys. Revoked ones stay, so that the audit log can be read.';
COMMENT ON COLUMN api_keys.id              IS 'The public part of the key: 10 digits of base 62. Rotation keeps it.';
COMMENT ON COLUMN api_keys.number          IS 'The order of creation, for pages.';
COMMENT ON COLUMN api_keys.name            IS 'What the key is for.';
COMMENT ON COLUMN api_keys.hash            IS 'The SHA-256 of the secret.';
COMMENT ON COLUMN api_keys.previous_hash   IS 'The SHA-256 of the secret before the last rotation; NULL if there is none, or it was not kept.';
COMMENT ON COLUMN api_keys.previous_until  IS 'Until when the previous secret is valid.';
COMMENT ON COLUMN api_keys.scopes          IS 'What the key may do. Names that a program does not know grant nothing.';
COMMENT ON COLUMN api_keys.user_id         IS 'The user to whom the key is limited; NULL if it is a service''s. A key whose user is deleted is revoked.';
COMMENT ON COLUMN api_keys.rate_per_minute IS 'How many requests a minute the key may send; NULL means as many as other callers.';
COMMENT ON COLUMN api_keys.expires_at      IS 'When the key expires; NULL means never.';
COMMENT ON COLUMN api_keys.created_by      IS 'Who created the key: the subject of the token, or the user of the tool.';
COMMENT ON COLUMN api_keys.created_at      IS 'When the key was created.';
COMMENT ON COLUMN api_keys.last_used_at    IS 'When the key was last used, to about a minute; NULL if never.';
COMMENT ON COLUMN api_keys.suspended_at    IS 'Since when the key is refused because its user is to be deleted; NULL while it is not.';
COMMENT ON COLUMN api_keys.revoked_at      IS 'When the key was revoked, for good; NULL while it was not.';
COMMENT ON COLUMN api_keys.changed_xid     IS 'The transaction that last changed anything but last_used_at. The programs read what has changed since they read last.';

CREATE INDEX api_keys_changed_xid_idx ON api_keys (changed_xid);
CREATE INDEX api_keys_user_id_idx     ON api_keys (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX api_keys_live_idx        ON api_keys (id) WHERE revoked_at IS NULL;

CREATE FUNCTION api_keys_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Without its user, the key would be that of a service.
    IF OLD.user_id IS NOT NULL AND NEW.user_id IS NULL THEN
        NEW.revoked_at := coalesce(NEW.revoked_at, now());
    END IF;
    NEW.changed_xid := pg_current_xact_id();
    RETURN NEW;
END
$$;

COMMENT ON FUNCTION api_keys_change() IS 'Sets changed_xid, and revokes the keys of a user who is deleted.';

-- A trigger, because SQL changes keys, too.
CREATE TRIGGER api_keys_changed BEFORE UPDATE ON api_keys FOR EACH ROW
    WHEN ((OLD.id, OLD.name, OLD.hash, OLD.previous_hash, OLD.previous_until, OLD.scopes, OLD.user_id, OLD.rate_per_minute,
           OLD.expires_at, OLD.suspended_at, OLD.revoked_at)
          IS DISTINCT FROM
          (NEW.id, NEW.name, NEW.hash, NEW.previous_hash, NEW.previous_until, NEW.scopes, NEW.user_id, NEW.rate_per_minute,
           NEW.expires_at, NEW.suspended_at, NEW.revoked_at))
    EXECUTE FUNCTION api_keys_change();
