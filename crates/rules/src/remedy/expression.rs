//! The expressions of remedies: arithmetic on sizes and numbers, which cannot be added to one another.

use std::collections::BTreeMap;

use paramedic_domain::Configuration;
use paramedic_spark::{defaults, size};

use super::{kind_of, quantity_of};

/// A size in bytes, or a plain number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Size,
    Number,
}

/// A value with its kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Quantity {
    pub(super) value: f64,
    pub(super) kind: Kind,
}

impl Quantity {
    pub(super) const fn size(bytes: f64) -> Self {
        Self { value: bytes, kind: Kind::Size }
    }

    pub(super) const fn number(value: f64) -> Self {
        Self { value, kind: Kind::Number }
    }
}

/// A parsed expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    Literal(Quantity),
    /// What a named group captured.
    Capture(String),
    /// The value that a Spark key has now.
    Key(String),
    Binary(Operator, Box<Expression>, Box<Expression>),
    /// The greatest or the least of at least one.
    Extreme(Extreme, Vec<Expression>),
    /// Rounded up to a multiple of the second.
    RoundedUp(Box<Expression>, Box<Expression>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Plus,
    Minus,
    Times,
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extreme {
    Greatest,
    Least,
}

impl Expression {
    /// The kind of its value, or what does not fit.
    pub(super) fn kind(&self, captures: &[&str]) -> Result<Kind, String> {
        match self {
            Self::Literal(quantity) => Ok(quantity.kind),
            Self::Capture(name) if !captures.contains(&name.as_str()) => Err(format!(
                "the pattern has no group `{name}`; its groups are: {}",
                if captures.is_empty() { "none".to_owned() } else { captures.join(", ") }
            )),
            Self::Capture(name) => Ok(if size::is_size_capture(name) { Kind::Size } else { Kind::Number }),
            Self::Key(key) if defaults::default_of(key).is_none() => {
                Err(format!("the default of `{key}` is not known, so that it may have no value"))
            }
            Self::Key(key) => Ok(kind_of(key)),
            Self::Binary(operator, left, right) => operator.kind(left.kind(captures)?, right.kind(captures)?),
            Self::Extreme(_, all) => {
                let kinds = all.iter().map(|one| one.kind(captures)).collect::<Result<Vec<_>, _>>()?;
                same(&kinds)
            }
            Self::RoundedUp(value, step) => same(&[value.kind(captures)?, step.kind(captures)?]),
        }
    }

    /// Its value; `None` where a capture is missing or no number. Never negative, infinite or not a number at its leaves.
    pub(super) fn evaluate(&self, captures: &BTreeMap<String, String>, config: &Configuration) -> Option<Quantity> {
        match self {
            Self::Literal(quantity) => Some(*quantity),
            Self::Capture(name) => captured(name, captures.get(name)?),
            Self::Key(key) => quantity_of(key, defaults::value_of(config, key)?),
            Self::Binary(operator, left, right) => {
                operator.apply(left.evaluate(captures, config)?, right.evaluate(captures, config)?)
            }
            Self::Extreme(extreme, all) => {
                let values: Option<Vec<_>> = all.iter().map(|one| one.evaluate(captures, config)).collect();
                values?.into_iter().reduce(|best, next| extreme.of(best, next))
            }
            Self::RoundedUp(value, step) => {
                let (value, step) = (value.evaluate(captures, config)?, step.evaluate(captures, config)?);
                let rounded = (value.value / step.value).ceil() * step.value;
                Some(Quantity { value: rounded, kind: value.kind })
            }
        }
    }
}

fn captured(name: &str, text: &str) -> Option<Quantity> {
    let quantity = if size::is_size_capture(name) {
        Quantity::size(size::capture_bytes(name, text)?)
    } else {
        Quantity::number(text.replace(',', "").trim().parse().ok()?)
    };
    (quantity.value.is_finite() && quantity.value >= 0.0).then_some(quantity)
}

fn same(kinds: &[Kind]) -> Result<Kind, String> {
    match kinds {
        [first, rest @ ..] if rest.iter().all(|kind| kind == first) => Ok(*first),
        _ => {
            Err("it compares a size and a number: write a unit (`64m`), or divide the size by one (`/ 1m`)".to_owned())
        }
    }
}

impl Operator {
    fn kind(self, left: Kind, right: Kind) -> Result<Kind, String> {
        match (self, left, right) {
            (_, Kind::Number, Kind::Number) | (Self::Over, Kind::Size, Kind::Size) => Ok(Kind::Number),
            (Self::Plus | Self::Minus, Kind::Size, Kind::Size)
            | (Self::Times | Self::Over, Kind::Size, Kind::Number)
            | (Self::Times, Kind::Number, Kind::Size) => Ok(Kind::Size),
            (Self::Times, Kind::Size, Kind::Size) => Err("it multiplies two sizes".to_owned()),
            (Self::Over, Kind::Number, Kind::Size) => Err("it divides a number by a size".to_owned()),
            (Self::Plus | Self::Minus, _, _) => {
                Err("it adds or subtracts a size and a number: write a unit, such as `64m`".to_owned())
            }
        }
    }

    fn apply(self, left: Quantity, right: Quantity) -> Option<Quantity> {
        let value = match self {
            Self::Plus => left.value + right.value,
            Self::Minus => left.value - right.value,
            Self::Times => left.value * right.value,
            Self::Over => left.value / right.value,
        };
        // The kinds were checked when it was compiled.
        let kind = self.kind(left.kind, right.kind).ok()?;
        value.is_finite().then_some(Quantity { value, kind })
    }
}

impl Extreme {
    fn of(self, left: Quantity, right: Quantity) -> Quantity {
        let value = match self {
            Self::Greatest => left.value.max(right.value),
            Self::Least => left.value.min(right.value),
        };
        Quantity { value, kind: left.kind }
    }
}
