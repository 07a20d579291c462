//! From rule files to rules, with every mistake found and placed.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path, str::FromStr};

use paramedic_domain::{Category, Configuration, LogKind, MemorySide};
use serde_saphyr::{Location, Spanned};
use sha2::{Digest, Sha256};

use crate::{
    entry::Level,
    error::{RuleError, RuleErrors},
    matcher::Patterns,
    pattern::Pattern,
    remedy::Remedy,
    replacement,
    rule::{Example, Examples, Rule, RuleStatus, Within},
    source::{RawExample, RawFile, RawRule},
    structure::{ContainerConditions, Structure},
};

/// Largest rule file, in bytes. The packs that ship have under 100 KiB each.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// The `memory_side` of a memory failure that no setting of the job heals: the host's memory ran out, or a daemon's.
pub(crate) const NO_MEMORY_SIDE: &str = "none";
/// Most rule files of a folder.
const FILES_MAX: usize = 1_000;

/// The rule files of a folder, in name order: name and text.
pub(crate) fn read_folder(folder: &Path) -> Result<Vec<(String, String)>, RuleErrors> {
    let shown = folder.display().to_string();
    let failed = |error: std::io::Error| {
        whole_file(&shown, format!("cannot be read: {error}; give a folder that holds rule files (`*.yaml`)"))
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|end| end == "yaml" || end == "yml") && path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    if paths.is_empty() {
        return Err(whole_file(&shown, "holds no rule file (`*.yaml`)".to_owned()));
    }
    if paths.len() > FILES_MAX {
        return Err(whole_file(&shown, format!("holds {} rule files; at most {FILES_MAX} are read", paths.len())));
    }
    paths.iter().map(|path| read_file(path)).collect()
}

fn read_file(path: &Path) -> Result<(String, String), RuleErrors> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let size = fs::metadata(path).map_or(0, |metadata| metadata.len());
    if size > FILE_BYTES_MAX {
        return Err(whole_file(&name, format!("has {size} bytes; at most {FILE_BYTES_MAX} are read: split the file")));
    }
    match fs::read_to_string(path) {
        Ok(text) => Ok((name, text)),
        Err(error) => Err(whole_file(&name, format!("cannot be read: {error}"))),
    }
}

fn whole_file(file: &str, message: String) -> RuleErrors {
    RuleErrors(vec![RuleError { file: file.to_owned(), line: 0, column: 0, rule: None, message }])
}

/// The first 16 hexadecimal digits of the contents' SHA-256.
pub(crate) fn version_of(sources: &[(String, String)]) -> String {
    let mut hash = Sha256::new();
    for (name, text) in sources {
        hash.update((name.len() as u64).to_be_bytes());
        hash.update(name);
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    hash.finalize().iter().take(8).fold(String::new(), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The rules of all files with their compiled patterns, or every mistake.
pub(crate) fn rules_of(sources: &[(String, String)]) -> Result<(Vec<Rule>, Vec<Patterns>), RuleErrors> {
    let (mut rules, mut patterns, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    let mut places: BTreeMap<String, String> = BTreeMap::new();
    for (file, text) in sources {
        let raw: RawFile = match serde_saphyr::from_str(text) {
            Ok(raw) => raw,
            Err(error) => {
                errors.push(yaml_error(file, text, &error));
                continue;
            }
        };
        for raw in raw.rules {
            let mut check = Check::of(file, &raw);
            let read = check.rule(raw.value);
            let place = format!("{file}:{}", check.line);
            if let Some(name) = &check.name
                && let Some(first) = places.insert(name.clone(), place)
            {
                let message = format!("the name is taken by the rule at {first}; give each rule a name of its own");
                check.complain(None, message);
            }
            errors.append(&mut check.errors);
            if let Some((rule, compiled)) = read {
                rules.push(rule);
                patterns.push(compiled);
            }
        }
    }
    if errors.is_empty() {
        errors = replacement::mistakes(&rules, sources);
    }
    if errors.is_empty() { Ok((rules, patterns)) } else { Err(RuleErrors(errors)) }
}

fn yaml_error(file: &str, text: &str, error: &serde_saphyr::Error) -> RuleError {
    let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
    let whole = error.without_snippet().to_string();
    // The place is told by the fields beside: its copy at the message's end is dropped.
    let message = whole.rsplit_once(" at line ").map_or(whole.as_str(), |(message, _)| message).to_owned();
    RuleError { file: file.to_owned(), line, column, rule: name_before(text, line), message }
}

/// The name of the rule that a line stands in: the last `- name:` at or before it.
fn name_before(text: &str, line: u64) -> Option<String> {
    let lines: Vec<_> = text.lines().take(usize::try_from(line).ok()?).collect();
    let name = lines.iter().rev().find_map(|line| line.trim_start().strip_prefix("- name:"))?;
    let name = name.split('#').next()?.trim().trim_matches(['"', '\'']);
    (!name.is_empty()).then(|| name.to_owned())
}

/// The checks of one rule.
struct Check<'f> {
    file: &'f str,
    line: u64,
    column: u64,
    name: Option<String>,
    errors: Vec<RuleError>,
}

impl<'f> Check<'f> {
    fn of(file: &'f str, raw: &Spanned<RawRule>) -> Self {
        let name = raw.value.name.as_ref();
        let at = name.map_or(raw.referenced, |name| name.referenced);
        let name = name.map(|name| name.value.clone());
        Self { file, line: at.line(), column: at.column(), name, errors: Vec::new() }
    }

    fn complain(&mut self, at: Option<Location>, message: impl Into<String>) {
        let (line, column) = at.map_or((self.line, self.column), |at| (at.line(), at.column()));
        let (file, rule) = (self.file.to_owned(), self.name.clone());
        self.errors.push(RuleError { file, line, column, rule, message: message.into() });
    }

    /// The rule, where nothing at all is wrong with it.
    fn rule(&mut self, raw: RawRule) -> Option<(Rule, Patterns)> {
        self.name_is_camel_case(raw.name.as_ref());
        let within = self.within(raw.within.as_ref());
        let structure = self.structure(&raw, within);
        let source = self.text("source", raw.source, "the system that prints the line, such as `spark`");
        let summary = self.text("summary", raw.summary, "the cause in one sentence");
        let log = self.logs(raw.log);
        let category = self.category(raw.category);
        let memory_side = self.memory_side(category, raw.memory_side.as_ref());
        if raw.restartable.is_none() {
            self.complain(
                None,
                "`restartable` is missing; say `true` if a retry with nothing changed would plausibly succeed",
            );
        }
        let status = self.status(raw.status.as_ref(), raw.replaced_by.as_ref());
        let by_structure = structure.pattern();
        if raw.regex.is_none() && raw.exit_code.is_empty() && by_structure.is_none() {
            self.complain(
                None,
                "`regex` is missing; only a rule with `exit_code`, `error_condition`, `sql_state`, `container_reason`, \
                 `container_exit_code` or `yarn_exit_status` does without",
            );
        }
        let regex = self.pattern("regex", raw.regex.as_ref());
        let patterns = Patterns {
            remedy: self.remedy(&raw.remedy, regex.as_ref()),
            regex: regex.or_else(|| by_structure.and_then(|pattern| Pattern::parse(&pattern).ok())),
            unless: self.pattern("unless", raw.unless.as_ref()),
            config: raw
                .config
                .iter()
                .filter_map(|(key, value)| Some((key.clone(), self.pattern(&format!("config: {key}"), Some(value))?)))
                .collect(),
            structure,
        };
        let raw_examples = raw.examples.unwrap_or_default();
        let examples = Examples {
            hits: self.examples("match", "an excerpt that this rule must decide", raw_examples.hits),
            near_misses: self.examples("no_match", "an excerpt that comes close", raw_examples.near_misses),
        };
        let rule = Rule {
            name: self.name.clone().unwrap_or_default(),
            source,
            log,
            summary,
            category: category?,
            memory_side,
            restartable: raw.restartable?,
            status,
            replaced_by: raw.replaced_by.map(|other| other.value),
            regex: raw.regex.map(|regex| regex.value),
            unless: raw.unless.map(|unless| unless.value),
            exit_code: raw.exit_code,
            container_reason: raw.container_reason,
            container_role: patterns.structure.container.role,
            container_exit_code: raw.container_exit_code,
            yarn_exit_status: raw.yarn_exit_status,
            error_condition: texts(raw.error_condition),
            sql_state: texts(raw.sql_state),
            level: texts(raw.level),
            logger: raw.logger.map(|logger| logger.value),
            within,
            remedy: raw.remedy.into_iter().map(|(key, value)| (key, value.value)).collect(),
            config: raw.config.into_iter().map(|(key, value)| (key, value.value)).collect(),
            advice: raw.advice.map(|advice| advice.value),
            links: raw.links.into_iter().map(|link| link.value).collect(),
            examples,
            file: self.file.to_owned(),
            line: self.line,
        };
        self.errors.is_empty().then_some((rule, patterns))
    }

    fn name_is_camel_case(&mut self, name: Option<&Spanned<String>>) {
        let Some(name) = name else {
            return self.complain(None, "`name` is missing; give the class of failure a CamelCase name");
        };
        let camel = name.value.starts_with(|c: char| c.is_ascii_uppercase())
            && name.value.chars().all(|c| c.is_ascii_alphanumeric())
            && name.value.chars().any(|c| c.is_ascii_lowercase());
        if !camel {
            self.complain(
                Some(name.referenced),
                format!(
                    "`{}` is not CamelCase; write letters and digits only, such as `SparkExecutorHeapOom`",
                    name.value
                ),
            );
        }
    }

    fn text(&mut self, field: &str, text: Option<Spanned<String>>, what: &str) -> String {
        match text {
            Some(text) if !text.value.trim().is_empty() => text.value,
            Some(text) => {
                self.complain(Some(text.referenced), format!("`{field}` is empty; say {what}"));
                String::new()
            }
            None => {
                self.complain(None, format!("`{field}` is missing; say {what}"));
                String::new()
            }
        }
    }

    fn logs(&mut self, logs: Option<Vec<Spanned<String>>>) -> Vec<LogKind> {
        let logs = logs.unwrap_or_default();
        if logs.is_empty() {
            self.complain(None, format!("`log` is missing or empty; list one or more of {}", log_names()));
        }
        logs.into_iter().filter_map(|log| self.log(&log.value, Some(log.referenced))).collect()
    }

    fn log(&mut self, name: &str, at: Option<Location>) -> Option<LogKind> {
        let known = LogKind::ALL.into_iter().find(|log| log.as_str() == name);
        if known.is_none() {
            self.complain(at, format!("log `{name}` is none of {}", log_names()));
        }
        known
    }

    fn category(&mut self, category: Option<Spanned<String>>) -> Option<Category> {
        let Some(category) = category else {
            self.complain(None, "`category` is missing; say the kind of cause, such as `user_code`");
            return None;
        };
        if category.value == Category::Unclassified.as_str() {
            let message = "category `unclassified` is for failures that no rule matches; choose another";
            self.complain(Some(category.referenced), message);
            return None;
        }
        self.parsed("category", &category)
    }

    fn memory_side(&mut self, category: Option<Category>, side: Option<&Spanned<String>>) -> Option<MemorySide> {
        match (category, side) {
            (Some(Category::MemoryConfiguration), None) => {
                let sides: Vec<_> = MemorySide::ALL.iter().map(|side| side.as_str()).collect();
                let message = format!(
                    "`memory_side` is missing; say which memory ran out: {}, or {NO_MEMORY_SIDE} where it is none of \
                     the job's (the host's, a daemon's)",
                    sides.join(", ")
                );
                self.complain(None, message);
            }
            (Some(other), Some(side)) if other != Category::MemoryConfiguration => {
                let message = format!("`memory_side` is for category memory_configuration; remove it, or `{other}`");
                self.complain(Some(side.referenced), message);
            }
            _ => {}
        }
        let side = side?;
        if side.value == NO_MEMORY_SIDE {
            return None;
        }
        self.parsed("memory_side", side)
    }

    fn status(&mut self, status: Option<&Spanned<String>>, replaced_by: Option<&Spanned<String>>) -> RuleStatus {
        let named = |text: &Spanned<String>| RuleStatus::ALL.into_iter().find(|known| known.as_str() == text.value);
        let known = status.map_or(Some(RuleStatus::Stable), named);
        let at = status.map(|status| status.referenced);
        match (known, replaced_by) {
            (None, _) => {
                let other = status.map_or("", |status| status.value.as_str());
                let all = RuleStatus::ALL.map(RuleStatus::as_str).join(", ");
                self.complain(at, format!("status `{other}` is none of {all}"));
            }
            (Some(RuleStatus::Deprecated), None) => {
                self.complain(at, "`replaced_by` is missing; name the rule that takes the deprecated one's place");
            }
            (Some(RuleStatus::Experimental | RuleStatus::Stable), Some(other)) => {
                let message = "`replaced_by` is for a deprecated rule; add `status: deprecated`, or remove it";
                self.complain(Some(other.referenced), message);
            }
            _ => {}
        }
        known.unwrap_or_default()
    }

    fn within(&mut self, within: Option<&Spanned<String>>) -> Within {
        match within.map(|within| within.value.as_str()) {
            None | Some("block") => Within::Block,
            Some("root_cause") => Within::RootCause,
            Some(other) => {
                let message = format!("within `{other}` is none of block, root_cause");
                self.complain(within.map(|within| within.referenced), message);
                Within::Block
            }
        }
    }

    fn structure(&mut self, raw: &RawRule, within: Within) -> Structure {
        for condition in &raw.error_condition {
            let named = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || matches!(c, '_' | '.');
            if condition.value.len() < 3 || !condition.value.chars().all(named) {
                let message = format!("error_condition `{}` is no MAIN or MAIN.SUB in upper case", condition.value);
                self.complain(Some(condition.referenced), message);
            }
        }
        for state in &raw.sql_state {
            let digits = state.value.strip_suffix('*').unwrap_or(&state.value);
            let length = if digits.len() < state.value.len() { 2..=4 } else { 5..=5 };
            if !length.contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
            {
                let message =
                    format!("sql_state `{}` is neither five letters or digits nor two to four and `*`", state.value);
                self.complain(Some(state.referenced), message);
            }
        }
        let mut level = Vec::new();
        for text in &raw.level {
            if let Some(known) = Level::parse(&text.value) {
                level.push(known);
            } else {
                let message = format!("level `{}` is none of TRACE, DEBUG, INFO, WARN, ERROR, FATAL", text.value);
                self.complain(Some(text.referenced), message);
            }
        }
        let role = raw.container_role.as_ref();
        let codes = raw.container_exit_code.iter().chain(&raw.yarn_exit_status).copied().collect::<Vec<_>>();
        if let Some(role) = role
            && codes.is_empty()
            && raw.container_reason.is_empty()
        {
            let message =
                "`container_role` needs `container_reason`, `container_exit_code` or `yarn_exit_status` beside it";
            self.complain(Some(role.referenced), message);
        }
        Structure {
            container: ContainerConditions {
                reasons: raw.container_reason.clone(),
                role: role.and_then(|role| self.parsed("container_role", role)),
                codes,
            },
            error_condition: raw.error_condition.iter().map(|condition| condition.value.clone()).collect(),
            sql_state: raw.sql_state.iter().map(|state| state.value.clone()).collect(),
            level,
            logger: self.pattern("logger", raw.logger.as_ref()),
            within_root_cause: within == Within::RootCause,
        }
    }

    fn parsed<T: FromStr<Err = String>>(&mut self, field: &str, text: &Spanned<String>) -> Option<T> {
        match text.value.parse() {
            Ok(value) => Some(value),
            Err(message) => {
                self.complain(Some(text.referenced), format!("{field} {message}"));
                None
            }
        }
    }

    fn pattern(&mut self, field: &str, pattern: Option<&Spanned<String>>) -> Option<Pattern> {
        let pattern = pattern?;
        if pattern.value.is_empty() {
            self.complain(Some(pattern.referenced), format!("`{field}` is empty; write a pattern or leave it out"));
            return None;
        }
        match Pattern::parse(&pattern.value) {
            Ok(pattern) => Some(pattern),
            Err(message) => {
                self.complain(Some(pattern.referenced), format!("`{field}` is no pattern: {message}"));
                None
            }
        }
    }

    /// The remedy, compiled; nothing of it where the pattern is wrong, whose groups it names.
    fn remedy(&mut self, keys: &BTreeMap<String, Spanned<String>>, regex: Option<&Pattern>) -> Remedy {
        let captures: Vec<_> = regex.into_iter().flat_map(Pattern::names).map(String::as_str).collect();
        let mut remedy = Remedy::default();
        for (key, text) in keys {
            if let Err(message) = remedy.compile(key, &text.value, &captures) {
                self.complain(Some(text.referenced), format!("`remedy: {key}`: {message}"));
            }
        }
        remedy
    }

    fn examples(&mut self, field: &str, what: &str, examples: Vec<RawExample>) -> Vec<Example> {
        if examples.is_empty() {
            self.complain(None, format!("`examples: {field}` is missing or empty; give {what}"));
        }
        examples
            .into_iter()
            .map(|example| {
                if example.text.trim().is_empty() && example.exit_code.is_none() && example.containers.is_empty() {
                    self.complain(None, format!("`examples: {field}` holds an empty excerpt; write the log's lines"));
                }
                Example {
                    log: example.log.as_deref().and_then(|log| self.log(log, None)),
                    text: example.text,
                    exit_code: example.exit_code,
                    containers: example.containers,
                    config: Configuration(example.config),
                }
            })
            .collect()
    }
}

fn texts(spanned: Vec<Spanned<String>>) -> Vec<String> {
    spanned.into_iter().map(|text| text.value).collect()
}

fn log_names() -> String {
    LogKind::ALL.map(LogKind::as_str).join(", ")
}
