//! Which core runs what, and what a process has spent on them.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::param::clock_ticks_per_second;
use rustix::process::Pid;
use rustix::thread::{CpuSet, sched_setaffinity};

/// Where servers run, and where clients do.
const SERVERS: usize = 0;
const CLIENTS: usize = 1;

/// Gives servers one core and this process another, if there are two.
pub(crate) fn split(servers: &[u32]) -> Result<()> {
    let cores = std::thread::available_parallelism()?.get();
    if cores > CLIENTS {
        for server in servers {
            pin(*server, SERVERS)?;
        }
        pin(std::process::id(), CLIENTS)?;
    }
    Ok(())
}

fn pin(process: u32, core: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(core);
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        let name = thread?.file_name();
        let id = name.to_str().and_then(|name| name.parse().ok());
        let id = id.and_then(Pid::from_raw).context("a thread has an id")?;
        sched_setaffinity(Some(id), &set)?;
    }
    Ok(())
}

/// Returns what a process has spent on all cores.
pub(crate) fn spent(process: u32) -> Result<Duration> {
    let text = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name stands in brackets and may hold anything.
    let (_, fields) = text.rsplit_once(')').context("a process has a name")?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut ticks = || fields.next().and_then(|field| field.parse::<u64>().ok());
    let (user, system) = (ticks(), ticks());
    let ticks = user.zip(system).map(|(user, system)| user + system);
    let ticks = ticks.context("a process has spent time")?;
    Ok(Duration::from_millis(
        ticks * 1000 / clock_ticks_per_second().max(1),
    ))
}

/// Returns the bytes of a process that are in memory and its own.
pub(crate) fn resident(process: u32) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    let kilobytes: u64 = kilobytes.context("a process has memory")?.parse()?;
    Ok(kilobytes * 1024)
}
