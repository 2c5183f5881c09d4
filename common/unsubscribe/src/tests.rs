use proptest::prelude::*;
use tidings_domain::category::CategoryName;
use tidings_domain::notification::Channel;
use tidings_domain::preference::Recipient;
use tidings_settings::Reader;
use uuid::Uuid;

use super::*;

const OLD: &str = "0f3c9a7e51d84b26a1c07e95f2d36b48";
const NEW: &str = "b7e2a4d8063e4f9c1f1e7c9b2d605398";

fn links(secrets: &str) -> UnsubscribeLinks {
    let secrets = UnsubscribeSecrets::parse(secrets).expect("secrets");
    let url = "https://example.com/notify/".parse().expect("a URL");
    UnsubscribeLinks::new(url, secrets)
}

fn target(category: &str) -> LinkTarget {
    LinkTarget {
        recipient: Recipient::User(Uuid::from_u128(7).into()),
        category: category.parse().expect("a name"),
        channel: Channel::Email,
    }
}

fn any_target() -> impl Strategy<Value = LinkTarget> {
    let user = any::<u128>().prop_map(|id| Recipient::User(Uuid::from_u128(id).into()));
    let address = any::<[u8; 32]>().prop_map(|hash| Recipient::Address(hash.into()));
    let channel = prop::sample::select(Channel::ALL.to_vec());
    (
        prop_oneof![user, address],
        "[a-z0-9][a-z0-9._-]{0,63}",
        channel,
    )
        .prop_map(|(recipient, category, channel)| LinkTarget {
            recipient,
            category: category.parse().expect("a name"),
            channel,
        })
}

proptest! {
    #[test]
    fn a_token_says_what_was_signed_and_nothing_else_verifies(
        target in any_target(),
        place in any::<prop::sample::Index>(),
        bit in 0..8_u8,
        cut in any::<prop::sample::Index>(),
        extra in "[A-Za-z0-9_-]{1,8}",
    ) {
        let links = links(OLD);
        let token = links.token(&target);
        prop_assert!(token.len() <= MAX_TOKEN);
        prop_assert_eq!(links.read(&token), Ok(target));

        let mut changed = token.clone().into_bytes();
        changed[place.index(token.len())] ^= 1 << bit;
        let changed = String::from_utf8_lossy(&changed);
        prop_assert_eq!(links.read(&changed), Err(InvalidToken));
        prop_assert_eq!(links.read(&token[..cut.index(token.len())]), Err(InvalidToken));
        prop_assert_eq!(links.read(&format!("{token}{extra}")), Err(InvalidToken));
        prop_assert_eq!(links.read(&format!("{extra}{token}")), Err(InvalidToken));
    }

    #[test]
    fn no_other_text_is_a_token(text in "\\PC{0,300}", ascii in "[A-Za-z0-9_-]{0,300}") {
        let links = links(OLD);
        prop_assert_eq!(links.read(&text), Err(InvalidToken));
        prop_assert_eq!(links.read(&ascii), Err(InvalidToken));
    }
}

#[test]
fn all_secrets_verify_and_the_first_one_signs() {
    let target = target("news");
    let old = links(OLD).token(&target);
    let both = links(&format!("{NEW}, {OLD}\n"));
    assert_eq!(both.read(&old), Ok(target.clone()));
    let new = both.token(&target);
    assert_eq!(links(NEW).read(&new), Ok(target));
    assert_eq!(links(NEW).read(&old), Err(InvalidToken));
    assert_eq!(links(OLD).read(&new), Err(InvalidToken));
}

#[test]
fn the_format_stays_as_it_is_because_old_e_mails_keep_their_links() {
    let token = "AQEAAAAAAAAAAAAAAAAAAAAHBG5ld3MC";
    let made = links(OLD).token(&target("news"));
    assert!(made.starts_with(token), "{made}");
    assert_eq!(links(OLD).read(&made), Ok(target("news")));
}

#[test]
fn the_link_is_below_the_public_url_and_fits_on_a_header_line() {
    let longest = LinkTarget {
        recipient: Recipient::Address([0xff; 32].into()),
        ..target(&"x".repeat(CategoryName::MAX_LENGTH))
    };
    let url = links(OLD).link(&longest);
    let token = url.as_str().strip_prefix("https://example.com/notify/u/");
    let token = token.expect("below PUBLIC_URL");
    assert_eq!(token.len(), MAX_TOKEN);
    assert_eq!(links(OLD).read(token), Ok(longest));
}

fn read(vars: &[(&str, &str)]) -> Result<Option<UnsubscribeLinks>, String> {
    let vars = vars.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
    let mut reader = Reader::from_vars(vars);
    let links = UnsubscribeLinks::read_settings(&mut reader);
    reader
        .finish(Some(links))
        .map_err(|problems| problems.to_string())
}

#[test]
fn every_mistake_in_the_secrets_is_named_without_the_secret() {
    let url = ("PUBLIC_URL", "https://example.com");
    let is_on = |vars: &[(&str, &str)]| read(vars).expect("right").is_some();
    assert!(!is_on(&[]));
    assert!(!is_on(&[url]));
    assert!(is_on(&[url, ("UNSUBSCRIBE_SECRETS", NEW)]));
    let weak = "passwordpasswordpasswordpassword1";
    let many = (0..9)
        .map(|n| format!("{n}{NEW}"))
        .collect::<Vec<_>>()
        .join(",");
    assert!(is_on(&[
        url,
        ("UNSUBSCRIBE_SECRETS", &format!("{NEW},{weak}"))
    ]));
    for (secrets, mistake) in [
        (",", "no secret"),
        (&*format!("{NEW},{}", &OLD[1..]), "secret 2 is shorter"),
        (&*format!("{NEW},{OLD},{NEW}"), "secret 3 is there twice"),
        (&*many, "more than 8"),
        (weak, "the first secret is guessable"),
    ] {
        let problem = read(&[url, ("UNSUBSCRIBE_SECRETS", secrets)]).expect_err(mistake);
        assert!(problem.contains(mistake), "{problem}");
        assert!(
            !problem.contains(&OLD[1..]) && !problem.contains(weak),
            "{problem}"
        );
    }
    let problem = read(&[("UNSUBSCRIBE_SECRETS", NEW)]).expect_err("no URL");
    assert!(problem.contains("PUBLIC_URL"), "{problem}");
}
