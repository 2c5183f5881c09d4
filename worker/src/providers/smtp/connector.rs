use std::io;
use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::connection::SmtpConnection;
use super::error::{SmtpError, SmtpErrorCause};
use super::phase::SmtpPhase;
use super::settings::{SmtpLogin, SmtpSettings, SmtpTls};

/// Opens connections to the SMTP server.
pub(super) struct SmtpConnector {
    host: String,
    port: u16,
    encryption: SmtpEncryption,
    login: Option<SmtpLogin>,
    hello: ClientId,
    connect_timeout: Duration,
}

enum SmtpEncryption {
    StartTls(TlsParameters),
    Implicit(TlsParameters),
    None,
}

impl SmtpConnector {
    /// Reads the system's certificate authorities. This is slow, so create only one connector.
    pub(super) fn new(
        settings: SmtpSettings,
        authority: Option<Certificate>,
        connect_timeout: Duration,
    ) -> Result<Self, Error> {
        let parameters = || {
            let builder = TlsParameters::builder(settings.host.clone());
            match authority {
                Some(authority) => builder.add_root_certificate(authority),
                None => builder,
            }
            .build()
        };
        Ok(Self {
            encryption: match settings.tls {
                SmtpTls::StartTls => SmtpEncryption::StartTls(parameters()?),
                SmtpTls::Tls => SmtpEncryption::Implicit(parameters()?),
                SmtpTls::None => SmtpEncryption::None,
            },
            host: settings.host,
            port: settings.port,
            login: settings.login,
            hello: ClientId::default(),
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

    async fn open(&self) -> Result<AsyncSmtpConnection, SmtpErrorCause> {
        let (hello, limit) = (&self.hello, self.connect_timeout);
        let starttls = match &self.encryption {
            SmtpEncryption::Implicit(parameters) => {
                let server = (self.host.as_str(), self.port);
                let (limit, tls) = (Some(limit), Some(parameters.clone()));
                return Ok(
                    AsyncSmtpConnection::connect_tokio1(server, limit, hello, tls, None).await?,
                );
            }
            SmtpEncryption::StartTls(parameters) => Some(parameters),
            SmtpEncryption::None => None,
        };
        let stream = self.connect_tcp().await.map_err(SmtpErrorCause::Lost)?;
        let mut smtp = AsyncSmtpConnection::connect_with_transport(Box::new(stream), hello).await?;
        if let Some(parameters) = starttls {
            // Fails if the server does not offer STARTTLS. Never falls back to an unencrypted connection.
            smtp.starttls(parameters.clone(), hello).await?;
        }
        Ok(smtp)
    }

    /// Connects to the first address of the host that accepts a connection. Sets `TCP_NODELAY`, which lettre
    /// does not set: the line that ends a message is a separate write, which would otherwise wait for the
    /// delayed acknowledgement of the previous one, 40 ms for each message. (With implicit TLS, lettre offers
    /// no way to set it.)
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
