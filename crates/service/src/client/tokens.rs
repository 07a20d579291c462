//! The routes of tokens, which the configuration service has.

use paramedic_domain::{IssuedToken, NewToken, Page, Token, TokenId, TokenRotation};
use reqwest::Method;

use super::transport::{Client, ClientError};

impl Client {
    /// `POST /v1/tokens`: make a token. Its secret is in the answer, and nowhere else.
    pub async fn create_token(&self, token: &NewToken) -> Result<IssuedToken, ClientError> {
        self.post(&["v1", "tokens"], token).await
    }

    /// `GET /v1/tokens`: tokens without their secrets, newest first.
    pub async fn tokens(&self, limit: u32, cursor: Option<&str>) -> Result<Page<Token>, ClientError> {
        let limit = limit.to_string();
        let query = [Some(("limit", limit.as_str())), cursor.map(|cursor| ("cursor", cursor))];
        self.list(&["v1", "tokens"], &query.into_iter().flatten().collect::<Vec<_>>()).await
    }

    /// `POST /v1/tokens/{id}/rotate`: give a token another secret; the old one is taken for a while.
    pub async fn rotate_token(&self, id: TokenId, rotation: &TokenRotation) -> Result<IssuedToken, ClientError> {
        self.post(&["v1", "tokens", &id.to_string(), "rotate"], rotation).await
    }

    /// `POST /v1/tokens/{id}/revoke`: take a token back, for ever.
    pub async fn revoke_token(&self, id: TokenId) -> Result<Token, ClientError> {
        self.answer(self.request(Method::POST, &["v1", "tokens", &id.to_string(), "revoke"])).await
    }
}
