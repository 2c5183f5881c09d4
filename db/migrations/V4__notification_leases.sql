-- Whose turn it is to deliver a notification: a lease, so that two workers never send it at the same time.
ALTER TABLE notifications
    ADD COLUMN lease_token    uuid,
    ADD COLUMN lease_until    timestamptz,
    ADD COLUMN deferred_since timestamptz;

COMMENT ON COLUMN notifications.lease_token    IS 'Names the claim of the worker that delivers it now; NULL where none does.';
COMMENT ON COLUMN notifications.lease_until    IS 'When the claim ends by itself, should its worker have died.';
COMMENT ON COLUMN notifications.deferred_since IS 'Since when it waits for a destination that is down or asked for a pause; NULL where it does not.';
