-- The claim under which an attempt was begun. A worker that could not find out whether it has inserted its attempts
-- can take them back: it sent nothing under this claim.
SET LOCAL lock_timeout = '5s';

ALTER TABLE delivery_attempts ADD COLUMN lease_token uuid;

COMMENT ON COLUMN delivery_attempts.lease_token IS 'The notification''s lease_token when the attempt began; NULL for attempts of older versions.';
