-- The e-mails with a link that cancels a deletion.
CREATE TABLE recovery_mails (
    user_id    uuid    NOT NULL,
    day        date    NOT NULL,
    n          integer NOT NULL,
    message_id uuid    NOT NULL CONSTRAINT recovery_mails_message_id_key UNIQUE,
    PRIMARY KEY (user_id, day, n)
);

COMMENT ON TABLE  recovery_mails            IS 'The e-mails with a link that cancels a deletion. These go out while the deletion waits.';
COMMENT ON COLUMN recovery_mails.user_id    IS 'The user whose deletion waits.';
COMMENT ON COLUMN recovery_mails.day        IS 'A day in UTC.';
COMMENT ON COLUMN recovery_mails.n          IS 'Counts the e-mails of the day, from 1.';
COMMENT ON COLUMN recovery_mails.message_id IS 'The notification: a UUIDv5 of the deletion and the number of the e-mail.';
