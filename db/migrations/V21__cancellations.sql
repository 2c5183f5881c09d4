-- Cancellations of notifications that are not recorded yet: the intake, the schedulers and the deliveries look here.
CREATE TABLE cancellations (
    message_id   uuid        NOT NULL,
    sender       text        NOT NULL,
    cancelled_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (message_id, sender)
);

COMMENT ON TABLE  cancellations              IS 'One row for each notification that its sender cancelled before it was recorded.';
COMMENT ON COLUMN cancellations.message_id   IS 'The notification.';
COMMENT ON COLUMN cancellations.sender       IS 'Whose notification it must be; empty for any, if an administrator cancelled it.';
COMMENT ON COLUMN cancellations.cancelled_at IS 'When.';
