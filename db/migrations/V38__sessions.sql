-- Accounts: users log in with a password, and a login is a session.
CREATE TABLE sessions (
    id           uuid        PRIMARY KEY,
    user_id      uuid        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    seed         bytea       NOT NULL CONSTRAINT sessions_seed_check CHECK (octet_length(seed) = 32),
    generation   bigint      NOT NULL DEFAULT 1,
    rotated_at   timestamptz NOT NULL DEFAULT now(),
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    ended_at     timestamptz,
    end_reason   text,
    ip           inet,
    user_agent   text,
    CONSTRAINT sessions_end_check CHECK ((ended_at IS NULL) = (end_reason IS NULL)),
    CONSTRAINT sessions_end_reason_check CHECK (end_reason IN
        ('logout', 'logout_all', 'revoked', 'reuse', 'password_changed', 'expired', 'user_deleted'))
);

COMMENT ON TABLE  sessions              IS 'One row for each login of a user. Tokens are not stored: they derive from the row and ACCOUNTS_SECRET.';
COMMENT ON COLUMN sessions.id           IS 'UUIDv7; the claim sid of access tokens.';
COMMENT ON COLUMN sessions.user_id      IS 'Who has logged in.';
COMMENT ON COLUMN sessions.seed         IS 'Random. Refresh tokens are an HMAC of it, so neither the table nor the secret alone makes one.';
COMMENT ON COLUMN sessions.generation   IS 'The number of the refresh token that is valid. Each refresh increments it.';
COMMENT ON COLUMN sessions.rotated_at   IS 'When the generation began.';
COMMENT ON COLUMN sessions.created_at   IS 'When the user logged in.';
COMMENT ON COLUMN sessions.last_used_at IS 'When a refresh token was last used.';
COMMENT ON COLUMN sessions.expires_at   IS 'When the session ends at the latest.';
COMMENT ON COLUMN sessions.ended_at     IS 'When the session ended; NULL while it may be used.';
COMMENT ON COLUMN sessions.end_reason   IS 'Why the session ended. reuse: a refresh token was used that had been replaced.';
COMMENT ON COLUMN sessions.ip           IS 'The address of the client at the login.';
COMMENT ON COLUMN sessions.user_agent   IS 'The User-Agent of the login, cut to 256 bytes.';

CREATE INDEX sessions_user_idx  ON sessions (user_id, id);
-- The sessions whose access tokens must be refused.
CREATE INDEX sessions_ended_idx ON sessions (ended_at) WHERE ended_at IS NOT NULL;

COMMENT ON COLUMN users.password_hash IS 'An argon2 hash in PHC form, or a bcrypt hash of an older service; NULL if the user cannot log in.';
