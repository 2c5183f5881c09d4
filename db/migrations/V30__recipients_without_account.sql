-- Recipients without an account: the payload of a notification may name its recipient, and then it needs no user. An in-app
-- notification has no other recipient than a user. NOT VALID: PostgreSQL need not read all rows, which all have a user.
SET LOCAL lock_timeout = '5s';
ALTER TABLE notifications ALTER COLUMN user_id DROP NOT NULL;
ALTER TABLE notifications ADD CONSTRAINT notifications_in_app_user_check
    CHECK (user_id IS NOT NULL OR type <> 'in-app') NOT VALID;

COMMENT ON COLUMN notifications.user_id IS 'Whom it is for. NULL if the payload names the recipient, who need not be a user.';
