use crate::category::{CategoryKind, CategoryName};
use crate::notification::Channel;

use super::{CategorySelector, ChannelSelector, Choices, Place};

/// Notifications that a recipient gets or does not get: those of a category, or without one, by a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject<'a> {
    /// The category with its kind. One that does not exist (any more) is transactional.
    pub category: Option<(&'a CategoryName, CategoryKind)>,
    /// The channel.
    pub channel: Channel,
}

impl Subject<'_> {
    /// What the choice at `place` may be about. Of several choices, the first one counts: what is chosen about a marketing
    /// category comes before what is chosen about all marketing.
    #[must_use]
    pub fn selectors(&self, place: Place) -> Vec<(CategorySelector, ChannelSelector)> {
        let channel = match place {
            Place::Exact | Place::Channel => ChannelSelector::One(self.channel),
            Place::Category | Place::All => ChannelSelector::All,
        };
        let categories = match (place, self.category) {
            (Place::Channel | Place::All, _) => vec![CategorySelector::All],
            (Place::Exact | Place::Category, None) => Vec::new(),
            (Place::Exact | Place::Category, Some((name, kind))) => {
                let mut categories = vec![CategorySelector::One(name.clone())];
                if kind == CategoryKind::Marketing {
                    categories.push(CategorySelector::Marketing);
                }
                categories
            }
        };
        let pairs = categories.into_iter().map(|category| (category, channel));
        pairs.collect()
    }

    /// The choices about these notifications. `find` returns what is chosen about a selection.
    pub fn choices(
        &self,
        find: impl Fn(&CategorySelector, ChannelSelector) -> Option<bool>,
    ) -> Choices {
        let at = |place| {
            let selectors = self.selectors(place);
            let mut selectors = selectors.iter();
            selectors.find_map(|(category, channel)| find(category, *channel))
        };
        Choices {
            exact: at(Place::Exact),
            category: at(Place::Category),
            channel: at(Place::Channel),
            all: at(Place::All),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choices(kind: Option<CategoryKind>, chosen: &[(&str, &str, bool)]) -> Choices {
        let name: CategoryName = "news".parse().expect("a name");
        let subject = Subject {
            category: kind.map(|kind| (&name, kind)),
            channel: Channel::Email,
        };
        subject.choices(|category, channel| {
            let mut rows = chosen.iter();
            let row = rows.find(|one| (one.0, one.1) == (category.as_str(), channel.as_str()));
            row.map(|row| row.2)
        })
    }

    #[test]
    fn what_is_chosen_about_a_category_comes_before_all_marketing() {
        let of = |exact, category| Choices {
            exact,
            category,
            ..Choices::default()
        };
        let all = [
            ("*marketing", "email", false),
            ("*marketing", "*", true),
            ("*marketing", "sms", true),
        ];
        let marketing = Some(CategoryKind::Marketing);
        assert_eq!(choices(marketing, &all), of(Some(false), Some(true)));
        let own = [all[0], all[1], ("news", "email", true)];
        assert_eq!(choices(marketing, &own), of(Some(true), Some(true)));
        for kind in [
            None,
            Some(CategoryKind::Critical),
            Some(CategoryKind::Transactional),
        ] {
            assert_eq!(choices(kind, &all), Choices::default(), "{kind:?}");
        }
        let general = [("*", "email", false), ("*", "*", true)];
        let expected = Choices {
            channel: Some(false),
            all: Some(true),
            ..Choices::default()
        };
        assert_eq!(choices(None, &general), expected);
    }
}
