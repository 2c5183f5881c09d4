use secrecy::SecretString;
use tidings_domain::content::EmailAddress;
use tidings_passwords::GivenPassword;
use utoipa::ToSchema;

use crate::accounts::{LoginName, LoginRequest};
use crate::error::ApiError;
use crate::handlers::auth::fields::secret;
use crate::json_body::{ObjectReader, values};

/// Maximum size of the body, in bytes: more than the longest address and password, with every character escaped.
pub const MAX_BODY: usize = 8 * 1024;

/// The request body: either a link, or an e-mail address and a password.
#[derive(ToSchema)]
#[schema(as = DashboardLogin)]
#[expect(dead_code, reason = "documents the body for OpenAPI")]
pub struct LoginBody {
    /// What is behind `#` in a link of `tidings dashboard login`.
    #[schema(min_length = 1, max_length = 512, example = "tdl_…")]
    link: Option<String>,
    /// The address of a user with the role operator or admin.
    #[schema(max_length = 254, example = "anna@example.com")]
    email: Option<String>,
    /// The password of the user.
    #[schema(min_length = 1, max_length = 128, example = "correct horse battery")]
    password: Option<String>,
}

/// By what somebody logs in.
pub enum LoginMeans {
    Link(SecretString),
    Password(LoginRequest),
}

/// Reads a body.
///
/// # Errors
///
/// Returns 400 with everything that is wrong.
pub fn parse(body: &[u8]) -> Result<LoginMeans, ApiError> {
    let mut reader = ObjectReader::parse(body, &["link", "email", "password"], "login")?;
    let means = if reader.value("link").is_some() {
        for other in ["email", "password"] {
            reader.reject(other, "must be absent if link is given");
        }
        reader.required("link", secret).map(LoginMeans::Link)
    } else {
        let email: Option<EmailAddress> = reader.required("email", values::parsed);
        let password: Option<GivenPassword> = reader.required("password", values::parsed);
        email.zip(password).map(|(email, password)| {
            let name = LoginName::Email(email);
            LoginMeans::Password(LoginRequest { name, password })
        })
    };
    reader.finish(means)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_a_link_or_an_address_with_a_password() {
        for (body, fields) in [
            ("{}", &["email", "password"][..]),
            (r#"{"link": ""}"#, &["link"]),
            (r#"{"link": null, "email": "a@example.com"}"#, &["password"]),
            (
                r#"{"link": "tdl_a", "email": "a@example.com", "password": "b", "c": 1}"#,
                &["c", "email", "password"],
            ),
        ] {
            let Err(error) = parse(body.as_bytes()) else {
                panic!("{body}");
            };
            let mut found: Vec<_> = error.details.iter().map(|d| d.field.as_str()).collect();
            found.sort_unstable();
            assert_eq!(found, fields, "{body}");
        }
        assert!(matches!(
            parse(br#"{"link": "tdl_a"}"#),
            Ok(LoginMeans::Link(_))
        ));
        let body = br#"{"email": "anna@example.com", "password": "correct horse battery"}"#;
        assert!(matches!(parse(body), Ok(LoginMeans::Password(_))));
    }
}
