use std::str::FromStr;
use std::time::Duration;

use tracing::level_filters::LevelFilter;

use crate::{Reader, TraceSettings, table};

/// `APP_ENV`: the kind of installation. The default is `production`, so that a forgotten variable
/// never weakens a check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AppEnv {
    /// All checks apply.
    #[default]
    Production,
    /// Tokens without `exp` and short secrets are valid.
    Development,
}

impl AppEnv {
    /// Reads `APP_ENV`.
    pub fn read(reader: &mut Reader) -> Self {
        reader.value(table::APP_ENV)
    }

    /// Returns whether the installation is in production: every value of `APP_ENV` except `development`
    /// means production. Reports no mistake, because [`AppEnv::read`] does.
    #[must_use]
    pub fn reads_as_production(reader: &Reader) -> bool {
        let environment = reader
            .text(table::APP_ENV)
            .and_then(|text| text.parse().ok());
        environment.is_none_or(Self::is_production)
    }

    /// Returns whether the installation is in production.
    #[must_use]
    pub const fn is_production(self) -> bool {
        matches!(self, Self::Production)
    }
}

impl FromStr for AppEnv {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "production" => Ok(Self::Production),
            "development" => Ok(Self::Development),
            _ => Err("must be production or development"),
        }
    }
}

/// `LOG_FORMAT`: the format of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// One flat JSON object a line.
    #[default]
    Json,
    /// Text for people.
    Pretty,
}

impl FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "json" => Ok(Self::Json),
            "pretty" => Ok(Self::Pretty),
            _ => Err("must be json or pretty"),
        }
    }
}

/// The settings of logging and of traces.
#[derive(Clone, Debug)]
pub struct TelemetrySettings {
    /// `LOG_LEVEL`: `error`, `warn`, `info`, `debug`, `trace`, `off`, or directives such as
    /// `info,tidings_worker=debug`.
    pub level: String,
    /// `LOG_FORMAT`.
    pub format: LogFormat,
    /// Where spans are sent, if they are.
    pub traces: Option<TraceSettings>,
}

impl TelemetrySettings {
    /// Reads the section.
    pub fn read(reader: &mut Reader) -> Self {
        let level = reader.value::<String>(table::LOG_LEVEL).to_lowercase();
        // Without this check, a misspelt level counts as the name of a target and silences all others.
        let misspelt = level
            .split(',')
            .filter(|directive| !directive.contains('='))
            .find(|level| level.trim().parse::<LevelFilter>().is_err());
        if let Some(misspelt) = misspelt {
            let message = "must be error, warn, info, debug, trace, off, or target=level";
            reader.problem(table::LOG_LEVEL, format!("{misspelt:?}: {message}"));
        } else if let Err(error) = tracing_subscriber::EnvFilter::builder().parse(&level) {
            reader.problem(table::LOG_LEVEL, format!("{level:?}: {error}"));
        }
        Self {
            level,
            format: reader.value(table::LOG_FORMAT),
            traces: TraceSettings::read(reader),
        }
    }
}

/// The settings of shutdown.
#[derive(Clone, Copy, Debug)]
pub struct ShutdownSettings {
    /// `SHUTDOWN_TIMEOUT_SECS`: how long the program may take to finish its work after the first signal.
    pub timeout: Duration,
}

impl ShutdownSettings {
    /// Reads the section.
    pub fn read(reader: &mut Reader) -> Self {
        Self {
            timeout: Duration::from_secs(reader.value(table::SHUTDOWN_TIMEOUT_SECS)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(name: &str, value: &str) -> Reader {
        Reader::from_vars([(name.to_owned(), value.to_owned())])
    }

    #[test]
    fn the_default_environment_is_production() {
        assert_eq!(AppEnv::read(&mut Reader::from_vars([])), AppEnv::Production);
        let mut dev = reader("APP_ENV", "development");
        assert_eq!(AppEnv::read(&mut dev), AppEnv::Development);
        let mut typo = reader("APP_ENV", "developmnet");
        assert_eq!(AppEnv::read(&mut typo), AppEnv::Production);
        assert!(typo.finish(Some(())).is_err());
    }

    #[test]
    fn only_levels_and_directives_are_valid_log_levels() {
        for (level, right) in [
            ("debug", true),
            ("INFO", true),
            ("info,tidings_api=trace", true),
            ("tidings=loud", false),
            ("warning", false),
        ] {
            let mut reader = reader("LOG_LEVEL", level);
            TelemetrySettings::read(&mut reader);
            assert_eq!(reader.finish(Some(())).is_ok(), right, "{level}");
        }
    }
}
