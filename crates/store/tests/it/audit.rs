//! The audit log.

use paramedic_domain::{
    AuditEntry, AuditKind, FreezeId, NewFreeze, NewPatch, NewToken, PatchId, Policy, Role, Scope, TokenId,
    token::TokenDigest,
};
use paramedic_store::{AuditFilter, PatchUpdate, Store};

use crate::{
    Database,
    samples::{at, failure_id, job, job_scope, new_patch},
};

/// A change of each kind, one a second.
async fn change_everything(store: &Store) -> (PatchId, FreezeId, TokenId) {
    let patch = PatchId::of("k");
    let content = NewPatch { decision_id: Some(failure_id(&job("j", 1))), ..new_patch(job_scope("j")) };
    store.create_patch(patch, &content, "paramedic", at(0)).await.unwrap();
    store.change_patch(patch, None, &PatchUpdate::Pause, "ada", Some("odd"), at(1)).await.unwrap();
    store.put_policy(&Policy::default(), None, "ada", at(2)).await.unwrap();
    store.put_policy(&Policy::default(), None, "bob", at(3)).await.unwrap();
    let freeze = NewFreeze { reason: Some("month end".into()), ..NewFreeze::default() };
    let freeze = store.create_freeze(FreezeId::fresh(), &freeze, "bob", at(4)).await.unwrap().id;
    store.lift_freeze(freeze, "ada", at(5)).await.unwrap();
    store.lift_freeze(freeze, "eve", at(6)).await.unwrap();
    let token = NewToken { name: "airflow".into(), role: Role::Viewer, scope: Scope::default(), expires_at: None };
    let digest = |byte| TokenDigest([byte; 32]);
    let token = store.create_token(TokenId::fresh(), &token, digest(0xaa), "ada", at(6)).await.unwrap().id;
    store.rotate_token(token, digest(0xbb), at(60), "bob", at(7)).await.unwrap();
    store.revoke_token(token, "eve", at(8)).await.unwrap();
    store.revoke_token(token, "eve", at(9)).await.unwrap();
    (patch, freeze, token)
}

async fn listed(store: &Store, filter: &AuditFilter) -> Vec<AuditEntry> {
    store.audit_entries(filter, 50, None).await.unwrap().items
}

pub(crate) async fn every_kind_of_change_is_told_in_one_order(Database { store, .. }: Database) {
    use AuditKind::{Freeze, Patch, Policy, Token};
    let (patch, freeze, token) = change_everything(&store).await;
    let entries = listed(&store, &AuditFilter::default()).await;
    let told: Vec<_> = entries
        .iter()
        .rev()
        .map(|entry| (entry.kind, entry.subject.as_str(), entry.change.as_str(), entry.actor.as_str()))
        .collect();
    let (patch, freeze, token) = (patch.to_string(), freeze.to_string(), token.to_string());
    let expected = [
        (Patch, patch.as_str(), "create", "paramedic"),
        (Patch, &patch, "pause", "ada"),
        (Policy, "policy", "put", "ada"),
        (Policy, "policy", "put", "bob"),
        (Freeze, &freeze, "create", "bob"),
        (Freeze, &freeze, "lift", "ada"),
        (Token, &token, "create", "ada"),
        (Token, &token, "rotate", "bob"),
        (Token, &token, "revoke", "eve"),
    ];
    assert_eq!(told, expected, "what changed nothing is not told");
    let first = |change: &str| entries.iter().find(|entry| entry.change == change).unwrap();
    let pause = first("pause");
    assert_eq!((pause.reason.as_deref(), pause.decision_id), (Some("odd"), Some(failure_id(&job("j", 1)))));
    assert_eq!(
        (&pause.before.as_ref().unwrap()["status"], &pause.after["status"]),
        (&"active".into(), &"paused".into())
    );
    let lift = first("lift");
    assert!(lift.before.as_ref().unwrap().get("lifted_by").is_none() && lift.after["lifted_by"] == "ada");
    let revoke = first("revoke");
    assert_eq!(
        (&revoke.before.as_ref().unwrap()["status"], &revoke.after["status"]),
        (&"active".into(), &"revoked".into())
    );
    let text = serde_json::to_string(&entries).unwrap();
    assert!(!text.contains(&"aa".repeat(32)) && !text.contains(&"bb".repeat(32)), "no digest");
}

pub(crate) async fn entries_are_narrowed(Database { store, .. }: Database) {
    let (patch, ..) = change_everything(&store).await;
    let count = async |filter: AuditFilter| listed(&store, &filter).await.len();
    let all = AuditFilter::default;
    assert_eq!(count(AuditFilter { kind: Some(AuditKind::Patch), ..all() }).await, 2);
    assert_eq!(count(AuditFilter { kind: Some(AuditKind::Policy), ..all() }).await, 2);
    assert_eq!(count(AuditFilter { subject: Some(patch.to_string()), ..all() }).await, 2);
    assert_eq!(count(AuditFilter { actor: Some("bob".into()), ..all() }).await, 3);
    assert_eq!(count(AuditFilter { actor: Some("b\0b".into()), ..all() }).await, 0);
    assert_eq!(count(AuditFilter { decision_id: Some(failure_id(&job("j", 1))), ..all() }).await, 2);
    assert_eq!(count(AuditFilter { since: Some(at(3)), until: Some(at(6)), ..all() }).await, 3);
    assert_eq!(count(AuditFilter { without_tokens: true, ..all() }).await, 6);
}

pub(crate) async fn entries_page_without_gaps(Database { store, .. }: Database) {
    change_everything(&store).await;
    let all = listed(&store, &AuditFilter::default()).await;
    let (mut paged, mut cursor) = (Vec::new(), None);
    loop {
        let page = store.audit_entries(&AuditFilter::default(), 2, cursor.as_deref()).await.unwrap();
        paged.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(paged, all);
}

pub(crate) async fn entries_cannot_be_rewritten(database: Database) {
    database.store.put_policy(&Policy::default(), None, "ada", at(2)).await.unwrap();
    for sql in ["update audit_entries set actor = 'eve'", "delete from audit_entries"] {
        if let Some(error) = crate::refused(&database.url, sql).await {
            assert!(error.contains("append-only"), "{error}");
        }
    }
}
