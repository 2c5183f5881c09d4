-- Which template a notification is written by. Without defaults and nullable, so that the rows that are
-- there need no rewriting and an older version goes on inserting.
ALTER TABLE notifications
    ADD COLUMN template_name   text,
    ADD COLUMN template_locale text;

COMMENT ON COLUMN notifications.template_name   IS 'The template that says what the notification says; its payload is then the variables. NULL where the payload says it itself.';
COMMENT ON COLUMN notifications.template_locale IS 'The language asked for, such as de-AT; NULL for the default one.';
