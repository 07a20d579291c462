//! Compiles the eBPF programs and generates the types through which the loader reaches them.

fn main() {
    println!("cargo::rerun-if-changed=src/bpf");
    #[cfg(all(feature = "bpf", target_os = "linux"))]
    programs::build();
}

#[cfg(all(feature = "bpf", target_os = "linux"))]
mod programs {
    use std::{env, ffi::OsString, path::Path, process::Command};

    const WITHOUT: &str =
        "or build without the eBPF programs: `--no-default-features`, with `--features server` for the server";

    pub(crate) fn build() {
        println!("cargo::rerun-if-env-changed=CLANG");
        let clang = env::var_os("CLANG").unwrap_or_else(|| "clang".into());
        if Command::new(&clang).arg("--version").output().is_err() {
            fail(&format!(
                "{} is not installed: `apt-get install clang libelf-dev zlib1g-dev`, or name one in CLANG; {WITHOUT}",
                clang.display()
            ));
        }
        let out = env::var_os("OUT_DIR").unwrap_or_default();
        let built = libbpf_cargo::SkeletonBuilder::new()
            .source("src/bpf/runqueue.bpf.c")
            .clang(&clang)
            .clang_args(arguments())
            .build_and_generate(Path::new(&out).join("runqueue.skel.rs"));
        if let Err(error) = built {
            fail(&format!("the eBPF programs do not compile: {error:#}; mend that, {WITHOUT}"));
        }
    }

    /// Warnings are errors, as in Rust; Debian keeps `asm/types.h` in a folder by machine, which `-target bpf` misses.
    fn arguments() -> Vec<OsString> {
        let machine = env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_default();
        ["-Wall", "-Werror", "-Isrc/bpf", &format!("-I/usr/include/{machine}-linux-gnu")].map(OsString::from).to_vec()
    }

    fn fail(message: &str) -> ! {
        println!("cargo::error={message}");
        std::process::exit(1)
    }
}
