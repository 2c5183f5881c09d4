use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// The maximum number of items in a batch.
pub const MAX_ITEMS: usize = 1000;

/// The value of the field that should hold the list of items.
pub enum ItemList<'a> {
    /// At most [`MAX_ITEMS`] items, not parsed.
    Items(Vec<&'a RawValue>),
    /// A list of more than [`MAX_ITEMS`] items.
    TooLong,
    /// A value of another type.
    NotAList,
}

/// Visitor methods for scalar values, none of which is a list.
macro_rules! not_a_list {
    ($($visit:ident: $value:ty),*) => {
        $(fn $visit<E>(self, _: $value) -> Result<ItemList<'de>, E> {
            Ok(ItemList::NotAList)
        })*
    };
}

impl<'de: 'a, 'a> Deserialize<'de> for ItemList<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ItemListVisitor;

        impl<'de> Visitor<'de> for ItemListVisitor {
            type Value = ItemList<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<ItemList<'de>, A::Error> {
                let mut items = Vec::new();
                while items.len() < MAX_ITEMS {
                    match seq.next_element::<&'de RawValue>()? {
                        Some(item) => items.push(item),
                        None => return Ok(ItemList::Items(items)),
                    }
                }
                if seq.next_element::<IgnoredAny>()?.is_none() {
                    return Ok(ItemList::Items(items));
                }
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(ItemList::TooLong)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ItemList<'de>, A::Error> {
                IgnoredAny.visit_map(map).map(|_| ItemList::NotAList)
            }

            fn visit_unit<E>(self) -> Result<ItemList<'de>, E> {
                Ok(ItemList::NotAList)
            }

            not_a_list! { visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str }
        }

        deserializer.deserialize_any(ItemListVisitor)
    }
}
