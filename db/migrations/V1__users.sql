-- The people whom notifications are for.
CREATE TABLE users (
    id            uuid        PRIMARY KEY,
    username      text        NOT NULL UNIQUE,
    email         text        UNIQUE,
    password_hash text,
    created_at    timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE  users               IS 'The people whom notifications are for.';
COMMENT ON COLUMN users.id            IS 'Named by a notification''s targetUserId.';
COMMENT ON COLUMN users.username      IS 'What people call the user; unique.';
COMMENT ON COLUMN users.email         IS 'Where e-mail goes when a notification names no address.';
COMMENT ON COLUMN users.password_hash IS 'An argon2 hash in PHC form; NULL where the user cannot log in.';
COMMENT ON COLUMN users.created_at    IS 'When the row was made.';
