//! What a rule asks of a block beside its text: the entry's level and logger, its error condition, the container's end.

use std::{collections::BTreeMap, ops::Range};

use paramedic_domain::{ContainerEnd, ContainerRole};

use crate::{
    cause::root_cause,
    container::{code_pattern, container_ends, reason_pattern},
    entry::{Head, Level, head},
    error_condition::error_conditions,
    pattern::Pattern,
};

/// A rule's conditions on a block. The default holds everywhere.
#[derive(Debug, Default)]
pub(crate) struct Structure {
    pub(crate) container: ContainerConditions,
    pub(crate) error_condition: Vec<String>,
    pub(crate) sql_state: Vec<String>,
    pub(crate) level: Vec<Level>,
    pub(crate) logger: Option<Pattern>,
    /// Is the pattern tried on the root cause only?
    pub(crate) within_root_cause: bool,
}

/// A rule's conditions on how a container ended; all are held against one and the same container.
#[derive(Clone, Debug, Default)]
pub(crate) struct ContainerConditions {
    pub(crate) reasons: Vec<String>,
    pub(crate) role: Option<ContainerRole>,
    /// Exit codes, YARN's statuses among them.
    pub(crate) codes: Vec<i32>,
}

/// What a block has to offer for the conditions: captures.
pub(crate) type Captures = BTreeMap<String, String>;

impl Structure {
    /// The pattern by which the blocks of a rule without a `regex` are found; `None` where its conditions name no text.
    pub(crate) fn pattern(&self) -> Option<String> {
        if !self.error_condition.is_empty() {
            let names: Vec<_> = self.error_condition.iter().map(|name| regex::escape(name)).collect();
            return Some(format!(r"\[(?:{})(?:\.[A-Z0-9_]+)*\]", names.join("|")));
        }
        if !self.sql_state.is_empty() {
            let states: Vec<_> = self.sql_state.iter().map(|state| state.replace('*', "[0-9A-Z]+")).collect();
            return Some(format!(r"(?i:SQLSTATE)[:=\[] ?(?:{})\b", states.join("|")));
        }
        match &self.container {
            ContainerConditions { reasons, .. } if !reasons.is_empty() => Some(reason_pattern(reasons)),
            ContainerConditions { codes, .. } if !codes.is_empty() => Some(code_pattern(codes)),
            _ => None,
        }
    }

    /// The part of a block that the pattern is tried on.
    pub(crate) fn searched(&self, block: &str) -> Range<usize> {
        if self.within_root_cause { root_cause(block) } else { 0..block.len() }
    }

    /// Does the block meet the conditions? What they capture.
    pub(crate) fn met_by(&self, block: &str, containers: &[ContainerEnd]) -> Option<Captures> {
        let mut captures = Captures::new();
        self.head_met(block).then_some(())?;
        if !self.error_condition.is_empty() || !self.sql_state.is_empty() {
            let found = error_conditions(block).into_iter().find(|found| {
                (self.error_condition.is_empty() || found.is_one_of(&self.error_condition))
                    && (self.sql_state.is_empty() || found.has_state_of(&self.sql_state))
            })?;
            let named = [("error_condition", found.condition), ("sql_state", found.sql_state)];
            captures.extend(named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))));
        }
        if !self.container.is_empty() {
            let in_block = container_ends(block);
            captures.extend(self.container.met_by(in_block.iter().chain(containers))?);
        }
        Some(captures)
    }

    /// Does it say whose entries it reads? Then those of the job's own loggers count too.
    pub(crate) fn names_an_entry(&self) -> bool {
        !self.level.is_empty() || self.logger.is_some()
    }

    fn head_met(&self, block: &str) -> bool {
        if self.level.is_empty() && self.logger.is_none() {
            return true;
        }
        let Some(Head { level, logger }) = head(block.lines().next().unwrap_or_default()) else { return false };
        (self.level.is_empty() || self.level.contains(&level))
            && self.logger.as_ref().is_none_or(|wanted| logger.is_some_and(|logger| wanted.is_match(logger)))
    }
}

impl ContainerConditions {
    pub(crate) fn is_empty(&self) -> bool {
        self.reasons.is_empty() && self.codes.is_empty() && self.role.is_none()
    }

    /// Does one of these containers meet all? What it captures.
    pub(crate) fn met_by<'c>(&self, ends: impl IntoIterator<Item = &'c ContainerEnd>) -> Option<Captures> {
        let end = ends.into_iter().find(|end| {
            (self.reasons.is_empty() || end.reason.as_ref().is_some_and(|reason| self.reasons.contains(reason)))
                && (self.codes.is_empty() || end.exit_code.is_some_and(|code| self.codes.contains(&code)))
                && self.role.is_none_or(|role| role == end.role)
        })?;
        let code = end.exit_code.map(|code| code.to_string());
        let named = [
            ("container_reason", end.reason.clone()),
            ("container_exit_code", code),
            ("executor_id", end.executor_id.clone()),
        ];
        Some(named.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect())
    }
}
