-- Two more ends of a notification. NOT VALID: PostgreSQL need not read all rows, which satisfied the narrower check.
SET LOCAL lock_timeout = '5s';
ALTER TABLE notifications DROP CONSTRAINT notifications_status_check;
ALTER TABLE notifications ADD CONSTRAINT notifications_status_check
    CHECK (status IN ('scheduled', 'pending', 'retrying', 'processed', 'failed', 'cancelled', 'expired',
                      'suppressed', 'digested')) NOT VALID;
