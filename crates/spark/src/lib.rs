//! What Spark knows: size strings, defaults, the memory model, command lines, event logs. Pure.

pub mod command_line;
pub mod defaults;
pub mod event_log;
pub mod master;
pub mod memory;
pub mod price;
pub mod size;

pub use master::Master;
pub use memory::{MemoryModel, MemorySettings, SparkConfigError};
pub use price::PriceTable;
