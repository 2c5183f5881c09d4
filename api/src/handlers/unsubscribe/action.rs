use tidings_db::unsubscribes::Extent;

/// What a click does. The query of the link says it, and never the body: a mailbox provider sends any body
/// ([RFC 8058 §3.2](https://www.rfc-editor.org/rfc/rfc8058#section-3.2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// No more of the category.
    Unsubscribe,
    /// No more of any marketing category, nor of the category.
    UnsubscribeMarketing,
    /// Takes [`Action::Unsubscribe`] back.
    Undo,
    /// Takes [`Action::UnsubscribeMarketing`] back.
    UndoMarketing,
}

impl Action {
    const ALL: [Self; 4] = [
        Self::Unsubscribe,
        Self::UnsubscribeMarketing,
        Self::Undo,
        Self::UndoMarketing,
    ];

    /// Reads the query of a request. Every other one means to unsubscribe.
    pub fn of_query(query: &str) -> Self {
        let named = Self::ALL
            .into_iter()
            .find(|one| one.reference().strip_prefix('?') == Some(query));
        named.unwrap_or(Self::Unsubscribe)
    }

    /// The reference from a page to its own path that asks for the action.
    pub const fn reference(self) -> &'static str {
        match self {
            Self::Unsubscribe => "?",
            Self::UnsubscribeMarketing => "?all-marketing",
            Self::Undo => "?undo",
            Self::UndoMarketing => "?undo-all-marketing",
        }
    }

    /// Whether the recipient gets messages again.
    pub const fn is_undo(self) -> bool {
        matches!(self, Self::Undo | Self::UndoMarketing)
    }

    /// The categories that it is about.
    pub const fn extent(self) -> Extent {
        match self {
            Self::Unsubscribe | Self::Undo => Extent::Category,
            Self::UnsubscribeMarketing | Self::UndoMarketing => Extent::Marketing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_queries_of_the_page_mean_something_else() {
        for query in ["", "undo=1", "x", "all-marketing&x", "UNDO", "?undo"] {
            assert_eq!(Action::of_query(query), Action::Unsubscribe, "{query}");
        }
        for action in Action::ALL {
            assert_eq!(Action::of_query(&action.reference()[1..]), action);
        }
    }
}
