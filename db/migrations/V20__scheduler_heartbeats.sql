-- Which schedulers run: rows that are due without a scheduler are an incident, and the API relies on one while RabbitMQ
-- is away.
CREATE TABLE scheduler_heartbeats (
    id      uuid        PRIMARY KEY,
    beat_at timestamptz NOT NULL,
    version text        NOT NULL
);

COMMENT ON TABLE  scheduler_heartbeats         IS 'One row for each process that runs a scheduler, or ran one within the last day.';
COMMENT ON COLUMN scheduler_heartbeats.id      IS 'Drawn by the process at its start.';
COMMENT ON COLUMN scheduler_heartbeats.beat_at IS 'When its scheduler last looked for due notifications.';
COMMENT ON COLUMN scheduler_heartbeats.version IS 'The version of the program.';
