use super::group;
use crate::{Condition, Setting, SettingKind};

group! {
    /// `EMAIL_PROVIDER=smtp` sends through a mail server, `EMAIL_PROVIDER=sendgrid` through SendGrid.
    "Email"
    /// The name or the IP address of the mail server, without port. With TLS, the certificate must be valid for
    /// this name.
    SMTP_HOST: [Worker Tidings] = Setting::of(SettingKind::Text)
        .required_if(Condition::HasValue("EMAIL_PROVIDER", &["smtp"])).example("smtp.example.com");
    /// The port of the mail server.
    SMTP_PORT: [Worker] = Setting::number(1, 65535)
        .described("587 for starttls, 465 for tls, 25 for none");
    /// The encryption: by STARTTLS, from the first byte, or none. The certificate must be signed by an authority
    /// of the system or of `SSL_CERT_FILE`. In production, a password with `none` is refused unless the server
    /// is on the same machine.
    SMTP_TLS: [Worker Tidings] = Setting::choice(&["starttls", "tls", "none"]).default("starttls");
    /// The user at the mail server. Only together with `SMTP_PASS`.
    SMTP_USER: [Worker] = Setting::of(SettingKind::Text)
        .required_if(Condition::AnySet(&["SMTP_PASS"])).example("tidings");
    /// The password at the mail server. Only together with `SMTP_USER`.
    SMTP_PASS: [Worker Tidings] = Setting::of(SettingKind::Secret)
        .required_if(Condition::AnySet(&["SMTP_USER"]));
    /// The name by which the worker introduces itself to the mail server (HELO): a host name with a dot, or an IP address.
    SMTP_HELO_NAME: [Worker] = Setting::of(SettingKind::Text)
        .described("the host name if it has a dot, or else the address of the connection")
        .example("tidings.example.com");
    /// How long the mail server may take to answer once it has the whole message. Meanwhile the message may have been
    /// accepted, so this is long (RFC 5321 asks for 10 minutes), and the worker keeps hold of the notification. At a
    /// shutdown, the worker waits only for `SHUTDOWN_TIMEOUT_SECS`.
    SMTP_DATA_TIMEOUT_SECS: [Worker] = Setting::number(1, 1200).default("300").unit("s");
    /// The sender of an email whose payload names no sender. For SendGrid, a sender that the account has verified.
    SMTP_FROM: [Worker] = Setting::of(SettingKind::Text)
        .required_if(Condition::HasValue("EMAIL_PROVIDER", &["smtp", "sendgrid"]))
        .example("Tidings <tidings@example.com>");
    /// A key of the SendGrid account with the permission to send mail.
    SENDGRID_API_KEY: [Worker] = Setting::of(SettingKind::Secret)
        .required_if(Condition::HasValue("EMAIL_PROVIDER", &["sendgrid"]))
        .example("SG.… from the settings of the account");
    /// The URL of SendGrid's API: `https://api.eu.sendgrid.com` for accounts in the European Union.
    SENDGRID_BASE_URL: [Worker Tidings] = Setting::of(SettingKind::Url).default("https://api.sendgrid.com");
}
