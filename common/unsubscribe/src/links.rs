use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use url::Url;

use crate::secrets::{MAC_LENGTH, UnsubscribeSecrets};
use crate::target::{InvalidToken, LinkTarget};

/// The longest token, in characters of base64url.
pub const MAX_TOKEN: usize = ((LinkTarget::MAX_LENGTH + MAC_LENGTH) * 4).div_ceil(3);

/// Makes and reads the links of this installation. Clones share the secrets.
#[derive(Clone, Debug)]
pub struct UnsubscribeLinks {
    public_url: Url,
    secrets: Arc<UnsubscribeSecrets>,
}

impl UnsubscribeLinks {
    /// Links that begin with `public_url`.
    #[must_use]
    pub fn new(public_url: Url, secrets: UnsubscribeSecrets) -> Self {
        Self {
            public_url,
            secrets: Arc::new(secrets),
        }
    }

    /// The link for `target`.
    #[must_use]
    pub fn link(&self, target: &LinkTarget) -> Url {
        let mut url = self.public_url.clone();
        // Never an error, because http and https URLs have a path.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["u", &self.token(target)]);
        }
        url
    }

    /// The token for `target`.
    #[must_use]
    pub fn token(&self, target: &LinkTarget) -> String {
        let mut bytes = target.encode();
        let mac = self.secrets.sign(&bytes);
        bytes.extend(mac);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a token that one of the secrets has signed.
    ///
    /// # Errors
    ///
    /// Fails for every other text.
    pub fn read(&self, token: &str) -> Result<LinkTarget, InvalidToken> {
        if token.len() > MAX_TOKEN {
            return Err(InvalidToken);
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| InvalidToken)?;
        let (body, mac) = bytes.split_last_chunk::<MAC_LENGTH>().ok_or(InvalidToken)?;
        if !self.secrets.verify(body, mac) {
            return Err(InvalidToken);
        }
        LinkTarget::decode(body)
    }
}
