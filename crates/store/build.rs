//! Rebuilds the crate when a migration changes: `sqlx::migrate!` embeds them and cannot say so itself.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations");
}
