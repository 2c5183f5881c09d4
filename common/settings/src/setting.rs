use std::fmt;
use std::net::IpAddr;

/// One setting: its name, its type, its default and its documentation. `crate::table` declares all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The environment variable.
    pub name: &'static str,
    /// The type of its value.
    pub kind: SettingKind,
    /// What applies if it is not set.
    pub default: DefaultValue,
    /// The unit of a number, for example `ms`.
    pub unit: Option<&'static str>,
    /// A valid value, shown in the documentation and in the message for a missing value.
    pub example: Option<&'static str>,
    /// The programs that read it.
    pub used_by: &'static [ProgramName],
    /// The lines of its documentation.
    pub doc: &'static [&'static str],
}

/// The name of a program of Tidings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgramName {
    /// `tidings-api`.
    Api,
    /// `tidings-worker`.
    Worker,
    /// `tidings`, the operator's tool.
    Tidings,
}

impl ProgramName {
    /// All programs.
    pub const ALL: [Self; 3] = [Self::Api, Self::Worker, Self::Tidings];

    /// The short name, as `tidings config check --for` takes it.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Worker => "worker",
            Self::Tidings => "tidings",
        }
    }
}

impl fmt::Display for ProgramName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The type of a setting's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingKind {
    /// A whole number between two limits, both included.
    Number {
        /// The smallest valid value.
        min: u64,
        /// The largest valid value.
        max: u64,
    },
    /// `true` or `false`.
    Flag,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// An IP address.
    IpAddress,
    /// Text that the program parses further.
    Text,
    /// Values separated by commas. A settings file may use a YAML list instead.
    List,
    /// A path.
    Path,
    /// A URL without a password.
    Url,
    /// A secret. Output shows `***` instead of the value.
    Secret,
    /// A list of secrets.
    SecretList,
    /// A URL with a password. Output masks the password.
    SecretUrl,
    /// A list of URLs with passwords.
    SecretUrlList,
}

/// What applies if a setting is not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultValue {
    /// This value.
    Value(&'static str),
    /// No fixed value. The text says what applies, for example `the value of MAX_RETRIES`.
    Described(&'static str),
    /// Nothing: the program needs the setting under this condition, for example if
    /// `EMAIL_PROVIDER` is `smtp`.
    RequiredIf(Condition),
}

/// When a setting is required.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// If another setting has one of these values.
    HasValue(&'static str, &'static [&'static str]),
    /// If the list of another setting has an item that starts with one of these prefixes.
    HasItem(&'static str, &'static [&'static str]),
    /// If all of these settings are not set.
    NoneSet(&'static [&'static str]),
    /// If at least one of these settings is set.
    AnySet(&'static [&'static str]),
}

impl Condition {
    /// Returns whether the condition holds. `value_of` returns the value of a setting in effect.
    pub fn holds(&self, value_of: impl Fn(&str) -> Option<String>) -> bool {
        match self {
            Self::HasValue(name, values) => {
                value_of(name).is_some_and(|value| values.contains(&value.as_str()))
            }
            Self::HasItem(name, prefixes) => value_of(name).is_some_and(|list| {
                let mut items = list.split(',').map(str::trim);
                items.any(|item| prefixes.iter().any(|prefix| item.starts_with(prefix)))
            }),
            Self::NoneSet(names) => names.iter().all(|name| value_of(name).is_none()),
            Self::AnySet(names) => names.iter().any(|name| value_of(name).is_some()),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HasValue(name, values) => write!(f, "{name} is {}", values.join(" or ")),
            Self::HasItem(name, prefixes) => {
                write!(f, "{name} names {}…", prefixes.join("…, "))
            }
            Self::NoneSet([name]) => write!(f, "{name} is not set"),
            Self::NoneSet(names) => write!(f, "none of {} is set", names.join(", ")),
            Self::AnySet([name]) => write!(f, "{name} is set"),
            Self::AnySet(names) => write!(f, "one of {} is set", names.join(", ")),
        }
    }
}

impl SettingKind {
    /// Checks a value.
    ///
    /// # Errors
    ///
    /// Returns a text that says what is valid. It does not quote the value.
    pub fn check(self, text: &str) -> Result<(), String> {
        let valid = match self {
            Self::Number { min, max } => text
                .parse::<u64>()
                .is_ok_and(|number| (min..=max).contains(&number)),
            Self::Flag => matches!(text, "true" | "false"),
            Self::Choice(words) => words.contains(&text),
            Self::IpAddress => text.parse::<IpAddr>().is_ok(),
            Self::Text
            | Self::List
            | Self::Path
            | Self::Url
            | Self::Secret
            | Self::SecretList
            | Self::SecretUrl
            | Self::SecretUrlList => true,
        };
        if valid {
            Ok(())
        } else {
            Err(format!("must be {self}"))
        }
    }

    /// Returns whether the value is a secret or contains one.
    #[must_use]
    pub const fn is_secret(self) -> bool {
        matches!(
            self,
            Self::Secret | Self::SecretList | Self::SecretUrl | Self::SecretUrlList
        )
    }

    /// Returns whether the value is a list, which a settings file may write as a YAML list.
    #[must_use]
    pub const fn is_list(self) -> bool {
        matches!(self, Self::List | Self::SecretList | Self::SecretUrlList)
    }
}

/// What a value must be, in words that follow "must be".
impl fmt::Display for SettingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number { min, max } => write!(f, "a whole number between {min} and {max}"),
            Self::Flag => f.write_str("true or false"),
            Self::Choice(words) => match words {
                [all @ .., last] if !all.is_empty() => {
                    write!(f, "{} or {last}", all.join(", "))
                }
                _ => f.write_str(&words.join(", ")),
            },
            Self::IpAddress => f.write_str("an IP address"),
            Self::Text => f.write_str("text"),
            Self::List => f.write_str("a list separated by commas"),
            Self::Path => f.write_str("a path"),
            Self::Url => f.write_str("a URL"),
            Self::Secret => f.write_str("a secret"),
            Self::SecretList => f.write_str("a list of secrets"),
            Self::SecretUrl => f.write_str("a URL with a password"),
            Self::SecretUrlList => f.write_str("a list of URLs with passwords"),
        }
    }
}

/// Builds the declarations of `crate::table`.
impl Setting {
    pub(crate) const fn of(kind: SettingKind) -> Self {
        Self {
            name: "",
            kind,
            default: DefaultValue::Described("none"),
            unit: None,
            example: None,
            used_by: &[],
            doc: &[],
        }
    }

    pub(crate) const fn number(min: u64, max: u64) -> Self {
        Self::of(SettingKind::Number { min, max })
    }

    pub(crate) const fn choice(words: &'static [&'static str]) -> Self {
        Self::of(SettingKind::Choice(words))
    }

    pub(crate) const fn declared(
        mut self,
        name: &'static str,
        used_by: &'static [ProgramName],
        doc: &'static [&'static str],
    ) -> Self {
        self.name = name;
        self.doc = doc;
        self.used_by = used_by;
        self
    }

    pub(crate) const fn default(mut self, value: &'static str) -> Self {
        self.default = DefaultValue::Value(value);
        self
    }

    pub(crate) const fn described(mut self, description: &'static str) -> Self {
        self.default = DefaultValue::Described(description);
        self
    }

    pub(crate) const fn required_if(mut self, condition: Condition) -> Self {
        self.default = DefaultValue::RequiredIf(condition);
        self
    }

    pub(crate) const fn unit(mut self, unit: &'static str) -> Self {
        self.unit = Some(unit);
        self
    }

    pub(crate) const fn example(mut self, example: &'static str) -> Self {
        self.example = Some(example);
        self
    }
}

impl Setting {
    /// The default, if it is a fixed value.
    #[must_use]
    pub const fn default_value(&self) -> Option<&'static str> {
        match self.default {
            DefaultValue::Value(value) => Some(value),
            _ => None,
        }
    }

    /// The documentation as one line.
    #[must_use]
    pub fn doc_line(&self) -> String {
        let lines: Vec<&str> = self.doc.iter().map(|line| line.trim()).collect();
        lines.join(" ")
    }

    /// Says that the setting is not set, with an example if there is one.
    #[must_use]
    pub fn missing(&self) -> String {
        match self.example {
            Some(example) => format!("is not set; for example {example}"),
            None => "is not set".to_owned(),
        }
    }
}
