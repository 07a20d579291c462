//! Words and signs near which a secret may stand. Without one of them a text holds none that could be told.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

/// What the search found.
#[derive(Clone, Copy)]
pub(super) enum Trigger {
    /// Part of a key's name, after which a value may stand.
    Word(Strength),
    /// A parameter of a URL, with its `=`.
    Query,
    /// An authorization scheme, with the space after it.
    Scheme,
    /// HTTP's Basic scheme.
    Basic,
    /// `://`
    UserInfo,
    /// Oracle's way to write a JDBC URL.
    OracleThin,
    /// A key or token that its shape tells.
    Shape(Shape),
    /// A block in PEM's format.
    Pem,
}

/// How surely the value of such a key is a secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Strength {
    /// Whatever it is.
    Any,
    /// When it looks like one: `token` is also what a parser says.
    WhenRandom,
}

/// Shapes that tell a secret.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    /// At least so many letters, digits, `_` and `-` after the prefix.
    Prefixed(usize),
    /// Sixteen capitals and digits after the prefix.
    AwsKeyId,
    /// 32 hexadecimal digits after the prefix.
    Databricks,
    /// A JSON web token.
    Jwt,
}

/// A place where the search found something.
pub(super) struct Found {
    pub(super) trigger: Trigger,
    pub(super) start: usize,
    pub(super) end: usize,
}

use Shape::{AwsKeyId, Databricks, Jwt, Prefixed};
use Strength::{Any, WhenRandom};

/// First letters are left out where they may be capital or small.
const TRIGGERS: &[(&str, Trigger)] = &[
    ("assw", Trigger::Word(Any)),
    ("ASSW", Trigger::Word(Any)),
    ("assphrase", Trigger::Word(Any)),
    ("ASSPHRASE", Trigger::Word(Any)),
    ("pwd", Trigger::Word(Any)),
    ("Pwd", Trigger::Word(Any)),
    ("PWD", Trigger::Word(Any)),
    ("ecret", Trigger::Word(Any)),
    ("ECRET", Trigger::Word(Any)),
    ("ccesskey", Trigger::Word(Any)),
    ("ccessKey", Trigger::Word(Any)),
    ("ccess_key", Trigger::Word(Any)),
    ("ccess.key", Trigger::Word(Any)),
    ("ccess-key", Trigger::Word(Any)),
    ("CCESS_KEY", Trigger::Word(Any)),
    ("ccountKey", Trigger::Word(Any)),
    ("ccount_key", Trigger::Word(Any)),
    ("ccount.key", Trigger::Word(Any)),
    ("CCOUNT_KEY", Trigger::Word(Any)),
    ("pikey", Trigger::Word(Any)),
    ("piKey", Trigger::Word(Any)),
    ("pi_key", Trigger::Word(Any)),
    ("pi.key", Trigger::Word(Any)),
    ("pi-key", Trigger::Word(Any)),
    ("PI_KEY", Trigger::Word(Any)),
    ("oken", Trigger::Word(WhenRandom)),
    ("OKEN", Trigger::Word(WhenRandom)),
    ("redential", Trigger::Word(WhenRandom)),
    ("REDENTIAL", Trigger::Word(WhenRandom)),
    ("sig=", Trigger::Query),
    ("ignature=", Trigger::Query),
    ("earer ", Trigger::Scheme),
    ("EARER ", Trigger::Scheme),
    ("haredKey ", Trigger::Scheme),
    ("haredKeyLite ", Trigger::Scheme),
    ("asic ", Trigger::Basic),
    ("://", Trigger::UserInfo),
    ("racle:thin:", Trigger::OracleThin),
    ("-----BEGIN ", Trigger::Pem),
    ("eyJ", Trigger::Shape(Jwt)),
    ("AKIA", Trigger::Shape(AwsKeyId)),
    ("ASIA", Trigger::Shape(AwsKeyId)),
    ("dapi", Trigger::Shape(Databricks)),
    ("ghp_", Trigger::Shape(Prefixed(20))),
    ("gho_", Trigger::Shape(Prefixed(20))),
    ("ghu_", Trigger::Shape(Prefixed(20))),
    ("ghs_", Trigger::Shape(Prefixed(20))),
    ("ghr_", Trigger::Shape(Prefixed(20))),
    ("github_pat_", Trigger::Shape(Prefixed(20))),
    ("glpat-", Trigger::Shape(Prefixed(16))),
    ("xoxa-", Trigger::Shape(Prefixed(10))),
    ("xoxb-", Trigger::Shape(Prefixed(10))),
    ("xoxp-", Trigger::Shape(Prefixed(10))),
    ("xoxr-", Trigger::Shape(Prefixed(10))),
    ("xoxs-", Trigger::Shape(Prefixed(10))),
    ("xapp-", Trigger::Shape(Prefixed(10))),
    ("AIza", Trigger::Shape(Prefixed(30))),
    ("ya29.", Trigger::Shape(Prefixed(20))),
    ("hvs.", Trigger::Shape(Prefixed(20))),
    // Paramedic's own tokens, and secrets of signed webhooks (Standard Webhooks).
    ("pmd_", Trigger::Shape(Prefixed(32))),
    ("whsec_", Trigger::Shape(Prefixed(20))),
];

/// The first trigger from `from` on.
pub(super) fn find(text: &str, from: usize) -> Option<Found> {
    static SEARCH: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
        AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostFirst)
            .kind(Some(AhoCorasickKind::DFA))
            .build(TRIGGERS.iter().map(|(word, _)| word))
            .ok()
    });
    let found = SEARCH.as_ref()?.find(aho_corasick::Input::new(text).range(from.min(text.len())..))?;
    let (_, trigger) = TRIGGERS.get(found.pattern().as_usize())?;
    Some(Found { trigger: *trigger, start: found.start(), end: found.end() })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_words_can_be_searched_for() {
        assert!(super::find("a password", 0).is_some_and(|found| (found.start, found.end) == (3, 7)));
    }
}
