-- The trace that a notification belongs to (W3C Trace Context). It is in the headers of messages, too; what waits in the table
-- gets its headers back from here.
SET LOCAL lock_timeout = '5s';
ALTER TABLE notifications
    ADD COLUMN IF NOT EXISTS trace_id     text,
    ADD COLUMN IF NOT EXISTS trace_parent text,
    ADD COLUMN IF NOT EXISTS trace_state  text;

COMMENT ON COLUMN notifications.trace_id     IS 'The id of the trace: 32 hexadecimal digits. NULL without a trace.';
COMMENT ON COLUMN notifications.trace_parent IS 'The other fields of traceparent, <parent-id>-<flags>: the span that published the notification.';
COMMENT ON COLUMN notifications.trace_state  IS 'The header tracestate, at most 512 bytes; NULL if there is none.';
