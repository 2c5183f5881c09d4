use std::io;
use std::time::Duration;

use lettre::transport::smtp::client::AsyncSmtpConnection;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::connection::SmtpConnection;
use super::error::{SmtpError, SmtpErrorCause};
use super::helo_name::HeloName;
use super::phase::SmtpPhase;
use super::settings::{SmtpLogin, SmtpSettings, SmtpTls};
use super::starttls::starttls;
use super::stream::ReplyStream;
use super::tls::{SmtpTlsConnector, SmtpTlsError};

/// Opens connections to the SMTP server.
pub(super) struct SmtpConnector {
    host: String,
    port: u16,
    encryption: SmtpEncryption,
    login: Option<SmtpLogin>,
    helo_name: HeloName,
    connect_timeout: Duration,
}

enum SmtpEncryption {
    StartTls(SmtpTlsConnector),
    Implicit(SmtpTlsConnector),
    None,
}

impl SmtpConnector {
    /// Reads the system's certificate authorities. This is slow, so create only one connector.
    pub(super) fn new(
        settings: SmtpSettings,
        authority: Option<&str>,
        connect_timeout: Duration,
    ) -> Result<Self, SmtpTlsError> {
        let connector = || SmtpTlsConnector::new(&settings.host, authority);
        Ok(Self {
            encryption: match settings.tls {
                SmtpTls::StartTls => SmtpEncryption::StartTls(connector()?),
                SmtpTls::Tls => SmtpEncryption::Implicit(connector()?),
                SmtpTls::None => SmtpEncryption::None,
            },
            host: settings.host,
            port: settings.port,
            login: settings.login,
            helo_name: settings.helo_name,
            connect_timeout,
        })
    }

    /// Opens a connection, encrypted and logged in according to the settings.
    pub(super) async fn connect(&self) -> Result<SmtpConnection, SmtpError> {
        let smtp = self.open().await;
        let smtp = smtp.map_err(|cause| cause.at(SmtpPhase::Connecting))?;
        let mut connection = SmtpConnection::new(smtp);
        if let Some(login) = &self.login {
            let logged_in = connection.log_in(login).await;
            logged_in.map_err(|cause| cause.at(SmtpPhase::LoggingIn))?;
        }
        Ok(connection)
    }

    /// Connects, encrypts the connection and introduces this host. The filter of the replies is above TLS.
    async fn open(&self) -> Result<AsyncSmtpConnection, SmtpErrorCause> {
        let lost = |error: io::Error| SmtpErrorCause::Lost(error.to_string());
        let mut stream = self.connect_tcp().await.map_err(SmtpErrorCause::Lost)?;
        let peer = stream.peer_addr().map_err(lost)?;
        let local = stream.local_addr().map_err(lost)?;
        let hello = self.helo_name.client_id(local.ip());
        let (tls, greeting) = match &self.encryption {
            SmtpEncryption::Implicit(tls) => (tls, None),
            // Never falls back to an unencrypted connection.
            SmtpEncryption::StartTls(tls) => {
                let greeting = starttls(&mut stream, &hello).await?;
                // The server does not repeat it, but lettre waits for one.
                (tls, Some(greeting))
            }
            SmtpEncryption::None => {
                let stream = Box::new(ReplyStream::new(stream, peer, None));
                return Ok(AsyncSmtpConnection::connect_with_transport(stream, &hello).await?);
            }
        };
        let stream = tls.connect(stream).await.map_err(lost)?;
        let stream = Box::new(ReplyStream::new(stream, peer, greeting));
        Ok(AsyncSmtpConnection::connect_with_transport(stream, &hello).await?)
    }

    /// Connects to the first address of the host that accepts a connection. Sets `TCP_NODELAY`: the line
    /// that ends a message is a separate write, which would otherwise wait for the delayed acknowledgement of the
    /// previous one, 40 ms for each message.
    async fn connect_tcp(&self) -> Result<TcpStream, String> {
        let addresses = lookup_host((self.host.as_str(), self.port)).await;
        let mut error = "the host has no address".to_owned();
        for address in addresses.map_err(|error| error.to_string())? {
            let limit = self.connect_timeout;
            let connected = timeout(limit, TcpStream::connect(address)).await;
            match connected.map(|connected| connected.and_then(without_delay)) {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(failure)) => error = failure.to_string(),
                Err(_) => error = format!("no connection within {limit:?}"),
            }
        }
        Err(error)
    }
}

fn without_delay(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    Ok(stream)
}
