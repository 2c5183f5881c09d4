use crate::database::TestDatabase;

impl TestDatabase {
    /// Lets PostgreSQL abort the next `count` statements of a kind, such as `UPDATE ON notifications`, with this SQLSTATE.
    /// Replaces the last such order.
    pub async fn abort_first(&self, count: u32, kind: &str, sql_state: &str) {
        // A sequence keeps its value when a transaction is rolled back.
        let sql = format!(
            "CREATE SEQUENCE IF NOT EXISTS statements;
             ALTER SEQUENCE statements RESTART;
             CREATE OR REPLACE FUNCTION abort_first() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
                 IF nextval('statements') <= {count} THEN
                     RAISE EXCEPTION 'the test aborts this statement' USING ERRCODE = '{sql_state}';
                 END IF;
                 RETURN NULL;
             END $$;
             CREATE OR REPLACE TRIGGER abort_first BEFORE {kind}
                 FOR EACH STATEMENT EXECUTE FUNCTION abort_first()"
        );
        let created = self
            .pool
            .run(async |client| Ok(client.batch_execute(&sql).await?));
        created.await.expect("the trigger");
    }

    /// Returns the number of statements of the kind since [`TestDatabase::abort_first`], with those that were aborted.
    pub async fn count_since_abort_first(&self) -> i64 {
        let sql = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM statements";
        let count = self
            .pool
            .run(async |client| Ok(client.query_one(sql, &[]).await?.get(0)));
        count.await.expect("a count")
    }
}
