-- Which processes run, how each sees the providers of its channels, and when an operator last asked for a probe.
CREATE TABLE processes (
    id         uuid        PRIMARY KEY,
    program    text        NOT NULL,
    version    text        NOT NULL,
    stages     text[]      NOT NULL,
    channels   jsonb       NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    seen_at    timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE  processes            IS 'One row for each API and each worker that runs, or ran within the last day and was killed.';
COMMENT ON COLUMN processes.id         IS 'Drawn by the process at its start.';
COMMENT ON COLUMN processes.program    IS 'api or worker.';
COMMENT ON COLUMN processes.version    IS 'The version of the program.';
COMMENT ON COLUMN processes.stages     IS 'What a worker serves: WORKER_CHANNELS. Empty for an API.';
COMMENT ON COLUMN processes.channels   IS 'The channels that a worker delivers, as it sees their providers: [{"channel", "provider", "state", "since", "reason", "destinationsAway"}].';
COMMENT ON COLUMN processes.started_at IS 'When the process first reported.';
COMMENT ON COLUMN processes.seen_at    IS 'When the process last reported. Reports are 5 s apart.';

CREATE TABLE channel_probes (
    channel      text        PRIMARY KEY,
    requested_at timestamptz NOT NULL DEFAULT now(),
    requested_by text        NOT NULL
);

COMMENT ON TABLE  channel_probes              IS 'When an operator last asked for a probe of the provider of a channel. Workers read it every CONTROL_POLL_MS.';
COMMENT ON COLUMN channel_probes.channel      IS 'The channel.';
COMMENT ON COLUMN channel_probes.requested_at IS 'When. A worker that has seen another time before lets one message through at once.';
COMMENT ON COLUMN channel_probes.requested_by IS 'Who: the subject of the token, or the tool.';

-- Endpoints that Tidings itself has disabled.
CREATE INDEX webhook_endpoints_disabled_idx ON webhook_endpoints (id) WHERE disabled_reason IS NOT NULL;
