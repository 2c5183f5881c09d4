-- Where a user's push messages go when a notification names no device.
CREATE TABLE device_tokens (
    id         uuid        PRIMARY KEY,
    user_id    uuid        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token      text        NOT NULL,
    -- A token may be longer than what a btree takes (2704 bytes), so its hash is what is unique. Doubled
    -- backslashes stand for themselves in the format 'escape': every token becomes its own bytes.
    token_hash bytea       NOT NULL
        GENERATED ALWAYS AS (sha256(decode(replace(token, '\', '\\'), 'escape'))) STORED
        CONSTRAINT device_tokens_token_hash_key UNIQUE,
    name       text,
    created_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE  device_tokens            IS 'Where a user''s push messages go when a notification names no device: to all of them.';
COMMENT ON COLUMN device_tokens.id         IS 'UUIDv7, so that order by id is order by time.';
COMMENT ON COLUMN device_tokens.user_id    IS 'Who uses the device now: a token that another user registers becomes theirs.';
COMMENT ON COLUMN device_tokens.token      IS 'What the push service calls one installation of an app.';
COMMENT ON COLUMN device_tokens.token_hash IS 'SHA-256 of the token; unique over the whole table.';
COMMENT ON COLUMN device_tokens.name       IS 'What the user calls the device.';
COMMENT ON COLUMN device_tokens.created_at IS 'When this user registered it.';

-- A user's devices, in their order.
CREATE INDEX device_tokens_user_idx ON device_tokens (user_id, id);
