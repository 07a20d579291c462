//! How the Kubernetes API is reached.

use std::path::{Path, PathBuf};

use reqwest::{Certificate, header::HeaderValue};
use url::Url;

use crate::{ClusterError, SettingError};

/// Where a pod finds its own credentials.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// Where jobs run that name no namespace, seen from outside a pod.
const DEFAULT_NAMESPACE: &str = "default";
/// Longest token that is read, in bytes; they have some 1 KiB.
const TOKEN_BYTES_MAX: u64 = 64 * 1024;

/// How the API server is reached, and what may be read there. Holds no token, only where it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KubernetesConfig {
    /// The API server. Default: that of the cluster which this process runs in.
    pub api_url: Option<Url>,
    /// The namespaces whose pods may be read. Default: this pod's own, else `default`.
    pub namespaces: Vec<String>,
    /// A file that holds the token. Read anew each time: kubelets replace it hourly. Default: within the cluster the
    /// service account's, else none.
    pub token_file: Option<PathBuf>,
    /// The certificate authority of the API server, PEM. Default: within the cluster the service account's, else the
    /// system's.
    pub ca_file: Option<PathBuf>,
}

/// The API server, settled.
pub(super) struct ApiServer {
    pub(super) url: Url,
    namespaces: Vec<String>,
    token_file: Option<PathBuf>,
    ca_file: Option<PathBuf>,
}

impl KubernetesConfig {
    pub(super) fn settle(self) -> Result<ApiServer, SettingError> {
        let Self { api_url, mut namespaces, mut token_file, mut ca_file } = self;
        let folder = Path::new(SERVICE_ACCOUNT);
        if namespaces.is_empty() {
            let own = std::fs::read_to_string(folder.join("namespace")).ok();
            namespaces.push(own.map_or_else(|| DEFAULT_NAMESPACE.to_owned(), |text| text.trim().to_owned()));
        }
        if api_url.is_none() {
            token_file.get_or_insert_with(|| folder.join("token"));
            ca_file.get_or_insert_with(|| folder.join("ca.crt"));
        }
        let url = api_url.map_or_else(in_cluster, Ok)?;
        Ok(ApiServer { url, namespaces, token_file, ca_file })
    }
}

fn in_cluster() -> Result<Url, SettingError> {
    let setting = |detail: String| SettingError { setting: "--kubernetes-in-cluster", detail };
    let variable =
        |name| std::env::var(name).map_err(|_| setting(format!("{name} is not set; is this process in a pod?")));
    let (host, port) = (variable("KUBERNETES_SERVICE_HOST")?, variable("KUBERNETES_SERVICE_PORT")?);
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    Url::parse(&format!("https://{host}:{port}")).map_err(|error| setting(error.to_string()))
}

impl ApiServer {
    /// The namespaces to look into: the job's own where it names one and that may be read, else all that may be read.
    pub(super) fn allowed(&self, of_job: Option<&str>) -> Result<Vec<&str>, ClusterError> {
        let mut all = self.namespaces.iter().map(String::as_str);
        let Some(of_job) = of_job else { return Ok(all.collect()) };
        let own = all.find(|namespace| *namespace == of_job);
        own.map(|own| vec![own]).ok_or_else(|| ClusterError::NamespaceNotAllowed(of_job.to_owned()))
    }

    pub(super) async fn authorization(&self) -> Result<Option<HeaderValue>, ClusterError> {
        use tokio::io::AsyncReadExt as _;
        let Some(path) = &self.token_file else { return Ok(None) };
        let failed = |error: std::io::Error| ClusterError::Token(error.to_string());
        let file = tokio::fs::File::open(path).await.map_err(failed)?;
        let mut token = String::new();
        file.take(TOKEN_BYTES_MAX).read_to_string(&mut token).await.map_err(failed)?;
        let value = HeaderValue::from_str(&format!("Bearer {}", token.trim()));
        let mut value = value.map_err(|_| ClusterError::Token("it holds what no header can carry".to_owned()))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }

    pub(super) fn authorities(&self) -> Result<Vec<Certificate>, SettingError> {
        let Some(path) = &self.ca_file else { return Ok(Vec::new()) };
        let setting = |detail: String| SettingError { setting: "--kubernetes-ca-file", detail };
        let pem = std::fs::read(path).map_err(|error| setting(format!("it cannot be read: {error}")))?;
        let authorities = Certificate::from_pem_bundle(&pem).map_err(|error| setting(error.to_string()))?;
        if authorities.is_empty() {
            return Err(setting("it holds no certificate in PEM".to_owned()));
        }
        Ok(authorities)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_namespaces_that_may_be_read_are_looked_into() {
        let config = |namespaces: &[&str]| {
            let namespaces = namespaces.iter().map(|&name| name.to_owned()).collect();
            let api_url = Some(Url::parse("https://api:6443").unwrap());
            KubernetesConfig { api_url, namespaces, ..KubernetesConfig::default() }.settle().unwrap()
        };
        assert_eq!(config(&[]).allowed(None).unwrap(), ["default"]);
        assert_eq!(config(&["spark", "etl"]).allowed(None).unwrap(), ["spark", "etl"]);
        assert_eq!(config(&["spark", "etl"]).allowed(Some("etl")).unwrap(), ["etl"]);
        assert!(config(&["spark"]).allowed(Some("kube-system")).is_err());
    }
}
