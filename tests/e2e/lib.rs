//! Nothing: the tests stand in `tests/it`, run the binaries that a build of the workspace made, and talk to them as
//! a scheduler would, in JSON over HTTP.
