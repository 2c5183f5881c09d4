-- Which transactional categories have links to unsubscribe in their e-mails. Marketing categories always have them.
SET LOCAL lock_timeout = '5s';

ALTER TABLE categories ADD COLUMN IF NOT EXISTS unsubscribe boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN categories.unsubscribe IS 'Whether e-mails have a link to unsubscribe, if the category is transactional. Those of marketing categories always have one, those of critical categories never.';
