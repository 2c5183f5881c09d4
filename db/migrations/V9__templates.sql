-- What messages say, by name, channel and language. Every change is a row of its own, so that what was
-- sent can still be explained.
CREATE TABLE templates (
    id         uuid        PRIMARY KEY,
    name       text        NOT NULL,
    channel    text        NOT NULL
        CONSTRAINT templates_channel_check CHECK (channel IN ('email', 'sms', 'push')),
    locale     text        NOT NULL,
    version    integer     NOT NULL,
    subject    text,
    text       text        NOT NULL,
    html       text,
    created_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT templates_version_key UNIQUE (name, channel, locale, version)
);

COMMENT ON TABLE  templates            IS 'What messages say: one row a version of a template.';
COMMENT ON COLUMN templates.id         IS 'UUIDv7 of created_at.';
COMMENT ON COLUMN templates.name       IS 'What a notification calls it by.';
COMMENT ON COLUMN templates.channel    IS 'The channel that it is written for.';
COMMENT ON COLUMN templates.locale     IS 'Its language, such as de or de-AT, in canonical spelling, or default.';
COMMENT ON COLUMN templates.version    IS 'From 1 for each name, channel and locale; the largest is the one in use. Numbers go on after a deletion.';
COMMENT ON COLUMN templates.subject    IS 'The source of an e-mail''s subject or a push message''s title.';
COMMENT ON COLUMN templates.text       IS 'The source of the text.';
COMMENT ON COLUMN templates.html       IS 'The source of an e-mail''s HTML part.';
COMMENT ON COLUMN templates.created_at IS 'When this version was written.';
COMMENT ON COLUMN templates.deleted_at IS 'When the template was deleted; of all its versions up to then.';
