//! Where Spark is installed.

use std::{
    env,
    path::{Path, PathBuf},
    time::Duration,
};

/// Python starts and finds a package in far less; a broken one must not hold the job's report.
const PYTHON_TIMEOUT: Duration = Duration::from_secs(5);
/// Prints the directory of the pyspark package without importing it.
const FIND_PYSPARK: &str =
    "import importlib.util as u; s = u.find_spec('pyspark'); print(s.submodule_search_locations[0] if s else '')";

/// Spark's home: `SPARK_HOME`, else where `spark-submit` lies, else the pyspark package beside it.
pub(crate) async fn find(spark_home: Option<&str>, program: &str) -> Option<PathBuf> {
    if let Some(home) = spark_home.filter(|home| !home.is_empty()) {
        return Some(PathBuf::from(home));
    }
    let program = resolve(program, env::var_os("PATH")?.as_os_str())?;
    let linked = program.canonicalize().ok();
    let found = [Some(&program), linked.as_ref()].into_iter().flatten().find_map(|program| beside(program));
    match found {
        Some(home) => Some(home),
        None => ask_python(&program).await,
    }
}

/// The program's path, as a shell would find it.
fn resolve(program: &str, path: &std::ffi::OsStr) -> Option<PathBuf> {
    if program.contains('/') {
        return Some(PathBuf::from(program));
    }
    env::split_paths(path).map(|directory| directory.join(program)).find(|candidate| candidate.is_file())
}

/// The home that `home/bin/spark-submit`, or `venv/bin/spark-submit` of a pip install, belongs to.
fn beside(program: &Path) -> Option<PathBuf> {
    let root = program.parent()?.parent()?;
    if is_home(root) {
        return Some(root.to_owned());
    }
    let pythons = root.join("lib").read_dir().ok()?;
    pythons.filter_map(|entry| Some(entry.ok()?.path().join("site-packages/pyspark"))).find(|package| is_home(package))
}

fn is_home(directory: &Path) -> bool {
    directory.join("jars").is_dir() && directory.join("bin/spark-submit").is_file()
}

async fn ask_python(program: &Path) -> Option<PathBuf> {
    let python = program.with_file_name("python");
    let python = if python.is_file() { python } else { PathBuf::from("python3") };
    let mut command = tokio::process::Command::new(python);
    command.args(["-c", FIND_PYSPARK]).kill_on_drop(true).stdin(std::process::Stdio::null());
    let output = tokio::time::timeout(PYTHON_TIMEOUT, command.output()).await.ok()?.ok()?;
    let package = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    is_home(&package).then_some(package)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn install(home: &Path) {
        fs::create_dir_all(home.join("jars")).unwrap();
        fs::create_dir_all(home.join("bin")).unwrap();
        fs::write(home.join("bin/spark-submit"), "").unwrap();
    }

    #[tokio::test]
    async fn the_environment_goes_first() {
        let home = find(Some("/opt/spark"), "/elsewhere/bin/spark-submit").await;
        assert_eq!(home, Some(PathBuf::from("/opt/spark")));
    }

    #[tokio::test]
    async fn a_distribution_is_found_by_its_program() {
        let home = tempfile::tempdir().unwrap();
        install(home.path());
        let program = home.path().join("bin/spark-submit");
        assert_eq!(find(None, program.to_str().unwrap()).await.as_deref(), Some(home.path()));
    }

    #[tokio::test]
    async fn a_pip_install_is_found_in_its_environment() {
        let venv = tempfile::tempdir().unwrap();
        let package = venv.path().join("lib/python3.12/site-packages/pyspark");
        install(&package);
        fs::create_dir_all(venv.path().join("bin")).unwrap();
        let program = venv.path().join("bin/spark-submit");
        assert_eq!(find(None, program.to_str().unwrap()).await, Some(package));
    }
}
