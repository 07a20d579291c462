//! Rule files as YAML: everything a text or a list, so that every mistake is found with its place, not only the first.

use std::{collections::BTreeMap, fmt};

use paramedic_domain::ContainerEnd;
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};
use serde_saphyr::Spanned;

/// A rule file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawFile {
    pub(crate) rules: Vec<Spanned<RawRule>>,
}

/// A rule before any check.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawRule {
    pub(crate) name: Option<Spanned<String>>,
    pub(crate) source: Option<Spanned<String>>,
    pub(crate) log: Option<Vec<Spanned<String>>>,
    pub(crate) summary: Option<Spanned<String>>,
    pub(crate) category: Option<Spanned<String>>,
    pub(crate) memory_side: Option<Spanned<String>>,
    pub(crate) restartable: Option<Spanned<String>>,
    pub(crate) status: Option<Spanned<String>>,
    pub(crate) replaced_by: Option<Spanned<String>>,
    pub(crate) regex: Option<Spanned<String>>,
    pub(crate) unless: Option<Spanned<String>>,
    #[serde(default)]
    pub(crate) exit_code: Vec<i32>,
    #[serde(default)]
    pub(crate) container_reason: Vec<String>,
    pub(crate) container_role: Option<Spanned<String>>,
    #[serde(default)]
    pub(crate) container_exit_code: Vec<i32>,
    #[serde(default)]
    pub(crate) yarn_exit_status: Vec<i32>,
    #[serde(default)]
    pub(crate) error_condition: Vec<Spanned<String>>,
    #[serde(default)]
    pub(crate) sql_state: Vec<Spanned<String>>,
    #[serde(default)]
    pub(crate) level: Vec<Spanned<String>>,
    pub(crate) logger: Option<Spanned<String>>,
    pub(crate) within: Option<Spanned<String>>,
    #[serde(default)]
    pub(crate) config: BTreeMap<String, Spanned<String>>,
    pub(crate) advice: Option<Spanned<String>>,
    #[serde(default)]
    pub(crate) remedy: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    pub(crate) links: Vec<Spanned<String>>,
    pub(crate) examples: Option<RawExamples>,
}

/// A rule's examples before any check.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawExamples {
    #[serde(default, rename = "match")]
    pub(crate) hits: Vec<Spanned<RawExample>>,
    #[serde(default, rename = "no_match")]
    pub(crate) near_misses: Vec<Spanned<RawExample>>,
}

/// A text alone, or a mapping.
#[derive(Debug, Default)]
pub(crate) struct RawExample {
    pub(crate) text: String,
    pub(crate) log: Option<Spanned<String>>,
    pub(crate) exit_code: Option<i32>,
    pub(crate) containers: Vec<ContainerEnd>,
    pub(crate) config: BTreeMap<String, String>,
    pub(crate) expect: Option<Spanned<RawExpectation>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawExampleMapping {
    #[serde(default)]
    text: String,
    log: Option<Spanned<String>>,
    exit_code: Option<i32>,
    #[serde(default)]
    containers: Vec<ContainerEnd>,
    #[serde(default)]
    config: BTreeMap<String, String>,
    expect: Option<Spanned<RawExpectation>>,
}

/// What an example must be classified as, before any check.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawExpectation {
    pub(crate) class: Option<Spanned<String>>,
    pub(crate) category: Option<Spanned<String>>,
    pub(crate) memory_side: Option<Spanned<String>>,
    pub(crate) restartable: Option<bool>,
    pub(crate) action: Option<Spanned<String>>,
    #[serde(default)]
    pub(crate) captures: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    pub(crate) remedy: BTreeMap<String, Spanned<String>>,
    pub(crate) evidence: Option<String>,
    pub(crate) line: Option<u64>,
}

impl<'de> Deserialize<'de> for RawExample {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ExampleVisitor)
    }
}

struct ExampleVisitor;

impl<'de> Visitor<'de> for ExampleVisitor {
    type Value = RawExample;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a log excerpt in quotes, or a mapping of `text`, `log`, `exit_code`, `containers`, `config` and `expect`",
        )
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<RawExample, E> {
        Ok(RawExample { text: text.to_owned(), ..RawExample::default() })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RawExample, A::Error> {
        let RawExampleMapping { text, log, exit_code, containers, config, expect } =
            RawExampleMapping::deserialize(MapAccessDeserializer::new(map))?;
        Ok(RawExample { text, log, exit_code, containers, config, expect })
    }
}
