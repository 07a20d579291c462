//! How far a patch reaches, and who may reach so far.

use paramedic_domain::Scope;

/// Does the scope name nothing that tells one job from another? `after_attempt` alone does not: every job has attempts
/// after the first.
pub(crate) fn reaches_every_job(scope: &Scope) -> bool {
    Scope { after_attempt: None, ..scope.clone() }.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_number_alone_narrows_nothing() {
        assert!(reaches_every_job(&Scope::default()));
        assert!(reaches_every_job(&Scope { after_attempt: Some(0), ..Scope::default() }));
        assert!(!reaches_every_job(&Scope { workflow: Some("w".into()), ..Scope::default() }));
    }
}
