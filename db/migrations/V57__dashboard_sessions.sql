-- The dashboard: links that log in once, and sessions of browsers. Of tokens, only the SHA-256 is stored.
CREATE TABLE dashboard_links (
    id         uuid        PRIMARY KEY,
    token      bytea       NOT NULL CONSTRAINT dashboard_links_token_key UNIQUE
                           CONSTRAINT dashboard_links_token_check CHECK (octet_length(token) = 32),
    role       text        NOT NULL CONSTRAINT dashboard_links_role_check CHECK (role IN ('viewer', 'operator', 'admin')),
    created_by text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);

COMMENT ON TABLE  dashboard_links            IS 'Links that log in to the dashboard, once.';
COMMENT ON COLUMN dashboard_links.id         IS 'UUIDv7.';
COMMENT ON COLUMN dashboard_links.token      IS 'The SHA-256 of the token in the link.';
COMMENT ON COLUMN dashboard_links.role       IS 'The role of the session that the link begins.';
COMMENT ON COLUMN dashboard_links.created_by IS 'The user of the operating system who made the link.';
COMMENT ON COLUMN dashboard_links.created_at IS 'When the link was made.';
COMMENT ON COLUMN dashboard_links.expires_at IS 'Until when the link can be used.';
COMMENT ON COLUMN dashboard_links.used_at    IS 'When the link was used; NULL if it was not.';

CREATE TABLE dashboard_sessions (
    id           uuid        PRIMARY KEY,
    token        bytea       NOT NULL CONSTRAINT dashboard_sessions_token_key UNIQUE
                             CONSTRAINT dashboard_sessions_token_check CHECK (octet_length(token) = 32),
    user_id      uuid        REFERENCES users (id) ON DELETE CASCADE,
    created_by   text,
    role         text        NOT NULL CONSTRAINT dashboard_sessions_role_check CHECK (role IN ('viewer', 'operator', 'admin')),
    scopes       text[]      NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    ended_at     timestamptz,
    end_reason   text,
    ip           inet,
    user_agent   text,
    CONSTRAINT dashboard_sessions_holder_check CHECK ((user_id IS NULL) <> (created_by IS NULL)),
    CONSTRAINT dashboard_sessions_end_check CHECK ((ended_at IS NULL) = (end_reason IS NULL))
);

COMMENT ON TABLE  dashboard_sessions              IS 'One row for each login to the dashboard.';
COMMENT ON COLUMN dashboard_sessions.id           IS 'UUIDv7.';
COMMENT ON COLUMN dashboard_sessions.token        IS 'The SHA-256 of the token in the cookie.';
COMMENT ON COLUMN dashboard_sessions.user_id      IS 'The user who logged in with a password; NULL for a login by a link.';
COMMENT ON COLUMN dashboard_sessions.created_by   IS 'The user of the operating system who made the link; NULL for a login with a password.';
COMMENT ON COLUMN dashboard_sessions.role         IS 'The role at the login. The session of a user ends when the user has another.';
COMMENT ON COLUMN dashboard_sessions.scopes       IS 'What the session may do.';
COMMENT ON COLUMN dashboard_sessions.created_at   IS 'When the session began.';
COMMENT ON COLUMN dashboard_sessions.last_used_at IS 'When a request last used the session, to a minute.';
COMMENT ON COLUMN dashboard_sessions.expires_at   IS 'When the session ends at the latest.';
COMMENT ON COLUMN dashboard_sessions.ended_at     IS 'When the session was ended; NULL if it was not.';
COMMENT ON COLUMN dashboard_sessions.end_reason   IS 'Why the session was ended, such as logout.';
COMMENT ON COLUMN dashboard_sessions.ip           IS 'The address of the client at the login.';
COMMENT ON COLUMN dashboard_sessions.user_agent   IS 'The User-Agent of the login, cut to 256 bytes.';

CREATE INDEX dashboard_sessions_user_idx ON dashboard_sessions (user_id) WHERE user_id IS NOT NULL;
-- Retention finds by these what is old.
CREATE INDEX dashboard_sessions_created_idx ON dashboard_sessions (created_at);
CREATE INDEX dashboard_links_expires_idx    ON dashboard_links (expires_at);
