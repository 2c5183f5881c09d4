//! The settings file: YAML whose nested keys, joined by underscores, are the names of settings.
//!
//! Mistakes are reported by key and position. They quote no value, because any value may be a secret.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::{SettingProblem, read_text_file, table};

/// Reads a settings file. Returns its values by the names of the settings, and everything that is wrong
/// with the file.
pub(super) fn read(path: &Path) -> (HashMap<String, String>, Vec<SettingProblem>) {
    let (values, messages) = match read_text_file(path) {
        Ok(text) => parse(&text),
        Err(error) => (HashMap::new(), vec![format!("cannot be read: {error}")]),
    };
    let problem = |message| SettingProblem {
        name: "settings file",
        message: format!("{}: {message}", path.display()),
    };
    (values, messages.into_iter().map(problem).collect())
}

/// What has been read of the file so far.
#[derive(Default)]
struct ParsedFile {
    values: HashMap<String, String>,
    mistakes: Vec<String>,
    /// The key whose value has the wrong form, which ends the parsing.
    wrong_form: Option<String>,
}

fn parse(text: &str) -> (HashMap<String, String>, Vec<String>) {
    let mut file = ParsedFile::default();
    // A snippet would show lines of the file.
    let options = serde_saphyr::options! { with_snippet: false };
    let root = Mapping {
        file: &mut file,
        keys: Vec::new(),
    };
    let parsed = serde_saphyr::with_deserializer_from_str_with_options(text, options, |yaml| {
        root.deserialize(yaml)
    });
    if let Err(error) = parsed {
        let place = error
            .location()
            .map(|location| format!(" (line {}, column {})", location.line(), location.column()));
        let what = match file.wrong_form.take() {
            Some(key) => format!("the value of `{key}` has the wrong form"),
            None => "is not valid YAML".to_owned(),
        };
        file.mistakes.push(what + &place.unwrap_or_default());
    }
    (file.values, file.mistakes)
}

/// What a key refers to.
enum KeyTarget {
    Value { list: bool },
    Mapping,
    Nothing,
}

impl KeyTarget {
    fn of(name: &str) -> Self {
        if let Some(setting) = table::find(name) {
            let list = setting.kind.is_list();
            return Self::Value { list };
        }
        let secret = name.strip_suffix("_FILE").and_then(table::find);
        if secret.is_some_and(|setting| setting.kind.is_secret()) {
            return Self::Value { list: false };
        }
        let prefix = format!("{name}_");
        if table::all().any(|setting| setting.name.starts_with(&prefix)) {
            Self::Mapping
        } else {
            Self::Nothing
        }
    }
}

/// Reads a mapping of keys to values and further mappings.
struct Mapping<'d> {
    file: &'d mut ParsedFile,
    keys: Vec<String>,
}

impl<'de> DeserializeSeed<'de> for Mapping<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, yaml: D) -> Result<(), D::Error> {
        yaml.deserialize_option(self)
    }
}

impl<'de> Visitor<'de> for Mapping<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping")
    }

    /// A key without a value, for example because all of its lines are comments.
    fn visit_none<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_some<D: Deserializer<'de>>(self, yaml: D) -> Result<(), D::Error> {
        yaml.deserialize_map(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { file, mut keys } = self;
        while let Some(key) = map.next_key::<String>()? {
            keys.push(key);
            let name = keys.join("_").to_ascii_uppercase();
            let read = match KeyTarget::of(&name) {
                KeyTarget::Mapping => map.next_value_seed(Mapping {
                    file: &mut *file,
                    keys: keys.clone(),
                }),
                KeyTarget::Value { list } => map.next_value_seed(Scalar { list }).map(|value| {
                    let Some(value) = value else { return };
                    if file.values.insert(name.clone(), value).is_some() {
                        let mistake = format!("{name} is set twice");
                        file.mistakes.push(mistake);
                    }
                }),
                KeyTarget::Nothing => {
                    let mistake = format!(
                        "unknown key `{}`: there is no setting {name}",
                        keys.join(".")
                    );
                    file.mistakes.push(mistake);
                    map.next_value::<IgnoredAny>().map(drop)
                }
            };
            if let Err(error) = read {
                file.wrong_form.get_or_insert_with(|| keys.join("."));
                return Err(error);
            }
            keys.pop();
        }
        Ok(())
    }
}

/// Reads a value as it is written, so that `0123` does not become `123`. Returns `None` for null.
struct Scalar {
    /// Whether a YAML list is valid too. Its items are joined by commas.
    list: bool,
}

impl<'de> DeserializeSeed<'de> for Scalar {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, yaml: D) -> Result<Self::Value, D::Error> {
        if self.list {
            yaml.deserialize_any(self)
        } else {
            yaml.deserialize_option(self)
        }
    }
}

impl<'de> Visitor<'de> for Scalar {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.list {
            "a value or a list"
        } else {
            "a value"
        })
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, yaml: D) -> Result<Self::Value, D::Error> {
        yaml.deserialize_string(self)
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element::<String>()? {
            all.push(item);
        }
        Ok(Some(all.join(",")))
    }
}

#[cfg(test)]
mod tests;
