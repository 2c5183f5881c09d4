-- Which channels send nothing, because an operator stopped them. Every claim of a notification looks here.
CREATE TABLE sending_switches (
    channel text        PRIMARY KEY,
    stopped boolean     NOT NULL,
    reason  text,
    by      text        NOT NULL,
    at      timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE  sending_switches         IS 'One row for each switch that was ever used.';
COMMENT ON COLUMN sending_switches.channel IS 'The channel, or * for all channels. A channel sends if neither its own switch nor that of all channels is stopped.';
COMMENT ON COLUMN sending_switches.stopped IS 'Whether nothing is sent.';
COMMENT ON COLUMN sending_switches.reason  IS 'Why it was stopped; NULL once it is started.';
COMMENT ON COLUMN sending_switches.by      IS 'Who stopped or started it last: the subject of the token, or the tool.';
COMMENT ON COLUMN sending_switches.at      IS 'When.';
