use std::io;
use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::connection::Connection;
use super::report::{Cause, Trouble};
use super::settings::{SmtpLogin, SmtpSettings, SmtpTls};
use super::stage::Stage;

/// The server and how to reach it.
pub(super) struct Server {
    host: String,
    port: u16,
    encryption: Encryption,
    login: Option<SmtpLogin>,
    hello: ClientId,
    connect_timeout: Duration,
}

enum Encryption {
    ByStartTls(TlsParameters),
    FromTheFirstByte(TlsParameters),
    None,
}

impl Server {
    /// Reads the system's certificate authorities, which is why it is done once.
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
                SmtpTls::StartTls => Encryption::ByStartTls(parameters()?),
                SmtpTls::Tls => Encryption::FromTheFirstByte(parameters()?),
                SmtpTls::None => Encryption::None,
            },
            host: settings.host,
            port: settings.port,
            login: settings.login,
            hello: ClientId::default(),
            connect_timeout,
        })
    }

    /// A new connection, encrypted and logged in as the settings say.
    pub(super) async fn connect(&self) -> Result<Connection, Trouble> {
        let smtp = self.open().await;
        let smtp = smtp.map_err(|cause| cause.at(Stage::Connecting))?;
        let mut connection = Connection::new(smtp);
        if let Some(login) = &self.login {
            let logged_in = connection.log_in(login).await;
            logged_in.map_err(|cause| cause.at(Stage::LoggingIn))?;
        }
        Ok(connection)
    }

    async fn open(&self) -> Result<AsyncSmtpConnection, Cause> {
        let (hello, limit) = (&self.hello, self.connect_timeout);
        let by_starttls = match &self.encryption {
            Encryption::FromTheFirstByte(parameters) => {
                let server = (self.host.as_str(), self.port);
                let (limit, tls) = (Some(limit), Some(parameters.clone()));
                return Ok(
                    AsyncSmtpConnection::connect_tokio1(server, limit, hello, tls, None).await?,
                );
            }
            Encryption::ByStartTls(parameters) => Some(parameters),
            Encryption::None => None,
        };
        let stream = self.reach().await.map_err(Cause::Lost)?;
        let mut smtp = AsyncSmtpConnection::connect_with_transport(Box::new(stream), hello).await?;
        if let Some(parameters) = by_starttls {
            // Fails where the server does not offer it: nothing is ever sent unencrypted instead.
            smtp.starttls(parameters.clone(), hello).await?;
        }
        Ok(smtp)
    }

    /// A connection to the first of the host's addresses that takes one, as lettre makes it, but that
    /// it writes without delay. The line that ends a message is a write of its own, which would wait for
    /// the server's acknowledgement of what came before; and the server holds that back for 40 ms, in
    /// each message. (For TLS from the first byte lettre has no way to say so.)
    async fn reach(&self) -> Result<TcpStream, String> {
        let addresses = lookup_host((self.host.as_str(), self.port)).await;
        let mut why = "the host has no address".to_owned();
        for address in addresses.map_err(|error| error.to_string())? {
            let limit = self.connect_timeout;
            let connected = timeout(limit, TcpStream::connect(address)).await;
            match connected.map(|connected| connected.and_then(without_delay)) {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => why = error.to_string(),
                Err(_) => why = format!("no connection within {limit:?}"),
            }
        }
        Err(why)
    }
}

fn without_delay(stream: TcpStream) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    Ok(stream)
}
