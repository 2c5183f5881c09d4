-- One row a try at sending a notification to one address: what a person reads who asks what became of it.
CREATE TABLE delivery_attempts (
    id                 bigint       GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id         uuid         NOT NULL REFERENCES notifications (message_id) ON DELETE CASCADE,
    attempt            integer      NOT NULL,
    provider           text         NOT NULL,
    contact_id         uuid,
    template_name      text,
    template_locale    text,
    template_version   integer,
    started_at         timestamptz  NOT NULL,
    duration_ms        integer,
    outcome            text         NOT NULL
        CONSTRAINT delivery_attempts_outcome_check
        CHECK (outcome IN ('sending', 'delivered', 'failed', 'unknown', 'rejected', 'gone', 'throttled',
                           'credentials_refused', 'deferred')),
    provider_reference text,
    error              varchar(500)
);

COMMENT ON TABLE  delivery_attempts                    IS 'One row a try at sending a notification to one address.';
COMMENT ON COLUMN delivery_attempts.id                 IS 'Orders the attempts of a notification.';
COMMENT ON COLUMN delivery_attempts.message_id         IS 'The notification.';
COMMENT ON COLUMN delivery_attempts.attempt            IS 'The attempt of the message, counted from 0; rows share it where one attempt sends to several contacts, or sends again without counting.';
COMMENT ON COLUMN delivery_attempts.provider           IS 'Who was asked to deliver.';
COMMENT ON COLUMN delivery_attempts.contact_id         IS 'Which of the user''s contacts; NULL where the address stands in the payload or is the user''s own. No reference: a contact that is deleted leaves its attempts.';
COMMENT ON COLUMN delivery_attempts.template_name      IS 'The template that was rendered; NULL where the payload says it itself.';
COMMENT ON COLUMN delivery_attempts.template_locale    IS 'The language that was rendered.';
COMMENT ON COLUMN delivery_attempts.template_version   IS 'The version that was rendered.';
COMMENT ON COLUMN delivery_attempts.started_at         IS 'When the provider was about to be asked.';
COMMENT ON COLUMN delivery_attempts.duration_ms        IS 'Milliseconds until the outcome; NULL while it is under way, or where nobody recorded its end.';
COMMENT ON COLUMN delivery_attempts.outcome            IS 'What came of it; sending while it is under way.';
COMMENT ON COLUMN delivery_attempts.provider_reference IS 'What the provider calls the message.';
COMMENT ON COLUMN delivery_attempts.error              IS 'Why it was not delivered, in the provider''s own words where there are any.';

-- A notification's attempts in their order. It also finds the rows that a deleted notification takes along.
CREATE INDEX delivery_attempts_message_idx ON delivery_attempts (message_id, id);
