//! What the agent may do once its programs are loaded: less.

use rustix::thread::{CapabilitySet, CapabilitySets, capabilities, set_capabilities};

/// Drops every capability of this thread, and of those that it starts, but what measuring needs: to read others' mappings,
/// to read the programs' counts, and, if `cost`, to switch the kernel's counting of what programs cost. Call it before any
/// other thread is started. Answers what was kept.
pub fn drop_unneeded(cost: bool) -> std::io::Result<Vec<&'static str>> {
    let mut needed = vec![("CAP_SYS_PTRACE", CapabilitySet::SYS_PTRACE), ("CAP_BPF", CapabilitySet::BPF)];
    if cost {
        needed.push(("CAP_SYS_ADMIN", CapabilitySet::SYS_ADMIN));
    }
    let held = capabilities(None)?.permitted;
    needed.retain(|(_, capability)| held.contains(*capability));
    let kept = needed.iter().fold(CapabilitySet::empty(), |kept, (_, capability)| kept | *capability);
    set_capabilities(None, CapabilitySets { effective: kept, permitted: kept, inheritable: CapabilitySet::empty() })?;
    Ok(needed.into_iter().map(|(name, _)| name).collect())
}
