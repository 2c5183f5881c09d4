//! Changes of fields.

/// A change of a field that may be absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// The field stays as it is.
    #[default]
    Keep,
    /// The field gets this value, or none.
    Set(Option<T>),
}

impl<T> Change<T> {
    /// The value after the change.
    #[must_use]
    pub fn of(&self, old: Option<T>) -> Option<T>
    where
        T: Clone,
    {
        match self {
            Self::Keep => old,
            Self::Set(new) => new.clone(),
        }
    }

    /// Whether the field may change.
    #[must_use]
    pub const fn is_set(&self) -> bool {
        matches!(self, Self::Set(_))
    }
}
