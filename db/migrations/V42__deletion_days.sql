-- How many erasures have begun on each day, for the limit a day.
CREATE TABLE deletion_days (
    day  date    PRIMARY KEY,
    done integer NOT NULL
);

COMMENT ON TABLE  deletion_days      IS 'How many erasures have begun on each day.';
COMMENT ON COLUMN deletion_days.day  IS 'A day in UTC.';
COMMENT ON COLUMN deletion_days.done IS 'The number of erasures that count into DELETIONS_PER_DAY, and those that exceeded it.';
