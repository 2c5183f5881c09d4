-- What a user with an account may do. Tokens get the scopes of the role when they are signed.
SET LOCAL lock_timeout = '5s';

ALTER TABLE users
    ADD COLUMN IF NOT EXISTS role text NOT NULL DEFAULT 'user'
        CONSTRAINT users_role_check CHECK (role IN ('user', 'operator', 'admin'));

COMMENT ON COLUMN users.role IS 'user, operator or admin.';

-- Decides whether a user is the last admin.
CREATE INDEX users_admins_idx ON users (id) WHERE role = 'admin';
