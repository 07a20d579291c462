//! The checks of a rule's conditions on what is not text.

use super::check::Check;
use crate::{
    entry::Level,
    rule::Within,
    source::RawRule,
    structure::{ContainerConditions, Structure},
};

impl Check<'_> {
    pub(super) fn structure(&mut self, raw: &RawRule, within: Within) -> Structure {
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
}
