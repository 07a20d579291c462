//! Which container a process is in, by the paths of its cgroups.
//!
//! Known are Kubernetes (systemd and cgroupfs drivers; containerd, CRI-O, Docker), YARN, Docker and Podman, and systemd's
//! services, on cgroup versions 1 and 2.

use serde::Serialize;

/// What a cgroup's path says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Container {
    /// A container of a Kubernetes pod.
    Kubernetes {
        /// The pod's uid, with dashes; of a static pod the hash of its manifest.
        pod: String,
        /// The container's id; `None` for what runs in the pod's own cgroup.
        container: Option<String>,
    },
    /// A YARN container.
    Yarn {
        /// Its application, `application_<cluster>_<number>`.
        application: String,
        /// The container, `container_…`.
        container: String,
    },
    /// A container of Docker or Podman alone.
    Docker {
        /// Its id.
        container: String,
    },
    /// A service or session of systemd, or another cgroup that is no container's.
    Service {
        /// `cron.service`, or the path.
        name: String,
    },
}

impl Container {
    /// By the paths of a process's cgroups, the one that says most first; `None` at the root.
    pub fn of(paths: &[&str]) -> Option<Self> {
        let found = |of: fn(&str) -> Option<Self>| paths.iter().find_map(|path| of(path));
        found(kubernetes).or_else(|| found(yarn)).or_else(|| found(docker)).or_else(|| found(service))
    }

    /// Is it a container, and not a part of the host?
    pub fn is_container(&self) -> bool {
        !matches!(self, Self::Service { .. })
    }

    /// A name for people and metrics: bounded, the same for every process in it.
    pub fn name(&self) -> String {
        let short = |id: &str| id.chars().take(12).collect::<String>();
        match self {
            Self::Kubernetes { pod, container: Some(container) } => format!("pod {pod}/{}", short(container)),
            Self::Kubernetes { pod, container: None } => format!("pod {pod}"),
            Self::Yarn { container, .. } => container.clone(),
            Self::Docker { container } => format!("docker {}", short(container)),
            Self::Service { name } => name.clone(),
        }
    }
}

/// `/kubepods/burstable/pod<uid>/<id>`, `/kubepods.slice/…/kubepods-burstable-pod<uid>.slice/cri-containerd-<id>.scope`,
/// `/system.slice/containerd.service/kubepods-besteffort-pod<uid>.slice:cri-containerd:<id>`, …
fn kubernetes(path: &str) -> Option<Container> {
    let at = path.find("kubepods")?;
    let parts: Vec<&str> = path.get(at..)?.split(['/', ':']).collect();
    let (index, pod) = parts.iter().enumerate().find_map(|(index, part)| Some((index, pod_of(part)?)))?;
    let container = parts.get(index + 1..)?.iter().find_map(|part| container_id(part));
    Some(Container::Kubernetes { pod, container })
}

/// The uid in `pod<uid>` or `kubepods-burstable-pod<uid>.slice`; systemd's driver writes its dashes as underscores.
fn pod_of(part: &str) -> Option<String> {
    let part = part.strip_suffix(".slice").unwrap_or(part);
    let uid = match part.strip_prefix("pod") {
        Some(uid) => uid,
        None if part.contains("kubepods") => part.rsplit_once("-pod")?.1,
        None => return None,
    };
    let uid = uid.replace('_', "-");
    let is_uid = uid.len() >= 32 && uid.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    is_uid.then_some(uid)
}

/// The id in `<id>`, `docker-<id>.scope`, `cri-containerd-<id>.scope`, `crio-<id>.scope`, `libpod-<id>.scope`; not that of
/// CRI-O's monitor beside a container.
fn container_id(part: &str) -> Option<String> {
    let part = part.strip_suffix(".scope").unwrap_or(part);
    if part.contains("conmon") {
        return None;
    }
    let id = part.rsplit('-').next()?;
    (id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| id.to_owned())
}

/// `/hadoop-yarn/container_e17_1410901177871_0001_01_000005`.
fn yarn(path: &str) -> Option<Container> {
    let container = path.split('/').find(|part| part.starts_with("container_"))?;
    let mut numbers = container.strip_prefix("container_")?.split('_').peekable();
    // Since Hadoop 2.6 an epoch stands first, once the resource manager has been restarted.
    numbers.next_if(|epoch| epoch.starts_with('e'));
    let numbers: Vec<&str> = numbers.collect();
    let &[cluster, application, _attempt, _container] = numbers.as_slice() else { return None };
    let all_digits =
        numbers.iter().all(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
    all_digits.then(|| Container::Yarn {
        application: format!("application_{cluster}_{application}"),
        container: container.to_owned(),
    })
}

/// `/docker/<id>`, `/system.slice/docker-<id>.scope`, `/machine.slice/libpod-<id>.scope`.
fn docker(path: &str) -> Option<Container> {
    path.rsplit('/').find_map(container_id).map(|container| Container::Docker { container })
}

/// The last systemd unit of the path, else the path.
fn service(path: &str) -> Option<Container> {
    let is_unit = |part: &&str| [".service", ".scope"].iter().any(|kind| part.ends_with(kind));
    let name = path.rsplit('/').find(is_unit).unwrap_or_else(|| path.trim_matches('/'));
    (!name.is_empty() && name != "..").then(|| Container::Service { name: name.chars().take(120).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ID: &str = "7be92808767a667f35c8505cbf40d14e931ef6db5b0210329cf193b15ba9d605";
    const POD: &str = "b9a3dd86-7e6b-4d3c-9a1c-2c63f0a7e0f1";

    /// Texts of `/proc/<pid>/cgroup` paths as the kubelet, the runtimes and YARN write them.
    #[test]
    fn real_paths_are_told_apart() {
        let underscored = POD.replace('-', "_");
        let pod = |container: Option<&str>| Container::Kubernetes {
            pod: POD.to_owned(),
            container: container.map(str::to_owned),
        };
        let cases = [
            // Version 1, cgroupfs driver, Docker, guaranteed, burstable and best effort.
            (format!("/kubepods/pod{POD}/{ID}"), pod(Some(ID))),
            (format!("/kubepods/burstable/pod{POD}/{ID}"), pod(Some(ID))),
            (format!("/kubepods/besteffort/pod{POD}/{ID}"), pod(Some(ID))),
            // systemd driver, containerd, both versions.
            (
                format!(
                    "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{underscored}.slice/cri-containerd-{ID}.scope"
                ),
                pod(Some(ID)),
            ),
            (format!("/kubepods.slice/kubepods-pod{underscored}.slice/cri-containerd-{ID}.scope"), pod(Some(ID))),
            // systemd driver, CRI-O: the container, its init scope's sibling, its monitor.
            (
                format!(
                    "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{underscored}.slice/crio-{ID}.scope"
                ),
                pod(Some(ID)),
            ),
            (
                format!(
                    "/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{underscored}.slice/crio-{ID}.scope/container"
                ),
                pod(Some(ID)),
            ),
            (
                format!(
                    "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{underscored}.slice/crio-conmon-{ID}.scope"
                ),
                pod(None),
            ),
            // systemd driver, Docker.
            (
                format!(
                    "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{underscored}.slice/docker-{ID}.scope"
                ),
                pod(Some(ID)),
            ),
            // containerd with the systemd naming under the cgroupfs driver.
            (
                format!(
                    "/system.slice/containerd.service/kubepods-burstable-pod{underscored}.slice:cri-containerd:{ID}"
                ),
                pod(Some(ID)),
            ),
            // A node that is itself a container (kind), and a path out of a cgroup namespace.
            (format!("/docker/{}/kubelet/kubepods/burstable/pod{POD}/{ID}", ID.replace('7', "8")), pod(Some(ID))),
            (
                format!(
                    "/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-pod{underscored}.slice/cri-containerd-{ID}.scope"
                ),
                pod(Some(ID)),
            ),
            (format!("/../../kubepods-burstable-pod{underscored}.slice/cri-containerd-{ID}.scope"), pod(Some(ID))),
            // YARN's LinuxContainerExecutor, with and without epoch, and with Docker inside.
            (
                "/hadoop-yarn/container_1410901177871_0001_01_000005".to_owned(),
                Container::Yarn {
                    application: "application_1410901177871_0001".to_owned(),
                    container: "container_1410901177871_0001_01_000005".to_owned(),
                },
            ),
            (
                format!("/hadoop-yarn/container_e17_1410901177871_0012_02_000001/{ID}"),
                Container::Yarn {
                    application: "application_1410901177871_0012".to_owned(),
                    container: "container_e17_1410901177871_0012_02_000001".to_owned(),
                },
            ),
            // Docker and Podman alone.
            (format!("/docker/{ID}"), Container::Docker { container: ID.to_owned() }),
            (format!("/system.slice/docker-{ID}.scope"), Container::Docker { container: ID.to_owned() }),
            (format!("/machine.slice/libpod-{ID}.scope/container"), Container::Docker { container: ID.to_owned() }),
            // The host's own.
            ("/system.slice/cron.service".to_owned(), Container::Service { name: "cron.service".to_owned() }),
            (
                "/user.slice/user-1000.slice/session-3.scope".to_owned(),
                Container::Service { name: "session-3.scope".to_owned() },
            ),
            (
                "/user.slice/user-1000.slice/user@1000.service/app.slice/firefox.service".to_owned(),
                Container::Service { name: "firefox.service".to_owned() },
            ),
            ("/batch/nightly".to_owned(), Container::Service { name: "batch/nightly".to_owned() }),
        ];
        for (path, expected) in cases {
            assert_eq!(Container::of(&[path.as_str()]), Some(expected), "{path}");
        }
        assert_eq!(Container::of(&["/"]), None);
    }

    #[test]
    fn a_static_pod_has_a_hash_for_uid() {
        let hash = "0123456789abcdef0123456789abcdef";
        let found = Container::of(&[format!("/kubepods/burstable/pod{hash}/{ID}").as_str()]);
        assert_eq!(found, Some(Container::Kubernetes { pod: hash.to_owned(), container: Some(ID.to_owned()) }));
    }

    #[test]
    fn any_tree_of_a_hybrid_host_may_name_the_container() {
        let yarn = "/hadoop-yarn/container_1410901177871_0001_01_000005";
        let found = Container::of(&["/system.slice/hadoop-yarn-nodemanager.service", yarn, "/"]);
        assert!(matches!(found, Some(Container::Yarn { .. })));
    }

    proptest! {
        #[test]
        fn no_path_panics(path in "[/:a-f0-9_.-]{0,20}(kubepods|pod|container_|docker-)?[/:a-f0-9_.-]{0,90}(.scope|.slice)?") {
            let _ = Container::of(&[path.as_str()]);
        }
    }
}
