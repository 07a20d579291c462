//! What is recommended where no model loads: more of the memory that ran out, by a plain rule.

use paramedic_domain::Configuration;
use paramedic_spark::MemoryModel;

use crate::{facts::Facts, freedom::Freedom, guardrails::Guardrails, search::is_limit};

/// Twice the memory heals about half of what it can heal; limits that reserve nothing are raised further.
const GROWTH: f64 = 2.0;
const LIMIT_GROWTH: f64 = 8.0;
/// Above a need that the log states.
const NEED_GROWTH: f64 = 1.5;

/// The failed configuration with the failing side's own memory escalated, within bounds and guardrails.
pub fn escalate(
    facts: &Facts,
    failed: &MemoryModel,
    config: &Configuration,
    freedom: &Freedom,
    guardrails: &Guardrails<'_>,
) -> Option<Configuration> {
    // Without a side nobody knows which memory to raise.
    facts.side?;
    let (parameter, bounds) = *freedom.parameters().first()?;
    let from = facts.history.failed_capacity_max.map_or(0.0, |bytes| bytes / 1_048_576.0).max(parameter.value(failed));
    let need = facts.required_bytes.map_or(0.0, |bytes| bytes / 1_048_576.0 * NEED_GROWTH);
    let growth = if is_limit(facts.side) { LIMIT_GROWTH } else { GROWTH };
    let wanted = if facts.over_request { bounds.high } else { (from * growth).max(need) };
    let mut escalated = config.clone();
    parameter.write(wanted.clamp(bounds.low, bounds.high), &mut escalated);
    guardrails.narrow(escalated)
}
