//! Folders that come with the binary: the rules, the base model.

use std::{
    env,
    path::{Path, PathBuf},
};

use crate::exit::CommandError;

/// The folder `name`: the one given, else in the current directory, else beside the executable's directory.
pub(crate) fn folder(name: &str, given: Option<&Path>) -> Result<PathBuf, CommandError> {
    find(name, given, Path::new(""), beside(name).as_deref())
}

/// The folder `name` that came with the binary.
pub(crate) fn beside_program(name: &str) -> Option<PathBuf> {
    beside(name).filter(|folder| folder.is_dir())
}

fn beside(name: &str) -> Option<PathBuf> {
    let executable = env::current_exe().ok()?.canonicalize().ok()?;
    Some(executable.parent()?.parent()?.join("share/paramedic").join(name))
}

fn find(name: &str, given: Option<&Path>, current: &Path, beside: Option<&Path>) -> Result<PathBuf, CommandError> {
    if let Some(given) = given {
        return if given.is_dir() {
            Ok(given.to_owned())
        } else {
            Err(CommandError::Usage(format!("--{name} {}: there is no such folder", given.display())))
        };
    }
    let local = current.join(name);
    [Some(local.as_path()), beside].into_iter().flatten().find(|folder| folder.is_dir()).map(Path::to_owned).ok_or_else(
        || {
            let beside = beside.map_or_else(String::new, |folder| format!(" and no {}", folder.display()));
            CommandError::Usage(format!("there is no ./{name} here{beside}; name the folder with --{name}"))
        },
    )
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_given_folder_goes_before_the_current_before_the_packaged() {
        let root = tempfile::tempdir().unwrap();
        let (here, share, given) =
            (root.path().join("here"), root.path().join("share/rules"), root.path().join("given"));
        for folder in [&here, &share, &given] {
            fs::create_dir_all(folder).unwrap();
        }
        assert_eq!(find("rules", None, &here, Some(&share)).unwrap(), share);
        fs::create_dir(here.join("rules")).unwrap();
        assert_eq!(find("rules", None, &here, Some(&share)).unwrap(), here.join("rules"));
        assert_eq!(find("rules", Some(&given), &here, Some(&share)).unwrap(), given);
    }

    #[test]
    fn a_missing_folder_is_an_error_that_says_what_to_give() {
        let root = tempfile::tempdir().unwrap();
        let error = find("rules", None, root.path(), None).unwrap_err().to_string();
        assert!(error.contains("--rules"), "{error}");
        assert!(find("rules", Some(&root.path().join("no")), root.path(), None).is_err());
    }
}
