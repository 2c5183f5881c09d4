use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::confirms::Confirms;
use super::super::method::Confirm;

fn confirm(tag: u64, multiple: bool) -> Confirm {
    Confirm {
        tag,
        multiple,
        positive: true,
    }
}

fn settle(confirms: &mut Confirms<u64>, tag: u64, multiple: bool) -> Vec<u64> {
    let mut settled = Vec::new();
    confirms
        .settle(confirm(tag, multiple), |slot| settled.push(slot))
        .expect("published");
    settled
}

proptest! {
    /// Against a plain set of the numbers that wait.
    #[test]
    fn a_confirm_settles_what_it_is_for_and_nothing_else(
        steps in vec((0_u64..5, any::<prop::sample::Index>(), any::<bool>()), 1..60),
    ) {
        let mut confirms = Confirms::default();
        let mut waiting = BTreeSet::new();
        let mut published = 0;
        for (more, tag, multiple) in steps {
            for _ in 0..more {
                published += 1;
                confirms.push(published);
                waiting.insert(published);
            }
            if published == 0 {
                continue;
            }
            let tag = tag.index(usize::try_from(published).expect("few")) as u64 + 1;
            let expected: Vec<u64> = if multiple {
                waiting.range(..=tag).copied().collect()
            } else {
                waiting.get(&tag).copied().into_iter().collect()
            };
            prop_assert_eq!(settle(&mut confirms, tag, multiple), expected.clone());
            for settled in expected {
                waiting.remove(&settled);
            }
            let left: Vec<u64> = confirms.waiting().map(|slot| *slot).collect();
            prop_assert_eq!(left, waiting.iter().copied().collect::<Vec<_>>());
        }
    }
}

#[test]
fn zero_with_multiple_is_for_all() {
    let mut confirms = Confirms::default();
    (1..=3).for_each(|slot| confirms.push(slot));
    assert_eq!(settle(&mut confirms, 2, false), [2]);
    assert_eq!(settle(&mut confirms, 0, true), [1, 3]);
    confirms.push(4);
    assert_eq!(settle(&mut confirms, 4, false), [4]);
}

#[test]
fn a_confirm_of_what_was_not_published_is_refused() {
    for tag in [3, u64::MAX] {
        for multiple in [false, true] {
            let mut confirms = Confirms::default();
            (1..=2).for_each(|slot| confirms.push(slot));
            let settled = confirms.settle(confirm(tag, multiple), |_: u64| {});
            assert!(settled.is_err(), "{tag}");
            assert_eq!(confirms.waiting().count(), 2);
        }
    }
}
