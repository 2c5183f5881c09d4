-- The categories of notifications.
CREATE TABLE categories (
    name text PRIMARY KEY,
    kind text NOT NULL DEFAULT 'transactional'
         CONSTRAINT categories_kind_check CHECK (kind IN ('critical', 'transactional', 'marketing'))
);

COMMENT ON TABLE  categories      IS 'The categories of notifications. Users choose by category what they want to receive.';
COMMENT ON COLUMN categories.name IS 'The name by which notifications refer to the category.';
COMMENT ON COLUMN categories.kind IS 'critical: sent whatever the user has chosen. marketing: can always be unsubscribed. transactional: everything else.';

-- Messages about the security of an account.
INSERT INTO categories (name, kind) VALUES ('security', 'critical');

CREATE FUNCTION categories_keep_security() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the category "security" is built in: it cannot be deleted, renamed or given another kind'
        USING ERRCODE = 'restrict_violation';
END
$$;

COMMENT ON FUNCTION categories_keep_security() IS 'Refuses the change.';

CREATE TRIGGER categories_security_updated BEFORE UPDATE ON categories FOR EACH ROW
    WHEN (OLD.name = 'security' AND (NEW.name, NEW.kind) IS DISTINCT FROM (OLD.name, OLD.kind))
    EXECUTE FUNCTION categories_keep_security();

CREATE TRIGGER categories_security_deleted BEFORE DELETE ON categories FOR EACH ROW
    WHEN (OLD.name = 'security')
    EXECUTE FUNCTION categories_keep_security();

CREATE TRIGGER categories_truncated BEFORE TRUNCATE ON categories
    EXECUTE FUNCTION categories_keep_security();
