//! Tokens.

use paramedic_domain::{
    NewToken, Role, Scope, Timestamp, TokenId, TokenStatus,
    token::{CredentialSource, TokenDigest},
};
use paramedic_store::{Store, StoreError};

use crate::{Database, samples::at};

fn content(name: &str) -> NewToken {
    let scope = Scope { scheduler: Some("airflow".to_owned()), ..Scope::default() };
    NewToken { name: name.to_owned(), role: Role::Scheduler, scope, expires_at: None }
}

fn digest(byte: u8) -> TokenDigest {
    TokenDigest([byte; 32])
}

async fn create(store: &Store, name: &str, byte: u8, seconds: i64) -> TokenId {
    store.create_token(TokenId::fresh(), &content(name), digest(byte), "ada", at(seconds)).await.unwrap().id
}

async fn digests(store: &Store) -> Vec<(TokenDigest, Option<Timestamp>)> {
    let set = store.credentials(None).await.unwrap().unwrap();
    set.credentials.into_iter().map(|credential| (credential.digest, credential.until)).collect()
}

pub(crate) async fn a_token_is_kept_by_its_digest(database: Database) {
    let store = database.store;
    let before = store.credentials(None).await.unwrap().unwrap();
    assert!(!before.any_made && before.credentials.is_empty());
    let new = NewToken { expires_at: Some(at(100)), ..content("airflow") };
    let token = store.create_token(TokenId::fresh(), &new, digest(1), "ada", at(0)).await.unwrap();
    assert_eq!((token.name.as_str(), token.role, token.status), ("airflow", Role::Scheduler, TokenStatus::Active));
    assert_eq!((token.created_by.as_str(), &token.scope), ("ada", &new.scope));
    let set = store.credentials(Some(before.version)).await.unwrap().unwrap();
    assert!(set.any_made && set.version > before.version);
    let [credential] = &set.credentials[..] else { panic!("{set:?}") };
    assert_eq!((credential.id, credential.digest, credential.until), (token.id, digest(1), Some(at(100))));
    assert_eq!((&credential.scope, credential.role), (&new.scope, Role::Scheduler));
    assert_eq!(store.credentials(Some(set.version)).await.unwrap(), None, "nothing changed");
    assert_eq!(store.token(token.id, at(100)).await.unwrap().unwrap().status, TokenStatus::Expired);
    assert_eq!(store.token(TokenId::fresh(), at(0)).await.unwrap(), None);
}

pub(crate) async fn a_rotated_token_keeps_its_old_secret_for_a_while(database: Database) {
    let store = database.store;
    let id = create(&store, "airflow", 1, 0).await;
    let token = store.rotate_token(id, digest(2), at(60), "ada", at(10)).await.unwrap();
    assert_eq!(token.rotated_at, Some(at(10)));
    assert_eq!(digests(&store).await, [(digest(2), None), (digest(1), Some(at(60)))]);
    store.rotate_token(id, digest(3), at(20), "ada", at(20)).await.unwrap();
    assert_eq!(digests(&store).await, [(digest(3), None), (digest(2), Some(at(20)))], "only the one before");
    let unknown = store.rotate_token(TokenId::fresh(), digest(4), at(20), "ada", at(20)).await;
    assert!(matches!(unknown, Err(StoreError::NotFound { .. })), "{unknown:?}");
}

pub(crate) async fn a_revoked_token_is_no_credential_and_cannot_be_rotated(database: Database) {
    let elsewhere = database.other_store().await;
    let store = database.store;
    let (id, other) = (create(&store, "airflow", 1, 0).await, create(&store, "maestro", 2, 1).await);
    let known = store.credentials(None).await.unwrap().unwrap().version;
    for seconds in [10, 20] {
        let token = store.revoke_token(id, "ada", at(seconds)).await.unwrap();
        assert_eq!((token.status, token.revoked_at), (TokenStatus::Revoked, Some(at(10))));
    }
    let set = elsewhere.credentials(Some(known)).await.unwrap().expect("the version has grown");
    assert_eq!(set.credentials.iter().map(|credential| credential.id).collect::<Vec<_>>(), [other]);
    let rotated = store.rotate_token(id, digest(3), at(30), "ada", at(30)).await;
    assert!(matches!(rotated, Err(StoreError::RevokedToken { .. })), "{rotated:?}");
    store.revoke_token(other, "ada", at(30)).await.unwrap();
    assert!(store.credentials(None).await.unwrap().unwrap().any_made, "also when all are revoked");
    let unknown = store.revoke_token(TokenId::fresh(), "ada", at(30)).await;
    assert!(matches!(unknown, Err(StoreError::NotFound { .. })), "{unknown:?}");
}

pub(crate) async fn the_last_use_never_goes_back(database: Database) {
    let store = database.store;
    let id = create(&store, "airflow", 1, 0).await;
    let version = store.credentials(None).await.unwrap().unwrap().version;
    store.note_uses(&[(id, at(50)), (TokenId::fresh(), at(60))]).await.unwrap();
    store.note_uses(&[(id, at(40))]).await.unwrap();
    assert_eq!(store.token(id, at(60)).await.unwrap().unwrap().last_used_at, Some(at(50)));
    assert_eq!(store.credentials(Some(version)).await.unwrap(), None, "a use is no change");
}

pub(crate) async fn tokens_list_newest_first_in_pages(database: Database) {
    let store = database.store;
    let mut ids = Vec::new();
    for number in 0..5_u8 {
        ids.push(create(&store, "t", number, i64::from(number / 2)).await);
    }
    let (mut listed, mut cursor) = (Vec::new(), None);
    loop {
        let page = store.list_tokens(2, cursor.as_deref(), at(9)).await.unwrap();
        listed.extend(page.items.into_iter().map(|token| token.id));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    ids.reverse();
    assert_eq!(listed, ids);
}
