//! The binary finds libtorch by rpath, without `LD_LIBRARY_PATH`: where it was built against, else in `lib` beside its own
//! directory, as in a package.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    println!("cargo:rerun-if-env-changed=LIBTORCH_LIB");
    println!("cargo:rerun-if-env-changed=LIBTORCH_USE_PYTORCH");
    if env::var_os("CARGO_FEATURE_SERVER").is_none() {
        return;
    }
    if let Some(libraries) = libraries() {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{}", libraries.display());
    }
    println!("cargo:rustc-link-arg=-Wl,-rpath,$ORIGIN/../lib");
}

/// Where libtorch's libraries are, in the order in which torch-sys looks for them.
fn libraries() -> Option<PathBuf> {
    let directory = if env::var_os("LIBTORCH_USE_PYTORCH").is_some() {
        of_python()?
    } else if let Some(libraries) = env::var_os("LIBTORCH_LIB") {
        Path::new(&libraries).join("lib")
    } else {
        Path::new(&env::var_os("LIBTORCH")?).join("lib")
    };
    // Absolute, so that the binary runs from any directory.
    Some(fs::canonicalize(&directory).unwrap_or(directory))
}

fn of_python() -> Option<PathBuf> {
    let script = "import torch.utils.cpp_extension as c; print(c.library_paths()[0])";
    let output = Command::new("python3").args(["-c", script]).output().ok()?;
    let directory = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    directory.is_dir().then_some(directory)
}
