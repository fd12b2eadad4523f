//! `devices`: what this program can run on.

use serde_json::json;

use crate::device::{DeviceKind, enumerate};
use crate::error::CliError;
use crate::output::Output;
use crate::table::Table;

pub(super) fn run(output: &Output) -> Result<(), CliError> {
    let mut table = Table::new(["device", "built in", "found", "what it is"]).left();
    let mut list = Vec::new();
    for kind in DeviceKind::ALL {
        let enabled = kind.is_enabled();
        // Looking for GPUs asks their drivers, which may be broken: that is no reason to end.
        let found = std::panic::catch_unwind(|| enumerate(kind).len()).ok();
        let countable = enabled && kind != DeviceKind::Remote;
        let count = match found {
            _ if !countable => "-".to_string(),
            Some(count) => count.to_string(),
            None => "driver failed".to_string(),
        };
        let built = if enabled { "yes" } else { "no" };
        table.row([kind.name(), built, &count, kind.summary()]);
        list.push(json!({
            "device": kind.name(),
            "enabled": enabled,
            "count": found.filter(|_| countable),
        }));
    }
    output.text(&table.render());
    output.text(
        "\nBuild others in with Cargo features: cargo build --release -p tinderbox-cli --features wgpu\n",
    );
    output.json(&json!(list));
    Ok(())
}
