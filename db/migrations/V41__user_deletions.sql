-- The deletion of users: it waits, can be cancelled meanwhile, and then erases what belongs to the user.
SET LOCAL lock_timeout = '5s';

ALTER TABLE users
    ADD COLUMN IF NOT EXISTS deletion_id uuid,
    ADD COLUMN IF NOT EXISTS erased_at   timestamptz,
    ADD COLUMN IF NOT EXISTS is_deleted  boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN users.deletion_id IS 'The deletion that waits, runs or is done; NULL if the user stays.';
COMMENT ON COLUMN users.erased_at   IS 'When the erasure of the user began. The row stays, so that the id is never used again.';
COMMENT ON COLUMN users.is_deleted  IS 'Whether the user was deleted with DELETION_MODE=soft, which erases nothing.';

CREATE TABLE user_deletions (
    id           uuid        PRIMARY KEY,
    -- No foreign key: the record outlives whatever happens to the user's row.
    user_id      uuid        NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT now(),
    due_at       timestamptz NOT NULL,
    status       text        NOT NULL DEFAULT 'waiting' CONSTRAINT user_deletions_status_check
                             CHECK (status IN ('waiting', 'erasing', 'done', 'cancelled')),
    requested_by text        NOT NULL,
    reason       text,
    marked_xid   xid8,
    finished_at  timestamptz
);

COMMENT ON TABLE  user_deletions              IS 'One row for each request to delete a user.';
COMMENT ON COLUMN user_deletions.id           IS 'UUIDv7.';
COMMENT ON COLUMN user_deletions.user_id      IS 'The user.';
COMMENT ON COLUMN user_deletions.requested_at IS 'When the deletion was requested.';
COMMENT ON COLUMN user_deletions.due_at       IS 'When the erasure may begin. A full day delays it.';
COMMENT ON COLUMN user_deletions.status       IS 'waiting: can be cancelled. erasing: runs. done and cancelled: has ended.';
COMMENT ON COLUMN user_deletions.requested_by IS 'The subject of the caller, the user of the operating system, or the name of the program.';
COMMENT ON COLUMN user_deletions.reason       IS 'What the caller says about it.';
COMMENT ON COLUMN user_deletions.marked_xid   IS 'The transaction that set users.erased_at.';
COMMENT ON COLUMN user_deletions.finished_at  IS 'When it was done or cancelled.';

CREATE UNIQUE INDEX user_deletions_open_key ON user_deletions (user_id) WHERE status IN ('waiting', 'erasing');
CREATE INDEX user_deletions_due_idx ON user_deletions (due_at, id) WHERE status = 'waiting';
CREATE INDEX user_deletions_erasing_idx ON user_deletions (id) WHERE status = 'erasing';
