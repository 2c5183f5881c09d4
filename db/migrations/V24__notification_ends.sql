-- When notifications end, and what happens to the payloads of sensitive ones at that moment: one mechanism for every
-- statement that ends a notification.
SET LOCAL lock_timeout = '5s';

ALTER TABLE notifications ADD COLUMN IF NOT EXISTS ended_at timestamptz;

COMMENT ON COLUMN notifications.ended_at IS 'When the notification failed or ended. NULL if it has not, if it was processed within an hour of its acceptance (processed_at says when), and in rows that ended before this column existed.';

CREATE FUNCTION notifications_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status NOT IN ('processed', 'failed', 'cancelled', 'expired', 'suppressed', 'digested') THEN
        -- A replay.
        NEW.ended_at := NULL;
        RETURN NEW;
    END IF;
    IF NEW.status <> 'processed' OR now() - NEW.created_at > interval '1 hour' THEN
        NEW.ended_at := now();
    END IF;
    -- A failed notification can be replayed. An in-app notification is read after it is processed.
    IF NEW.sensitive AND NEW.status <> 'failed' AND NOT (NEW.status = 'processed' AND NEW.type = 'in-app')
       AND NEW.payload_removed_at IS NULL THEN
        NEW.payload := '{}';
        -- A short secret could be guessed from it.
        NEW.fingerprint := NULL;
        NEW.payload_removed_at := now();
    END IF;
    RETURN NEW;
END
$$;

COMMENT ON FUNCTION notifications_end() IS 'Sets ended_at, and erases the payload and the fingerprint of a sensitive notification that has ended.';

-- The conditions keep the function away from most rows: a notification that is processed at once needs nothing.
CREATE TRIGGER notifications_end_inserted BEFORE INSERT ON notifications FOR EACH ROW
    WHEN (NEW.status IN ('processed', 'failed', 'cancelled', 'expired', 'suppressed', 'digested')
          AND (NEW.status <> 'processed' OR NEW.sensitive OR now() - NEW.created_at > interval '1 hour'))
    EXECUTE FUNCTION notifications_end();

CREATE TRIGGER notifications_end_updated BEFORE UPDATE OF status ON notifications FOR EACH ROW
    WHEN (NEW.status <> OLD.status
          AND (OLD.ended_at IS NOT NULL
               OR NEW.status IN ('failed', 'cancelled', 'expired', 'suppressed', 'digested')
               OR NEW.status = 'processed' AND (NEW.sensitive OR now() - NEW.created_at > interval '1 hour')))
    EXECUTE FUNCTION notifications_end();
