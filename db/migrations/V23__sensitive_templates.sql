-- Templates whose notifications are sensitive: their variables are a password, a code, a diagnosis.
ALTER TABLE templates ADD COLUMN sensitive boolean NOT NULL DEFAULT false;

COMMENT ON COLUMN templates.sensitive IS 'Whether all notifications with this template are sensitive: notifications.sensitive.';

-- The intake looks here for each notification with a template. Most installations have few such templates.
CREATE INDEX templates_sensitive_idx ON templates (name, channel) WHERE sensitive;

CREATE FUNCTION template_is_sensitive(wanted_name text, wanted_channel text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM templates AS template
        WHERE template.name = wanted_name AND template.channel = wanted_channel
              AND template.sensitive AND template.deleted_at IS NULL
              AND NOT EXISTS (SELECT FROM templates AS newer
                              WHERE newer.name = template.name AND newer.channel = template.channel
                                    AND newer.locale = template.locale AND newer.version > template.version))
$$;

COMMENT ON FUNCTION template_is_sensitive IS 'Whether the template in use is sensitive, in any of its languages.';
