//! Nothing: the tests stand in `tests/it`, run the binaries that `cargo build --workspace --bins` made, and talk to them as
//! a scheduler would, in JSON over HTTP.
