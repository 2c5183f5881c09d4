-- The outcome of an attempt that asked no provider, because the notification cannot be sent: no contact, no
-- template, a URL that webhooks may not use. It says nothing about the address, unlike 'rejected'.
SET LOCAL lock_timeout = '5s';

ALTER TABLE delivery_attempts DROP CONSTRAINT delivery_attempts_outcome_check;
ALTER TABLE delivery_attempts ADD CONSTRAINT delivery_attempts_outcome_check
    CHECK (outcome IN ('sending', 'delivered', 'failed', 'unknown', 'rejected', 'gone', 'throttled',
                       'credentials_refused', 'deferred', 'not_sent')) NOT VALID;
