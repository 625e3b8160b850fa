//! Logs: one line an event, on standard error, JSON when standard error is not a terminal.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts logging at `level` ("error", "warn", "info", "debug"); an unknown level means "info".
pub fn init_logs(level: &str) {
    let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // A second call finds the logger installed and leaves it.
    let _ = if std::io::stderr().is_terminal() {
        builder.try_init()
    } else {
        builder.json().try_init()
    };
}
