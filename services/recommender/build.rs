//! Binaries and tests find libtorch by rpath, without `LD_LIBRARY_PATH`.

use std::{env, fs, path::PathBuf};

fn main() {
    println!("cargo:rerun-if-env-changed=LIBTORCH");
    if let Some(libtorch) = env::var_os("LIBTORCH").map(PathBuf::from) {
        let libraries = fs::canonicalize(libtorch.join("lib")).unwrap_or_else(|_| libtorch.join("lib"));
        println!("cargo:rustc-link-arg=-Wl,-rpath,{}", libraries.display());
    }
    println!("cargo:rustc-link-arg=-Wl,-rpath,$ORIGIN/../lib");
}
