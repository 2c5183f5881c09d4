-- Retention deletes what belongs to accounts and has expired. It finds it by these indexes.
CREATE INDEX sessions_created_idx        ON sessions (created_at);
CREATE INDEX contact_codes_expires_idx   ON contact_codes (expires_at);
CREATE INDEX password_resets_expires_idx ON password_resets (expires_at);
CREATE INDEX invites_expires_idx         ON invites (expires_at);
