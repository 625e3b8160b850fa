//! What the hosts log of their parties' jobs: how long each waited for its turn, and took.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;

use boop_wire::PartyIndex;

use super::report::Times;
use crate::network::Network;

/// The logs of the three hosts, read to here.
pub(super) struct Parties {
    logs: Vec<(PathBuf, u64)>,
}

impl Parties {
    /// Starts at what the logs say next.
    pub(super) fn listen(network: &Network) -> anyhow::Result<Self> {
        let logs = PartyIndex::ALL.map(|party| {
            let path = network.provisioned().layout.log(&format!("host-{party}"));
            let read = std::fs::metadata(&path)?.len();
            Ok((path, read))
        });
        let logs = logs.into_iter().collect::<anyhow::Result<_>>()?;
        Ok(Self { logs })
    }

    /// Adds the times of the jobs since the last time.
    pub(super) fn heard(&mut self, times: &mut Times) -> anyhow::Result<()> {
        for (path, read) in &mut self.logs {
            let mut file = File::open(path)?;
            file.seek(SeekFrom::Start(*read))?;
            let mut text = String::new();
            *read += u64::try_from(file.read_to_string(&mut text)?)?;
            for line in text.lines() {
                if let Some((waited_ms, took_ms)) = job(line) {
                    times.note_job(1_000 * waited_ms, 1_000 * took_ms);
                }
            }
        }
        Ok(())
    }
}

/// Reads a line about a job: how long it waited, and took, in milliseconds.
fn job(line: &str) -> Option<(u64, u64)> {
    let number = |after: &str| {
        let (_, rest) = line.split_once(after)?;
        rest.split_once(" ms")?.0.parse().ok()
    };
    Some((number("waited ")?, number("took ")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_about_jobs_give_their_times_and_others_none() {
        let line = r#"INFO event="job-done" detail="job 3, 9 templates, waited 12 ms, took 34 ms""#;

        assert_eq!(job(line), Some((12, 34)));
        assert_eq!(job("INFO event=\"ready\""), None);
    }
}
