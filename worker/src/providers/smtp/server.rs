use std::io;
use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::connection::Connection;
use super::error::{SmtpError, SmtpErrorCause};
use super::phase::SmtpPhase;
use super::settings::{SmtpLogin, SmtpSettings, SmtpTls};

/// Connects to the SMTP server.
pub(super) struct Server {
    host: String,
    port: u16,
    encryption: Encryption,
    login: Option<SmtpLogin>,
    hello: ClientId,
    connect_timeout: Duration,
}

enum Encryption {
    StartTls(TlsParameters),
    Implicit(TlsParameters),
    None,
}

impl Server {
    /// Reads the system's certificate authorities, which is slow, so it is done once.
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
                SmtpTls::StartTls => Encryption::StartTls(parameters()?),
                SmtpTls::Tls => Encryption::Implicit(parameters()?),
                SmtpTls::None => Encryption::None,
            },
            host: settings.host,
            port: settings.port,
            login: settings.login,
            hello: ClientId::default(),
            connect_timeout,
        })
    }

    /// Opens a connection, encrypted and logged in according to the settings.
    pub(super) async fn connect(&self) -> Result<Connection, SmtpError> {
        let smtp = self.open().await;
        let smtp = smtp.map_err(|cause| cause.at(SmtpPhase::Connecting))?;
        let mut connection = Connection::new(smtp);
        if let Some(login) = &self.login {
            let logged_in = connection.log_in(login).await;
            logged_in.map_err(|cause| cause.at(SmtpPhase::LoggingIn))?;
        }
        Ok(connection)
    }

    async fn open(&self) -> Result<AsyncSmtpConnection, SmtpErrorCause> {
        let (hello, limit) = (&self.hello, self.connect_timeout);
        let starttls = match &self.encryption {
            Encryption::Implicit(parameters) => {
                let server = (self.host.as_str(), self.port);
                let (limit, tls) = (Some(limit), Some(parameters.clone()));
                return Ok(
                    AsyncSmtpConnection::connect_tokio1(server, limit, hello, tls, None).await?,
                );
            }
            Encryption::StartTls(parameters) => Some(parameters),
            Encryption::None => None,
        };
        let stream = self.connect_tcp().await.map_err(SmtpErrorCause::Lost)?;
        let mut smtp = AsyncSmtpConnection::connect_with_transport(Box::new(stream), hello).await?;
        if let Some(parameters) = starttls {
            // Fails if the server does not offer STARTTLS. Never falls back to an unencrypted connection.
            smtp.starttls(parameters.clone(), hello).await?;
        }
        Ok(smtp)
    }

    /// Connects to the first address of the host that accepts a connection, and sets `TCP_NODELAY`, which lettre
    /// does not. The line that ends a message is a separate write, which would wait for the delayed
    /// acknowledgement of the previous write: 40 ms for each message. (lettre offers no way to set it with
    /// implicit TLS.)
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
