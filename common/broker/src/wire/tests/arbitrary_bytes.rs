use lapin::BasicProperties;
use proptest::collection::vec;
use proptest::prelude::*;

use super::super::parser::Parser;
use super::super::{properties as content_properties, table};
use super::properties;

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in vec(any::<u8>(), 0..600)) {
        let _ = Parser::new(4096).read(&bytes, &mut Vec::new());
        let _ = content_properties::read(&bytes);
        let _ = table::read(&bytes);
    }

    /// The same with bytes that look more like frames.
    #[test]
    fn no_frames_make_it_panic(
        frames in vec((1_u8..=3, 0_u16..3, vec(any::<u8>(), 0..40)), 1..8),
        class in prop::sample::select(vec![10_u8, 20, 50, 60, 85]),
        method in 0_u8..130,
    ) {
        let mut bytes = Vec::new();
        for (kind, channel, payload) in frames {
            super::super::frame::write(&mut bytes, kind, channel, |out| {
                if kind == 1 {
                    out.extend_from_slice(&[0, class, 0, method]);
                }
                out.extend_from_slice(&payload);
            });
        }
        let _ = Parser::new(4096).read(&bytes, &mut Vec::new());
    }

    #[test]
    fn properties_that_end_too_soon_are_read_as_far_as_they_go(
        properties in properties(),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = Vec::new();
        content_properties::write(&mut bytes, &properties);
        prop_assert_eq!(&content_properties::read(&bytes), &properties);
        let read = content_properties::read(&bytes[..cut.index(bytes.len())]);
        prop_assert!(read.content_type().is_none() || read.content_type() == properties.content_type());
        prop_assert!(read.headers().is_none() || read.headers() == properties.headers());
    }
}

#[test]
fn headers_nested_too_deep_count_as_none_and_what_is_behind_them_is_read() {
    // Arrays in arrays, as many as fit into 100 kB: `A` and a length each.
    let mut value: Vec<u8> = Vec::new();
    for depth in (0..20_000_u32).rev() {
        value.push(b'A');
        value.extend_from_slice(&((19_999 - depth) * 5).to_be_bytes());
    }
    // The lengths stand the wrong way round for nesting, so turn the parts round.
    let value: Vec<u8> = value.chunks(5).rev().flatten().copied().collect();
    let mut headers = b"\x01x".to_vec();
    headers.extend_from_slice(&value);
    let mut bytes = BasicProperties::default()
        .with_headers(lapin::types::FieldTable::default())
        .with_message_id("id".into())
        .bitmask()
        .to_be_bytes()
        .to_vec();
    bytes.extend_from_slice(&u32::try_from(headers.len()).expect("small").to_be_bytes());
    bytes.extend_from_slice(&headers);
    bytes.extend_from_slice(b"\x02id");
    let read = content_properties::read(&bytes);
    assert_eq!(
        read,
        BasicProperties::default().with_message_id("id".into())
    );
}
