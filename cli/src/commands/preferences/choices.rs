//! How choices are written in the arguments: `CATEGORY/CHANNEL=on`.

use std::str::FromStr;

use tidings_domain::preference::NewChoice;

/// A choice in an argument.
#[derive(Clone, Debug)]
pub struct ChoiceArg(pub NewChoice);

impl FromStr for ChoiceArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = || "must have the form CATEGORY/CHANNEL=on, =off or =reset".to_owned();
        let (selected, enabled) = text.rsplit_once('=').ok_or_else(form)?;
        let (category, channel) = selected.rsplit_once('/').ok_or_else(form)?;
        let enabled = match enabled {
            "on" => Some(true),
            "off" => Some(false),
            "reset" => None,
            _ => return Err(form()),
        };
        Ok(Self(NewChoice {
            category: category
                .parse()
                .map_err(|error| format!("the category {error}"))?,
            channel: channel
                .parse()
                .map_err(|error| format!("the channel {error}"))?,
            enabled,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_names_a_category_and_a_channel() {
        for (text, category, channel, enabled) in [
            ("news/email=off", "news", "email", Some(false)),
            ("*/sms=on", "*", "sms", Some(true)),
            ("*marketing/*=reset", "*marketing", "*", None),
        ] {
            let ChoiceArg(choice) = text.parse().expect(text);
            let read = (
                choice.category.as_str(),
                choice.channel.as_str(),
                choice.enabled,
            );
            assert_eq!(read, (category, channel, enabled));
        }
        for wrong in [
            "",
            "news=off",
            "news/fax=off",
            "News/sms=off",
            "news/sms",
            "news/sms=no",
        ] {
            assert!(wrong.parse::<ChoiceArg>().is_err(), "{wrong}");
        }
    }
}
