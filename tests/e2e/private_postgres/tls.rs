use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use tidings_db::{Database, DatabaseSettings, DbError};
use tidings_settings::Reader;
use tidings_tests::{PrivateServer, ServerKind, ServerUrls, TestDatabase, eventually, secs};

/// Configures a certificate for the server's address and enables TLS for new connections.
async fn enable_tls(db: &TestDatabase, own: &CertifiedKey<KeyPair>) {
    let client = db.pool.dedicated_client().await.expect("a connection");
    // The server writes the files, because only its own user may read the key.
    for (file, pem) in [
        ("server.crt", own.cert.pem()),
        ("server.key", own.signing_key.serialize_pem()),
    ] {
        let write = format!(
            "COPY (SELECT unnest(string_to_array('{pem}', E'\n'))) TO PROGRAM 'umask 077; cat > {file}'"
        );
        client.batch_execute(&write).await.expect("written");
    }
    client
        .batch_execute("ALTER SYSTEM SET ssl = on")
        .await
        .expect("set");
    client
        .batch_execute("SELECT pg_reload_conf()")
        .await
        .expect("reloaded");
    eventually(secs(10), "TLS is enabled", async || {
        is_encrypted(&with(db, "sslmode=require"))
            .await
            .unwrap_or(false)
    })
    .await;
}

fn with(db: &TestDatabase, parameters: &str) -> String {
    format!("{}?{parameters}", db.url())
}

/// Returns whether a connection with this URL is encrypted, according to the server.
async fn is_encrypted(url: &str) -> Result<bool, DbError> {
    let mut reader = Reader::from_vars([("DATABASE_URL".to_owned(), url.to_owned())]);
    let settings = DatabaseSettings::read(&mut reader);
    let settings = reader.finish(settings).expect("settings");
    let database = Database::new(&settings, "tests: TLS").expect("a pool");
    let client = database.dedicated_client().await?;
    let own = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    Ok(client.query_one(own, &[]).await?.get(0))
}

fn self_signed() -> CertifiedKey<KeyPair> {
    generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate")
}

#[tokio::test]
async fn connections_are_encrypted_and_verified_as_configured_in_the_url() {
    let postgres = PrivateServer::new(ServerKind::Postgres).await;
    let db = TestDatabase::empty(&postgres.among(ServerUrls::shared())).await;
    let (own, another) = (self_signed(), self_signed());
    enable_tls(&db, &own).await;

    let encrypted = async |parameters: &str| is_encrypted(&with(&db, parameters)).await;
    assert!(!encrypted("sslmode=disable").await.expect("connected"));
    assert!(encrypted("sslmode=prefer").await.expect("connected"));
    assert!(encrypted("sslmode=require").await.expect("connected"));

    let trusted = postgres.file("own.pem", &own.cert.pem());
    let verified = format!("sslmode=verify-full&sslrootcert={trusted}");
    assert!(encrypted(&verified).await.expect("the right authority"));
    let foreign = postgres.file("another.pem", &another.cert.pem());
    let refused = encrypted(&format!("sslmode=verify-full&sslrootcert={foreign}")).await;
    let error = refused.expect_err("another authority").to_string();
    assert!(error.contains("certificate"), "{error}");
    let unknown = encrypted("sslmode=verify-full").await;
    assert!(unknown.is_err(), "the system's authorities do not trust it");
}
