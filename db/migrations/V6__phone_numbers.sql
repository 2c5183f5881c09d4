-- Where a user's text messages go when a notification names no number.
CREATE TABLE phone_numbers (
    id         uuid        PRIMARY KEY,
    user_id    uuid        NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    number     text        NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    -- It also finds all numbers of a user, of whom there are few.
    CONSTRAINT phone_numbers_user_id_number_key UNIQUE (user_id, number)
);

COMMENT ON TABLE  phone_numbers            IS 'Where a user''s text messages go when a notification names no number: to the one added last.';
COMMENT ON COLUMN phone_numbers.id         IS 'UUIDv7, so that order by id is order by time.';
COMMENT ON COLUMN phone_numbers.user_id    IS 'Whose it is; several users may share a number.';
COMMENT ON COLUMN phone_numbers.number     IS '+ and 8 to 15 digits (ITU-T E.164).';
COMMENT ON COLUMN phone_numbers.created_at IS 'When it was added.';
