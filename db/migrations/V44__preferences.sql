-- What users choose to receive: by category and channel. The table categories is small, so the columns cost nothing.
SET LOCAL lock_timeout = '5s';

ALTER TABLE categories
    ADD COLUMN IF NOT EXISTS label       text,
    ADD COLUMN IF NOT EXISTS description text,
    ADD COLUMN IF NOT EXISTS defaults    jsonb       NOT NULL DEFAULT '{}',
    ADD COLUMN IF NOT EXISTS digest      jsonb,
    ADD COLUMN IF NOT EXISTS throttle    jsonb,
    ADD COLUMN IF NOT EXISTS quiet       text        NOT NULL DEFAULT 'obey'
                             CONSTRAINT categories_quiet_check CHECK (quiet IN ('obey', 'ignore')),
    ADD COLUMN IF NOT EXISTS listed      boolean     NOT NULL DEFAULT true,
    ADD COLUMN IF NOT EXISTS updated_at  timestamptz NOT NULL DEFAULT now();

COMMENT ON COLUMN categories.label       IS 'What users read instead of the name; NULL if the name is all there is.';
COMMENT ON COLUMN categories.description IS 'What the category contains, for users.';
COMMENT ON COLUMN categories.defaults    IS 'Whether a user who has chosen nothing gets the notifications: {<channel>: boolean}. Absent stands for true.';
COMMENT ON COLUMN categories.digest      IS 'How notifications are collected to one message; NULL if they are not.';
COMMENT ON COLUMN categories.throttle    IS 'How many notifications a user gets by a channel in a time; NULL if there is no limit.';
COMMENT ON COLUMN categories.quiet       IS 'Whether the notifications obey the quiet hours of a user, or ignore them.';
COMMENT ON COLUMN categories.listed      IS 'Whether users see the category among their preferences.';
COMMENT ON COLUMN categories.updated_at  IS 'When the category last changed.';

-- Only deviations from the defaults are stored.
CREATE TABLE preferences (
    user_id    uuid        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- No foreign key: a choice outlives the category, and counts again if the category is created again.
    category   text        NOT NULL,
    channel    text        NOT NULL,
    enabled    boolean     NOT NULL,
    source     text        NOT NULL CONSTRAINT preferences_source_check
                           CHECK (source IN ('user', 'unsubscribe', 'provider', 'admin')),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, category, channel)
);

COMMENT ON TABLE  preferences            IS 'What users chose to receive, and what not.';
COMMENT ON COLUMN preferences.user_id    IS 'The user.';
COMMENT ON COLUMN preferences.category   IS 'The name of a category, or * for all notifications.';
COMMENT ON COLUMN preferences.channel    IS 'The name of a channel, or * for all channels.';
COMMENT ON COLUMN preferences.enabled    IS 'Whether the user wants the notifications.';
COMMENT ON COLUMN preferences.source     IS 'user: chosen by the user. unsubscribe: by a link in an e-mail. provider: told by a provider. admin: set by an operator.';
COMMENT ON COLUMN preferences.updated_at IS 'When the choice was made.';

-- The same for recipients without an account.
CREATE TABLE address_preferences (
    address_hash bytea       NOT NULL CONSTRAINT address_preferences_hash_check CHECK (length(address_hash) = 32),
    category     text        NOT NULL,
    channel      text        NOT NULL,
    enabled      boolean     NOT NULL,
    source       text        NOT NULL CONSTRAINT address_preferences_source_check
                             CHECK (source IN ('user', 'unsubscribe', 'provider', 'admin')),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (address_hash, category, channel)
);

COMMENT ON TABLE  address_preferences              IS 'What recipients without an account chose to receive, and what not.';
COMMENT ON COLUMN address_preferences.address_hash IS 'The SHA-256 of the address in its normal form.';
COMMENT ON COLUMN address_preferences.category     IS 'The name of a category, or * for all notifications.';
COMMENT ON COLUMN address_preferences.channel      IS 'The name of a channel, or * for all channels.';
COMMENT ON COLUMN address_preferences.enabled      IS 'Whether the recipient wants the notifications.';
COMMENT ON COLUMN address_preferences.source       IS 'unsubscribe: chosen by a link in an e-mail. provider: told by a provider. admin: set by an operator.';
COMMENT ON COLUMN address_preferences.updated_at   IS 'When the choice was made.';
