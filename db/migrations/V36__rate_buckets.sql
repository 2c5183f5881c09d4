-- How much of its limit each caller of the API has used. Only for minutes, so the table is not written to the WAL: after a
-- crash of PostgreSQL it is empty, and each caller has its whole burst again.
CREATE UNLOGGED TABLE rate_buckets (
    key    uuid        PRIMARY KEY,
    tat    timestamptz NOT NULL,
    leased integer     NOT NULL
) WITH (fillfactor = 50);

COMMENT ON TABLE  rate_buckets        IS 'The rate limits of the callers of the API. A row whose time is past is the same as none.';
COMMENT ON COLUMN rate_buckets.key    IS 'The caller: a UUID that is derived from its subject.';
COMMENT ON COLUMN rate_buckets.tat    IS 'The theoretical arrival time of the generic cell rate algorithm: when everything that was leased is refilled.';
COMMENT ON COLUMN rate_buckets.leased IS 'How many requests the last lease granted.';
