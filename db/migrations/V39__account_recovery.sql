-- Accounts: contacts that users have added are verified before they are used, invitations, new passwords, and limits for
-- attempts. A default is evaluated once for existing rows, and PostgreSQL rewrites none.
SET LOCAL lock_timeout = '5s';

CREATE FUNCTION contact_is_trusted() RETURNS boolean LANGUAGE sql STABLE
    RETURN current_setting('tidings.contacts_of_user', true) IS DISTINCT FROM 'on';

COMMENT ON FUNCTION contact_is_trusted() IS 'Whether contacts that this transaction sets count as verified: false if a user sets them, with a token of its own.';

ALTER TABLE users         ADD COLUMN email_verified boolean NOT NULL DEFAULT true;
ALTER TABLE users         ALTER COLUMN email_verified SET DEFAULT contact_is_trusted();
ALTER TABLE phone_numbers ADD COLUMN verified boolean NOT NULL DEFAULT true;
ALTER TABLE phone_numbers ALTER COLUMN verified SET DEFAULT contact_is_trusted();

COMMENT ON COLUMN users.email_verified    IS 'Whether notifications go to the address: false for one that the user has set and not verified.';
COMMENT ON COLUMN phone_numbers.verified  IS 'Whether notifications go to the number: false for one that the user has added and not verified.';

CREATE FUNCTION users_email_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.email_verified := contact_is_trusted();
    RETURN NEW;
END
$$;

COMMENT ON FUNCTION users_email_update() IS 'Sets email_verified for another address.';

-- A trigger, because SQL and the version before change users, too.
CREATE TRIGGER users_email_updated BEFORE UPDATE ON users FOR EACH ROW
    WHEN (OLD.email IS DISTINCT FROM NEW.email)
    EXECUTE FUNCTION users_email_update();

CREATE TABLE contact_codes (
    id          uuid        PRIMARY KEY,
    user_id     uuid        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    contact     text        NOT NULL,
    address     bytea       NOT NULL,
    code        bytea       NOT NULL,
    tries       integer     NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz NOT NULL,
    used_at     timestamptz
);

COMMENT ON TABLE  contact_codes            IS 'The codes that verify contacts. They are stored as digests under a key of ACCOUNTS_SECRET.';
COMMENT ON COLUMN contact_codes.id         IS 'UUIDv7.';
COMMENT ON COLUMN contact_codes.user_id    IS 'Whose contact it is.';
COMMENT ON COLUMN contact_codes.contact    IS 'email, or the id of a phone number.';
COMMENT ON COLUMN contact_codes.address    IS 'Digest of the address or number: a code verifies no other one.';
COMMENT ON COLUMN contact_codes.code       IS 'Digest of the code.';
COMMENT ON COLUMN contact_codes.tries      IS 'How many codes were tried.';
COMMENT ON COLUMN contact_codes.created_at IS 'When the code was sent.';
COMMENT ON COLUMN contact_codes.expires_at IS 'Until when the code is valid.';
COMMENT ON COLUMN contact_codes.used_at    IS 'When the code verified the contact.';

CREATE INDEX contact_codes_user_idx    ON contact_codes (user_id, contact, id);
CREATE INDEX contact_codes_address_idx ON contact_codes (address, created_at);

CREATE TABLE password_resets (
    id         uuid        PRIMARY KEY,
    user_id    uuid        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token      bytea       NOT NULL CONSTRAINT password_resets_token_key UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);

COMMENT ON TABLE  password_resets            IS 'The tokens with which users set a new password without the old one.';
COMMENT ON COLUMN password_resets.id         IS 'UUIDv7.';
COMMENT ON COLUMN password_resets.user_id    IS 'Who may set a password.';
COMMENT ON COLUMN password_resets.token      IS 'Digest of the token, under a key of ACCOUNTS_SECRET.';
COMMENT ON COLUMN password_resets.created_at IS 'When the token was sent.';
COMMENT ON COLUMN password_resets.expires_at IS 'Until when the token is valid.';
COMMENT ON COLUMN password_resets.used_at    IS 'When the token was used, or another password was set.';

CREATE INDEX password_resets_user_idx ON password_resets (user_id, created_at);

CREATE TABLE invites (
    id         uuid        PRIMARY KEY,
    token      bytea       NOT NULL CONSTRAINT invites_token_key UNIQUE,
    email      text,
    created_by text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);

COMMENT ON TABLE  invites            IS 'Invitations to create an account.';
COMMENT ON COLUMN invites.id         IS 'UUIDv7.';
COMMENT ON COLUMN invites.token      IS 'Digest of the token, under a key of ACCOUNTS_SECRET.';
COMMENT ON COLUMN invites.email      IS 'The only address that may use it; NULL for any.';
COMMENT ON COLUMN invites.created_by IS 'Who has issued it.';
COMMENT ON COLUMN invites.created_at IS 'When it was issued.';
COMMENT ON COLUMN invites.expires_at IS 'Until when it is valid.';
COMMENT ON COLUMN invites.used_at    IS 'When it was used.';

-- UNLOGGED: after a crash of PostgreSQL, everybody may try again.
CREATE UNLOGGED TABLE attempt_limits (
    key           bytea       NOT NULL,
    network       inet        NOT NULL,
    attempts      integer     NOT NULL,
    since         timestamptz NOT NULL,
    last_at       timestamptz NOT NULL,
    blocked_until timestamptz,
    PRIMARY KEY (key, network)
);

COMMENT ON TABLE  attempt_limits               IS 'How often logins have failed, and how often clients have registered.';
COMMENT ON COLUMN attempt_limits.key           IS 'Digest of the user or the name that was given, under a key of ACCOUNTS_SECRET.';
COMMENT ON COLUMN attempt_limits.network       IS 'The network of the client; 0.0.0.0/0 for all networks together.';
COMMENT ON COLUMN attempt_limits.attempts      IS 'Attempts since the time in the column since.';
COMMENT ON COLUMN attempt_limits.since         IS 'When counting began.';
COMMENT ON COLUMN attempt_limits.last_at       IS 'When the last attempt was counted.';
COMMENT ON COLUMN attempt_limits.blocked_until IS 'Until when further attempts are refused.';

CREATE INDEX attempt_limits_last_idx ON attempt_limits (last_at);
