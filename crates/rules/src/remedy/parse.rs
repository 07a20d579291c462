//! Reads the expressions of remedies: `max(2 * required_size, 64m)`.

use paramedic_spark::size::{self, SizeUnit};

use super::expression::{Expression, Extreme, Operator, Quantity};

/// Longest expression, in bytes.
const EXPRESSION_BYTES_MAX: usize = 500;
/// Deepest nesting.
const DEPTH_MAX: usize = 32;

/// Parses an expression; the error tells the place.
pub(super) fn parse(text: &str) -> Result<Expression, String> {
    if text.trim().is_empty() {
        return Err("the expression is empty; write one, such as `2 * required_size`".to_owned());
    }
    if text.len() > EXPRESSION_BYTES_MAX {
        return Err(format!("the expression is longer than {EXPRESSION_BYTES_MAX} bytes"));
    }
    let mut parser = Parser { text, at: 0, depth: 0 };
    let expression = parser.sum()?;
    parser.blank();
    if parser.at < text.len() {
        return Err(parser.expected("an operator (+ - * /) or the end"));
    }
    Ok(expression)
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn sum(&mut self) -> Result<Expression, String> {
        let mut left = self.product()?;
        while let Some(operator) = self.one_of(&[('+', Operator::Plus), ('-', Operator::Minus)]) {
            left = Expression::Binary(operator, Box::new(left), Box::new(self.product()?));
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Expression, String> {
        let mut left = self.atom()?;
        while let Some(operator) = self.one_of(&[('*', Operator::Times), ('/', Operator::Over)]) {
            left = Expression::Binary(operator, Box::new(left), Box::new(self.atom()?));
        }
        Ok(left)
    }

    fn atom(&mut self) -> Result<Expression, String> {
        self.blank();
        if self.taken('(') {
            let inner = self.nested(Self::sum)?;
            return if self.taken(')') { Ok(inner) } else { Err(self.expected("`)`")) };
        }
        match self.rest().chars().next() {
            Some(c) if c.is_ascii_digit() => self.literal(),
            Some(c) if c.is_ascii_alphabetic() => self.name(),
            _ => Err(self.expected("a number, a size such as `64m`, a group's name or a Spark key")),
        }
    }

    fn literal(&mut self) -> Result<Expression, String> {
        let start = self.at;
        let word = self.word();
        if let Ok(number) = word.parse::<f64>() {
            return Ok(Expression::Literal(Quantity::number(number)));
        }
        match size::parse_bytes(word, SizeUnit::Byte) {
            Ok(bytes) => Ok(Expression::Literal(Quantity::size(bytes as f64))),
            Err(error) => Err(format!("at character {}: {error}", start + 1)),
        }
    }

    fn name(&mut self) -> Result<Expression, String> {
        let start = self.at;
        let word = self.word();
        if !self.taken('(') {
            let is_key = word.contains('.');
            return Ok(if is_key { Expression::Key(word.to_owned()) } else { Expression::Capture(word.to_owned()) });
        }
        let mut arguments = self.nested(Self::arguments)?;
        if !self.taken(')') {
            return Err(self.expected("`,` or `)`"));
        }
        match (word, arguments.len()) {
            ("max", 1..) => Ok(Expression::Extreme(Extreme::Greatest, arguments)),
            ("min", 1..) => Ok(Expression::Extreme(Extreme::Least, arguments)),
            ("ceil", 2) => {
                let (step, value) = (arguments.remove(1), arguments.remove(0));
                Ok(Expression::RoundedUp(Box::new(value), Box::new(step)))
            }
            ("ceil", _) => Err("`ceil` takes two: the value, and the step to round up to".to_owned()),
            _ => Err(format!("at character {}: `{word}` is none of max, min, ceil", start + 1)),
        }
    }

    fn arguments(&mut self) -> Result<Vec<Expression>, String> {
        let mut arguments = vec![self.sum()?];
        while self.taken(',') {
            arguments.push(self.sum()?);
        }
        Ok(arguments)
    }

    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T, String>) -> Result<T, String> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("it is nested more than {DEPTH_MAX} deep"));
        }
        let result = inner(self);
        self.depth -= 1;
        result
    }

    /// Letters, digits, `_`, and `.` within.
    fn word(&mut self) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.')).unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn one_of(&mut self, operators: &[(char, Operator)]) -> Option<Operator> {
        operators.iter().find(|(c, _)| self.taken(*c)).map(|(_, operator)| *operator)
    }

    /// Takes this character, after blanks, where it stands next.
    fn taken(&mut self, c: char) -> bool {
        self.blank();
        let next = self.rest().starts_with(c);
        self.at += if next { c.len_utf8() } else { 0 };
        next
    }

    fn blank(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn expected(&self, what: &str) -> String {
        format!("at character {}: expected {what}", self.at + 1)
    }
}
