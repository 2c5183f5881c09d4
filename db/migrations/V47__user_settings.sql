-- The settings of users: when they do not want to be disturbed, and how often they get digests. The time zone and the
-- language are columns of users.
CREATE TABLE user_settings (
    user_id        uuid        PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    quiet          jsonb,
    quiet_channels text[]      NOT NULL DEFAULT '{push,sms}',
    digest_at      time        NOT NULL DEFAULT '09:00',
    digests        jsonb       NOT NULL DEFAULT '{}',
    updated_at     timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE  user_settings                IS 'What users have set. A user without a row has the defaults.';
COMMENT ON COLUMN user_settings.user_id        IS 'The user.';
COMMENT ON COLUMN user_settings.quiet          IS 'The quiet hours: [{"days": [1..7], "from": "22:00", "to": "07:00"}], local times in the time zone of the user. NULL if there are none.';
COMMENT ON COLUMN user_settings.quiet_channels IS 'The channels whose notifications wait for the end of the quiet hours.';
COMMENT ON COLUMN user_settings.digest_at      IS 'When daily and weekly digests are sent, in the time zone of the user.';
COMMENT ON COLUMN user_settings.digests        IS 'How often the user wants digests: {<category>: off|window|daily|weekly}. Absent stands for the mode of the category.';
COMMENT ON COLUMN user_settings.updated_at     IS 'When a setting, or the time zone, last changed.';

-- What waits for the end of quiet hours is decided again when they change. Triggers, because a user changes in many ways:
-- over HTTP, by an import, by SQL, and by the version before.
CREATE FUNCTION user_settings_wake() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Waits for no row: whoever has locked one decides about it, or looks at the settings before it holds the row.
    WITH held AS MATERIALIZED (
        SELECT message_id FROM notifications
        WHERE user_id = coalesce(NEW.user_id, OLD.user_id) AND status = 'scheduled' AND reason = 'quiet_hours'
              AND not_before > now()
        FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE notifications SET not_before = now()
    FROM held WHERE notifications.message_id = held.message_id;
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION user_settings_wake() IS 'Makes the notifications due that wait for the end of the quiet hours of a user.';

CREATE TRIGGER user_settings_changed AFTER UPDATE OR DELETE ON user_settings
    FOR EACH ROW EXECUTE FUNCTION user_settings_wake();

CREATE FUNCTION users_timezone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE user_settings SET updated_at = now() WHERE user_id = NEW.id;
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION users_timezone() IS 'Changes the row of user_settings, if there is one.';

CREATE TRIGGER users_timezone_changed AFTER UPDATE ON users FOR EACH ROW
    WHEN (OLD.timezone IS DISTINCT FROM NEW.timezone)
    EXECUTE FUNCTION users_timezone();
