-- The links in recovery e-mails are signed with a key of the deletion, so that every program can make them without a setting.
SET LOCAL lock_timeout = '5s';
ALTER TABLE user_deletions ADD COLUMN IF NOT EXISTS link_key bytea
    CONSTRAINT user_deletions_link_key_check CHECK (octet_length(link_key) = 32);

COMMENT ON COLUMN user_deletions.link_key IS 'Random: signs the link that cancels the deletion. NULL until an e-mail with the link is sent.';
