//! `tidings dashboard login`.

use anyhow::{Context, bail};
use serde_json::json;
use tidings_db::audit::{self, Action, TargetKind};
use tidings_db::{Database, DatabaseSettings, TransactionOptions, dashboard_links};
use tidings_domain::access::{DashboardLinkToken, DashboardRole};
use tidings_settings::{Reader, read_public_url, table};
use url::Url;

use crate::operator::{name, operator};
use crate::output::{CommandOutput, Text};
use crate::settings;

/// Arguments of `login`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What the session may do: viewer reads, operator also operates the service, admin may do everything
    #[arg(long, value_name = "ROLE", default_value = "admin")]
    role: DashboardRole,
    /// The URL at which the browser reaches the API; by default `PUBLIC_URL`, or <http://localhost> with `API_PORT`
    #[arg(long, value_name = "URL", value_parser = base_url)]
    url: Option<Url>,
}

/// Makes a link.
pub async fn run(args: Args) -> anyhow::Result<CommandOutput> {
    let (database, base) = settings::read(|reader| {
        let base = args.url.clone().or_else(|| default_base(reader));
        Some((DatabaseSettings::read(reader)?, base))
    })?;
    let Some(base) = base else {
        bail!("API_PORT=0 takes any free port: pass the address of the API with --url");
    };
    let token = DashboardLinkToken::generate().context("there are no random bytes")?;
    let (origin, created_by) = (operator(), name());
    let expires_at = Database::new(&database, "tidings dashboard")?
        .transaction(TransactionOptions::default(), async |transaction| {
            let (id, expires_at) =
                dashboard_links::insert(transaction, &token, args.role, &created_by).await?;
            let entry = origin
                .entry(Action::DashboardLink)
                .on(TargetKind::DashboardLink, id)
                .with("role", args.role.as_str());
            audit::record(transaction, &entry).await?;
            Ok(expires_at)
        })
        .await?;
    let link = link(&base, &token);
    let json = json!({"url": link, "role": args.role.as_str(), "expiresAt": expires_at});
    let mut text = Text::default();
    text.line(format_args!("{link}"));
    text.line(format_args!(
        "The link is valid for 10 minutes and logs in once, as {}.",
        args.role
    ));
    CommandOutput::new(text, json)
}

/// Where a browser on this machine, or the one that `PUBLIC_URL` is for, reaches the API.
fn default_base(reader: &mut Reader) -> Option<Url> {
    if let Some(url) = read_public_url(reader) {
        return Some(url);
    }
    let port: u16 = reader.value(table::API_PORT);
    let url = || Url::parse(&format!("http://localhost:{port}")).ok();
    (port != 0).then(url).flatten()
}

/// The token is behind `#`, which browsers send to no server: it is in no log.
fn link(base: &Url, token: &DashboardLinkToken) -> String {
    let base = base.as_str().trim_end_matches('/');
    format!("{base}/dashboard/login#{}", token.expose())
}

fn base_url(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).ok();
    let is_plain = |url: &Url| {
        matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    };
    url.filter(is_plain)
        .ok_or("must be an http or https URL without user, password, query and fragment")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_in_the_fragment_below_the_base() {
        let token = DashboardLinkToken::generate().expect("a token");
        for (base, expected) in [
            (
                "https://t.example.com",
                "https://t.example.com/dashboard/login#",
            ),
            (
                "https://t.example.com/n/",
                "https://t.example.com/n/dashboard/login#",
            ),
            (
                "http://127.0.0.1:3000",
                "http://127.0.0.1:3000/dashboard/login#",
            ),
        ] {
            let base = base_url(base).expect("a URL");
            assert_eq!(link(&base, &token), format!("{expected}{}", token.expose()));
        }
        for wrong in [
            "",
            "t.example.com",
            "ftp://a",
            "https://a:b@c",
            "https://a?b",
            "https://a#b",
        ] {
            assert!(base_url(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_public_url_comes_before_the_port() {
        let base = |vars: &[(&str, &str)]| {
            let vars = vars.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
            default_base(&mut Reader::from_vars(vars)).map(String::from)
        };
        let port = ("API_PORT", "4000");
        let public = ("PUBLIC_URL", "https://t.example.com");
        assert_eq!(base(&[port]).as_deref(), Some("http://localhost:4000/"));
        assert_eq!(
            base(&[port, public]).as_deref(),
            Some("https://t.example.com/")
        );
        assert_eq!(base(&[("API_PORT", "0")]), None);
    }
}
