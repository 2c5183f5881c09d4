use tidings_domain::time::Timezone;
use tidings_settings::{Reader, read_public_url};
use url::Origin;

/// What the dashboard needs of the settings.
#[derive(Clone, Debug)]
pub struct DashboardSettings {
    /// The origin of `PUBLIC_URL`.
    pub public_origin: Option<Origin>,
    /// `DEFAULT_TIMEZONE`: the time zone of those who have set none.
    pub default_timezone: Timezone,
}

impl DashboardSettings {
    /// Reads the section.
    pub fn read(reader: &mut Reader, default_timezone: Timezone) -> Self {
        Self {
            public_origin: read_public_url(reader).map(|url| url.origin()),
            default_timezone,
        }
    }
}
