-- Users are created over HTTP: they get a language and a time zone, and no two of them have one e-mail address in
-- different spellings. The programs refuse to run this migration while two users have (migrations.rs), and say how to
-- solve it.
SET LOCAL lock_timeout = '5s';

ALTER TABLE users
    ADD COLUMN IF NOT EXISTS locale     text,
    ADD COLUMN IF NOT EXISTS timezone   text,
    ADD COLUMN IF NOT EXISTS updated_at timestamptz NOT NULL DEFAULT now();

COMMENT ON COLUMN users.locale     IS 'The user''s language (BCP 47); NULL if it is not known.';
COMMENT ON COLUMN users.timezone   IS 'The user''s time zone: a name of the IANA database; NULL if it is not known.';
COMMENT ON COLUMN users.updated_at IS 'When the name, the address, the language or the time zone last changed. In older rows, when this column was added.';

-- Not an index on the column: SQL may insert any spelling. The API stores addresses in a normal form that this function
-- does not change (EmailAddress). For an address that SQL has inserted, the function knows the case of ASCII letters and
-- composed characters (NFC), and not international domains.
CREATE OR REPLACE FUNCTION normal_email(email text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN lower(normalize(email, NFC) COLLATE "C");

COMMENT ON FUNCTION normal_email(text) IS 'The spelling of an e-mail address by which users are unique.';

CREATE UNIQUE INDEX IF NOT EXISTS users_email_normal_key ON users (normal_email(email));

CREATE FUNCTION users_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END
$$;

COMMENT ON FUNCTION users_update() IS 'Sets updated_at.';

-- A trigger, because SQL and the version before change users, too.
CREATE TRIGGER users_updated BEFORE UPDATE ON users FOR EACH ROW
    WHEN ((OLD.username, OLD.email, OLD.locale, OLD.timezone)
          IS DISTINCT FROM (NEW.username, NEW.email, NEW.locale, NEW.timezone))
    EXECUTE FUNCTION users_update();
