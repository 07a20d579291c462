//! The JSON schema of rule files, for completion in editors.

use std::collections::BTreeMap;

use paramedic_domain::{Category, ContainerRole, LogKind, MemorySide};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use crate::{expectation::ExpectedAction, load::NO_MEMORY_SIDE, rule::RuleStatus};

/// The JSON schema of a rule file.
pub fn json_schema() -> Value {
    schemars::schema_for!(RuleFile).to_value()
}

// These mirror `source`: what an author may write. The fields are read by the derive only.
/// A file of rules. Files are read in name order, rules in file order, and the first rule that matches decides.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "the schema is made from the type; no value is")]
struct RuleFile {
    /// The rules, in order.
    rules: Vec<RuleEntry>,
}

/// One rule.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "the schema is made from the type; no value is")]
struct RuleEntry {
    /// Unique and CamelCase: the class of the failures that it decides.
    #[schemars(regex(pattern = r"^[A-Z][A-Za-z0-9]*$"))]
    name: String,
    /// The system that prints what it matches: spark, yarn, kubernetes, jvm, python, hive, storage, scheduler, …
    source: String,
    /// The logs it reads.
    #[schemars(schema_with = "logs", length(min = 1))]
    log: Vec<String>,
    /// The cause in one sentence.
    summary: String,
    /// The kind of cause.
    #[schemars(schema_with = "category")]
    category: String,
    /// Which memory ran out; for `memory_configuration` always, for others never.
    #[schemars(schema_with = "memory_side")]
    #[schemars(default)]
    memory_side: Option<String>,
    /// Would a retry with nothing changed plausibly succeed?
    restartable: bool,
    /// `experimental`: matched and counted, and decides nothing. `deprecated`: decides still. `stable` where it is missing.
    #[schemars(schema_with = "status")]
    #[schemars(default)]
    status: Option<String>,
    /// The rule that takes its place; with `status: deprecated`, and only there.
    #[schemars(regex(pattern = r"^[A-Z][A-Za-z0-9]*$"))]
    #[schemars(default)]
    replaced_by: Option<String>,
    /// The pattern (Rust `regex` dialect), tried within one log entry at a time; `^` and `$` are a line's ends.
    regex: Option<String>,
    /// A pattern that, where it matches in the entry around a hit, makes it no hit.
    unless: Option<String>,
    /// The driver's exit codes for which the rule is tried. With them, `regex` may be missing.
    #[schemars(default)]
    exit_code: Vec<i32>,
    /// Reasons of a container's end (`OOMKilled`, `Evicted`, …), of which the report or the log must tell one.
    #[schemars(default)]
    container_reason: Vec<String>,
    /// What must have run in that container.
    #[schemars(schema_with = "container_role")]
    #[schemars(default)]
    container_role: Option<String>,
    /// Exit codes of a container, of which the report or the log must tell one.
    #[schemars(default)]
    container_exit_code: Vec<i32>,
    /// Exit statuses of a YARN container (-104, -100, …), of which the report or the log must tell one.
    #[schemars(default)]
    yarn_exit_status: Vec<i32>,
    /// Spark's error conditions, `MAIN` or `MAIN.SUB`, of which the entry must name one.
    #[schemars(default)]
    error_condition: Vec<String>,
    /// SQLSTATEs, such as `42P01` or the class `22*`, of which the entry must name one.
    #[schemars(default)]
    sql_state: Vec<String>,
    /// Levels of which the entry must have one.
    #[schemars(schema_with = "levels")]
    #[schemars(default)]
    level: Vec<String>,
    /// A pattern that the entry's logger must match.
    logger: Option<String>,
    /// The part of an entry that `regex` is tried on: all of it, or the last cause of a chain of exceptions.
    #[schemars(schema_with = "within")]
    #[schemars(default)]
    within: Option<String>,
    /// Spark key to a pattern that its value must match; a key that is not set has the empty value.
    #[schemars(default)]
    config: BTreeMap<String, String>,
    /// Spark key to an expression over the pattern's named groups, in sizes and numbers: `max(2 * required_size, 64m)`.
    /// What the log states heals the retry without the model.
    #[schemars(default)]
    remedy: BTreeMap<String, String>,
    /// What the job's owner can do, in one sentence.
    advice: Option<String>,
    /// Pages that tell more.
    #[schemars(default)]
    links: Vec<String>,
    /// The rule's proof.
    examples: RuleExamples,
}

/// A rule's proof.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "the schema is made from the type; no value is")]
struct RuleExamples {
    /// Excerpts that the rule must decide.
    #[schemars(rename = "match", length(min = 1))]
    hits: Vec<RuleExample>,
    /// Excerpts that come close and that the rule must not match.
    #[schemars(rename = "no_match", length(min = 1))]
    near_misses: Vec<RuleExample>,
}

/// A log excerpt.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "the schema is made from the type; no value is")]
enum RuleExample {
    /// The excerpt alone.
    Text(String),
    /// With its circumstances.
    Mapping(Box<RuleExampleMapping>),
}

/// A log excerpt with its circumstances.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "the schema is made from the type; no value is")]
struct RuleExampleMapping {
    /// The excerpt.
    text: Option<String>,
    /// The log it stands in; the rule's first where it is missing.
    #[schemars(schema_with = "log")]
    #[schemars(default)]
    log: Option<String>,
    /// The driver's exit code.
    exit_code: Option<i32>,
    /// How its containers ended.
    #[schemars(default)]
    containers: Vec<RuleExampleContainer>,
    /// The job's configuration, as far as it matters.
    #[schemars(default)]
    config: BTreeMap<String, String>,
    /// What must come of it, beside who decides it.
    expect: Option<RuleExpectation>,
}

/// What an example must be classified as: only what is named is compared.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "the schema is made from the type; no value is")]
struct RuleExpectation {
    /// The class: the name of the rule that decides, or `Unclassified`.
    class: Option<String>,
    /// The kind of cause.
    #[schemars(schema_with = "expected_category")]
    #[schemars(default)]
    category: Option<String>,
    /// Which memory ran out, or `none`.
    #[schemars(schema_with = "memory_side")]
    #[schemars(default)]
    memory_side: Option<String>,
    /// Would a retry with nothing changed plausibly succeed?
    restartable: Option<bool>,
    /// What follows from the rules alone: `retry_with_config` is a remedy's.
    #[schemars(schema_with = "action")]
    #[schemars(default)]
    action: Option<String>,
    /// Captures by name.
    #[schemars(default)]
    captures: BTreeMap<String, Scalar>,
    /// Values of the remedy by Spark key.
    #[schemars(default)]
    remedy: BTreeMap<String, Scalar>,
    /// A text that one of the lines of evidence holds.
    evidence: Option<String>,
    /// Number of the first line of evidence within the excerpt, from 1.
    line: Option<u64>,
}

/// A text, or a number that is read as one.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "the schema is made from the type; no value is")]
enum Scalar {
    /// A text.
    Text(String),
    /// A number.
    Number(f64),
}

/// How a container ended.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "the schema is made from the type; no value is")]
struct RuleExampleContainer {
    /// What ran in it.
    #[schemars(schema_with = "container_role")]
    role: String,
    /// Spark's id of the executor.
    executor_id: Option<String>,
    /// Kubernetes' reason: `OOMKilled`, `Evicted`, …
    reason: Option<String>,
    /// Its exit code; on YARN the container's exit status.
    exit_code: Option<i32>,
}

fn container_role(_: &mut SchemaGenerator) -> Schema {
    let roles = ContainerRole::ALL.iter().map(|role| role.as_str());
    one_of(&roles.collect::<Vec<_>>())
}

fn levels(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": one_of(&["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]) })
}

fn within(_: &mut SchemaGenerator) -> Schema {
    one_of(&["block", "root_cause"])
}

fn log(_: &mut SchemaGenerator) -> Schema {
    one_of(&LogKind::ALL.map(LogKind::as_str))
}

fn logs(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": log(generator) })
}

fn category(_: &mut SchemaGenerator) -> Schema {
    let usable = Category::ALL.iter().filter(|category| **category != Category::Unclassified);
    one_of(&usable.map(|category| category.as_str()).collect::<Vec<_>>())
}

fn expected_category(_: &mut SchemaGenerator) -> Schema {
    one_of(&Category::ALL.iter().map(|category| category.as_str()).collect::<Vec<_>>())
}

fn action(_: &mut SchemaGenerator) -> Schema {
    one_of(&ExpectedAction::ALL.map(ExpectedAction::as_str))
}

fn memory_side(_: &mut SchemaGenerator) -> Schema {
    let sides = MemorySide::ALL.iter().map(|side| side.as_str());
    one_of(&sides.chain([NO_MEMORY_SIDE]).collect::<Vec<_>>())
}

fn status(_: &mut SchemaGenerator) -> Schema {
    one_of(&RuleStatus::ALL.map(RuleStatus::as_str))
}

fn one_of(names: &[&str]) -> Schema {
    json_schema!({ "type": "string", "enum": names })
}
