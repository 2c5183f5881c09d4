//! The table of all settings: the name, the type, the default and the documentation of each are
//! written here and nowhere else. The sections of the crates read their settings by these
//! constants, so a setting that is not declared does not compile. `.env.example`,
//! `config.example.yaml` and `docs/CONFIGURATION.md` are generated from this table.

mod acceptance;
mod accounts;
mod audit;
mod broker;
mod channels;
mod control;
mod database;
mod deletion;
mod delivery;
mod email;
mod grpc;
mod http;
mod idempotency;
mod inbox;
mod intake;
mod jwt;
mod limits;
mod process;
mod push;
mod quiet_hours;
mod retention;
mod retries;
mod scheduler;
mod schedules;
mod secrets;
mod sms;
mod traces;
mod unsubscribe;
mod webhooks;

pub use acceptance::*;
pub use accounts::*;
pub use audit::*;
pub use broker::*;
pub use channels::*;
pub use control::*;
pub use database::*;
pub use deletion::*;
pub use delivery::*;
pub use email::*;
pub use grpc::*;
pub use http::*;
pub use idempotency::*;
pub use inbox::*;
pub use intake::*;
pub use jwt::*;
pub use limits::*;
pub use process::*;
pub use push::*;
pub use quiet_hours::*;
pub use retention::*;
pub use retries::*;
pub use scheduler::*;
pub use schedules::*;
pub use secrets::*;
pub use sms::*;
pub use traces::*;
pub use unsubscribe::*;
pub use webhooks::*;

use crate::Setting;

/// Settings that belong together, under a heading.
#[derive(Debug)]
pub struct Group {
    /// The heading.
    pub title: &'static str,
    /// Documentation of the whole group; may be empty.
    pub doc: &'static [&'static str],
    /// The settings, in the order of the generated files.
    pub settings: &'static [&'static Setting],
}

/// All groups, in the order of the generated files.
pub const GROUPS: &[&Group] = &[
    process::GROUP,
    database::GROUP,
    control::GROUP,
    broker::GROUP,
    retries::GROUP,
    http::GROUP,
    grpc::GROUP,
    acceptance::GROUP,
    idempotency::GROUP,
    schedules::GROUP,
    inbox::GROUP,
    jwt::GROUP,
    limits::GROUP,
    accounts::GROUP,
    unsubscribe::GROUP,
    secrets::GROUP,
    channels::GROUP,
    intake::GROUP,
    scheduler::GROUP,
    retention::GROUP,
    deletion::GROUP,
    audit::GROUP,
    delivery::GROUP,
    quiet_hours::GROUP,
    email::GROUP,
    sms::GROUP,
    push::GROUP,
    webhooks::GROUP,
    traces::GROUP,
];

/// All settings.
pub fn all() -> impl Iterator<Item = &'static Setting> {
    GROUPS
        .iter()
        .flat_map(|group| group.settings.iter().copied())
}

/// Returns the setting of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Setting> {
    all().find(|setting| setting.name == name)
}

/// Declares a group and a constant for each of its settings. The doc comment of a constant is the
/// documentation of the setting.
macro_rules! group {
    (
        $(#[doc = $group_doc:literal])*
        $title:literal
        $($(#[doc = $doc:literal])+ $name:ident: [$($program:ident)+] = $setting:expr;)+
    ) => {
        $(
            $(#[doc = $doc])+
            pub const $name: &$crate::Setting = &$setting.declared(
                stringify!($name),
                &[$($crate::ProgramName::$program),+],
                &[$($doc),+],
            );
        )+

        pub(super) const GROUP: &super::Group = &super::Group {
            title: $title,
            doc: &[$($group_doc),*],
            settings: &[$($name),+],
        };
    };
}
use group;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{Condition, DefaultValue};

    #[test]
    fn every_name_is_declared_once() {
        let names: BTreeSet<_> = all().map(|setting| setting.name).collect();
        assert_eq!(names.len(), all().count());
        for name in names {
            let file = format!("{name}_FILE");
            assert!(find(&file).is_none(), "{file} must not be a setting itself");
        }
    }

    #[test]
    fn defaults_and_examples_are_valid() {
        for setting in all() {
            let values = [setting.default_value(), setting.example];
            for value in values.into_iter().flatten() {
                assert_eq!(setting.kind.check(value), Ok(()), "{}", setting.name);
            }
        }
    }

    #[test]
    fn conditions_name_settings() {
        for setting in all() {
            let DefaultValue::RequiredIf(condition) = setting.default else {
                continue;
            };
            let names = match condition {
                Condition::HasValue(name, _) | Condition::HasItem(name, _) => vec![name],
                Condition::NoneSet(names) | Condition::AnySet(names) => names.to_vec(),
            };
            for name in names {
                assert!(find(name).is_some(), "{}: {name}", setting.name);
            }
        }
    }
}
