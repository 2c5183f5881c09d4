-- The retention sweeps of all schedulers: whose turn it is, and how far they have come.
CREATE TABLE retention (
    only_row             boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
    lease_token          uuid,
    lease_until          timestamptz,
    started_at           timestamptz,
    ended_at             timestamptz,
    reported_at          timestamptz,
    payloads_through     uuid,
    rows_through         uuid,
    payloads_removed     bigint      NOT NULL DEFAULT 0,
    rows_deleted         bigint      NOT NULL DEFAULT 0,
    dead_letters_removed bigint      NOT NULL DEFAULT 0
);

COMMENT ON TABLE  retention                      IS 'One row: the state of the retention sweeps.';
COMMENT ON COLUMN retention.only_row             IS 'Always true.';
COMMENT ON COLUMN retention.lease_token          IS 'Names the process that sweeps; NULL if none does.';
COMMENT ON COLUMN retention.lease_until          IS 'When its turn ends by itself, if it died.';
COMMENT ON COLUMN retention.started_at           IS 'When the last sweep began.';
COMMENT ON COLUMN retention.ended_at             IS 'When the last complete sweep ended.';
COMMENT ON COLUMN retention.reported_at          IS 'When a log line last counted the dead letters.';
COMMENT ON COLUMN retention.payloads_through     IS 'The last notifications.id whose payload a sweep has looked at.';
COMMENT ON COLUMN retention.rows_through         IS 'The last notifications.id that a sweep has looked at to delete it.';
COMMENT ON COLUMN retention.payloads_removed     IS 'The number of payloads that the last complete sweep removed.';
COMMENT ON COLUMN retention.rows_deleted         IS 'The number of rows of notifications that the last complete sweep deleted.';
COMMENT ON COLUMN retention.dead_letters_removed IS 'The number of dead letters that the last complete sweep removed from their queue.';

INSERT INTO retention DEFAULT VALUES;
