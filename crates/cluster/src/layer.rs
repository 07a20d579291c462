//! The layers that can be asked.

use std::fmt;

/// A layer of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// The Spark standalone master, its workers, and their work folders.
    Standalone,
    /// The Spark History Server.
    History,
    /// YARN's resource manager, node managers and log server.
    Yarn,
    /// The Kubernetes API.
    Kubernetes,
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Standalone => "standalone",
            Self::History => "history",
            Self::Yarn => "yarn",
            Self::Kubernetes => "kubernetes",
        })
    }
}

impl Layer {
    /// The option that names its server.
    pub(crate) fn flag(self) -> &'static str {
        match self {
            Self::Standalone => "--spark-master-url",
            Self::History => "--history-server-url",
            Self::Yarn => "--yarn-resource-manager-url",
            Self::Kubernetes => "--kubernetes-api-url",
        }
    }

    pub(crate) fn unauthorized(self) -> &'static str {
        match self {
            Self::Kubernetes => "it refused the token (401); renew what --kubernetes-token-file names",
            _ => "it wants to know who asks (401); let this host read it without, or send the logs in the report",
        }
    }

    pub(crate) fn forbidden(self) -> &'static str {
        match self {
            Self::Kubernetes => {
                "it refused (403); grant the service account `get` and `list` on `pods` and `events`, and `get` on \
                 `pods/log`, in the job's namespace"
            }
            Self::Yarn => "it refused (403); let this user view the application, by its view ACLs",
            _ => "it refused (403); let this user view the application, by spark.ui.view.acls",
        }
    }

    pub(crate) fn unknown(self) -> &'static str {
        match self {
            Self::Standalone => {
                "no worker has anything of the application; its work folder may have been cleaned up \
                 (spark.worker.cleanup.appDataTtl)"
            }
            Self::History => {
                "it does not know the application; set spark.eventLog.enabled=true and let spark.eventLog.dir be what \
                 it reads"
            }
            Self::Yarn => "it does not know the application, or does not keep this log any more",
            Self::Kubernetes => {
                "it has no pod of the application; pods stay with spark.kubernetes.executor.deleteOnTermination=false, \
                 other namespaces are named with --kubernetes-namespace"
            }
        }
    }
}
