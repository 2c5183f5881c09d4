-- Marks the check of V30 as valid for all rows. Reads the table, and blocks neither reads nor writes.
SET LOCAL lock_timeout = '5s';
ALTER TABLE notifications VALIDATE CONSTRAINT notifications_in_app_user_check;
