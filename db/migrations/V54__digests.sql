-- Digests: several notifications of a category that a user gets in one message. The columns are NULL in existing rows, so
-- PostgreSQL rewrites none of them.
SET LOCAL lock_timeout = '5s';

ALTER TABLE notifications ADD COLUMN IF NOT EXISTS digest_key text;
ALTER TABLE schedules     ADD COLUMN IF NOT EXISTS digest_key text;

COMMENT ON COLUMN notifications.digest_key IS 'Collects the notification to a digest apart from others of its category.';
COMMENT ON COLUMN notifications.digest_id  IS 'The digest that the notification is an item of, or is the message of. An item that waits for the digest has the status scheduled and no not_before.';
COMMENT ON COLUMN schedules.digest_key     IS 'Collects the notifications to a digest apart from others of their category.';
COMMENT ON COLUMN categories.digest        IS 'How notifications are collected to one message: {"mode": off|window|daily|weekly, "windowSecs", "maxItems"}; NULL if they are not.';

CREATE TABLE digests (
    id         uuid        PRIMARY KEY,
    user_id    uuid        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    channel    text        NOT NULL,
    category   text        NOT NULL,
    key        text        NOT NULL,
    opened_at  timestamptz NOT NULL DEFAULT now(),
    closes_at  timestamptz NOT NULL,
    status     text        NOT NULL DEFAULT 'open'
                           CONSTRAINT digests_status_check CHECK (status IN ('open', 'sent', 'empty')),
    items      integer     NOT NULL,
    max_items  integer     NOT NULL,
    message_id uuid,
    closed_at  timestamptz
);

COMMENT ON TABLE  digests            IS 'Notifications that wait to be sent in one message, and what became of them.';
COMMENT ON COLUMN digests.id         IS 'UUIDv7 of opened_at.';
COMMENT ON COLUMN digests.user_id    IS 'The user who gets the message.';
COMMENT ON COLUMN digests.channel    IS 'The channel of the items and of the message.';
COMMENT ON COLUMN digests.category   IS 'The category of the items and of the message.';
COMMENT ON COLUMN digests.key        IS 'The key of the items; empty if they have none.';
COMMENT ON COLUMN digests.opened_at  IS 'When the first item was added.';
COMMENT ON COLUMN digests.closes_at  IS 'When a scheduler closes the digest, or looks at what the user and the category say now.';
COMMENT ON COLUMN digests.status     IS 'open: items are added. sent: closed, and message_id is sent. empty: closed, and no item was left to send.';
COMMENT ON COLUMN digests.items      IS 'How many items were added.';
COMMENT ON COLUMN digests.max_items  IS 'The digest is closed at once when it has so many items.';
COMMENT ON COLUMN digests.message_id IS 'The notification that is sent: that of the digest, or its only item. NULL until it is closed, and if it is empty.';
COMMENT ON COLUMN digests.closed_at  IS 'When it was closed. NULL while it is open.';

-- The digest that an item is added to: whoever adds or closes locks this row.
CREATE UNIQUE INDEX digests_open_key ON digests (user_id, channel, category, key) WHERE status = 'open';

CREATE INDEX digests_due_idx    ON digests (closes_at) WHERE status = 'open';
CREATE INDEX digests_closed_idx ON digests (closed_at) WHERE closed_at IS NOT NULL;
-- The erasure of a user finds all digests.
CREATE INDEX digests_user_idx   ON digests (user_id);

-- When the settings of a user change, schedulers look at the open digests again. Triggers, because a user changes in many
-- ways: over HTTP, by an import and by SQL.
CREATE FUNCTION digests_wake(changed uuid) RETURNS void LANGUAGE sql AS $$
    -- Waits for no row: who adds an item at this moment does not move the time of an open digest, and at this time the
    -- scheduler looks at the settings too.
    UPDATE digests SET closes_at = now()
    WHERE id IN (SELECT id FROM digests
                 WHERE user_id = changed AND status = 'open' AND closes_at > now()
                 FOR NO KEY UPDATE SKIP LOCKED)
$$;

COMMENT ON FUNCTION digests_wake(uuid) IS 'Makes schedulers look at the open digests of a user at once.';

CREATE FUNCTION digests_settings_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM digests_wake(coalesce(NEW.user_id, OLD.user_id));
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION digests_settings_changed() IS 'Calls digests_wake for the user of a row of user_settings.';

CREATE TRIGGER user_settings_digests_set AFTER INSERT OR DELETE ON user_settings
    FOR EACH ROW EXECUTE FUNCTION digests_settings_changed();

CREATE TRIGGER user_settings_digests_changed AFTER UPDATE ON user_settings FOR EACH ROW
    WHEN (OLD.digest_at <> NEW.digest_at OR OLD.digests <> NEW.digests)
    EXECUTE FUNCTION digests_settings_changed();

CREATE FUNCTION digests_timezone_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM digests_wake(NEW.id);
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION digests_timezone_changed() IS 'Calls digests_wake for a row of users.';

CREATE TRIGGER users_digests_timezone_changed AFTER UPDATE ON users FOR EACH ROW
    WHEN (OLD.timezone IS DISTINCT FROM NEW.timezone)
    EXECUTE FUNCTION digests_timezone_changed();
