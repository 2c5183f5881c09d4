-- Figures for statistics. Each process adds what it has counted.
CREATE TABLE stats_minute (
    minute  timestamptz NOT NULL,
    channel text        NOT NULL,
    measure text        NOT NULL,
    label   text        NOT NULL,
    n       bigint      NOT NULL,
    sum_ms  bigint      NOT NULL,
    buckets int[]       NOT NULL,
    PRIMARY KEY (minute, measure, channel, label)
) WITH (fillfactor = 70);
CREATE TABLE stats_hour (
    hour    timestamptz NOT NULL,
    channel text        NOT NULL,
    measure text        NOT NULL,
    label   text        NOT NULL,
    n       bigint      NOT NULL,
    sum_ms  bigint      NOT NULL,
    buckets int[]       NOT NULL,
    PRIMARY KEY (hour, measure, channel, label)
) WITH (fillfactor = 70);

COMMENT ON TABLE stats_minute IS 'Figures of single minutes, kept for 30 days';
COMMENT ON COLUMN stats_minute.minute IS 'Start of the minute in which the events were counted, by the clock of the process';
COMMENT ON COLUMN stats_minute.channel IS 'Channel of the notifications; empty if it is not known or the measure has none';
COMMENT ON COLUMN stats_minute.measure IS 'What is counted (docs/STATISTICS.md)';
COMMENT ON COLUMN stats_minute.label IS 'Reason, outcome or queue; empty for other measures';
COMMENT ON COLUMN stats_minute.n IS 'Number of events; for depth and consumers the largest sample';
COMMENT ON COLUMN stats_minute.sum_ms IS 'Sum of the durations of the events, in milliseconds';
COMMENT ON COLUMN stats_minute.buckets IS 'Number of durations in each bucket; empty without durations. The bounds are BOUNDS_MS in the crate tidings-domain';
COMMENT ON TABLE stats_hour IS 'Figures of single hours, kept for 400 days. Written together with those of the minutes';
COMMENT ON COLUMN stats_hour.hour IS 'Start of the hour in which the events were counted, by the clock of the process';
COMMENT ON COLUMN stats_hour.channel IS 'Channel of the notifications; empty if it is not known or the measure has none';
COMMENT ON COLUMN stats_hour.measure IS 'What is counted (docs/STATISTICS.md)';
COMMENT ON COLUMN stats_hour.label IS 'Reason, outcome or queue; empty for other measures';
COMMENT ON COLUMN stats_hour.n IS 'Number of events; for depth and consumers the largest sample';
COMMENT ON COLUMN stats_hour.sum_ms IS 'Sum of the durations of the events, in milliseconds';
COMMENT ON COLUMN stats_hour.buckets IS 'Number of durations in each bucket; empty without durations. The bounds are BOUNDS_MS in the crate tidings-domain';
