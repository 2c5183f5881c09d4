-- Consecutive attempts that a provider throttled share one row, so that a message that waits for long adds no rows.
SET LOCAL lock_timeout = '5s';

ALTER TABLE delivery_attempts
    ADD COLUMN repetitions      integer NOT NULL DEFAULT 0,
    ADD COLUMN last_repeated_at timestamptz;

COMMENT ON COLUMN delivery_attempts.repetitions      IS 'How many times the attempt was repeated with the same outcome (throttled or deferred). The error and the duration are those of the last time.';
COMMENT ON COLUMN delivery_attempts.last_repeated_at IS 'When the last repetition began; NULL without repetitions.';
