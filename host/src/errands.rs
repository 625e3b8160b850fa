//! What an operator has a running host do, and what it says.

use std::path::Path;
use std::time::Duration;

use anyhow::ensure;
use boop_host::{Errand, HostSettings, Phase, Status, ask, epochs, read_status};

/// Pause between two looks at a store.
const POLL: Duration = Duration::from_millis(200);

/// Has all records refreshed, and waits until nothing is left of the old epoch here.
pub(crate) async fn refresh(settings: &HostSettings, run: &Path) -> anyhow::Result<()> {
    let status = read_status(run)?;
    ensure!(status.party == 0, "refreshes are begun at party 0's host");
    ensure!(
        status.phase == Phase::Serving,
        "party 0 does not serve: it is {}",
        status.phase.name()
    );
    let before = epochs(&settings.blobs)?.last().copied().unwrap_or_default();
    ask(run, Errand::Refresh).await?;
    println!("party 0: refreshing, from epoch {before} to {}", before + 1);
    while epochs(&settings.blobs)? != [before + 1] {
        tokio::time::sleep(POLL).await;
    }
    println!(
        "party 0: epoch {} is served, and the old one is gone",
        before + 1
    );
    Ok(())
}

pub(crate) fn print_status(status: &Status) {
    println!("party {}: {}", status.party, status.phase.name());
    if let Some(version) = status.manifest {
        println!("manifest: version {version}");
    }
    if let Some(refusal) = &status.last_refusal {
        println!(
            "last refusal: {} ({}: {})",
            refusal.refusal, refusal.far_end, refusal.reason
        );
    }
}
