//! The typed client: one method a route of the contract.

mod classifier;
mod configsvc;
mod recommender;
mod tokens;
mod transport;

pub use transport::{Client, ClientError, Timeouts, http_client, http_client_with};
