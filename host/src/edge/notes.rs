//! What the enclave says about itself: evidence, which is kept for other hosts, and events, which
//! go to the log and the status.

use boop_abi::{Check, Event, FarEnd, Phase};
use boop_channel::Expectation;
use boop_daemon::now_ms;
use boop_wire::binding::Role;
use boop_wire::codec::{from_canonical, from_canonical_max};
use boop_wire::evidence::{BUNDLE_BYTES_MAX, EvidenceBundle};
use boop_wire::statement::{STATEMENT_BYTES_MAX, SignedStatement};

use crate::edge::{EdgeError, Violation};
use crate::event::{Code, chain};
use crate::host::Host;
use crate::status::{self, Progress};

/// Keeps the enclave's evidence to show to other hosts. They judge it; that this host does so too
/// tells its operator early what they will say.
pub(crate) fn keep_evidence(host: &Host, bytes: &[u8]) -> Result<(), EdgeError> {
    let bundle: EvidenceBundle = from_canonical_max(bytes, BUNDLE_BYTES_MAX)?;
    let expect = Expectation::boot(Role::Party, Some(host.plan.party));
    let judged = host.fuse.trust.now().judge(&bundle, &expect, now_ms());
    match &judged {
        Ok(_) => host.log(&Code::EvidenceRenewed.event()),
        Err(error) => {
            let event = Code::EvidenceDoubtful.event();
            host.log(&event.refusal(error.refusal()).detail(chain(error)));
        }
    }
    host.status.doubt(judged.err().map(|error| chain(&error)));
    host.keep_evidence(Some(bundle));
    Ok(())
}

/// Keeps what the enclave signed about a job.
pub(crate) fn keep_statement(host: &Host, bytes: &[u8]) -> Result<(), EdgeError> {
    if bytes.len() > STATEMENT_BYTES_MAX {
        return Err(Violation::StatementTooLarge.into());
    }
    let statement: SignedStatement = from_canonical(bytes)?;
    if let Err(error) = host.statements.add(&statement) {
        host.log(&Code::StatementNotKept.event().detail(error));
    }
    Ok(())
}

/// Notes an event of the enclave.
pub(crate) fn note(host: &Host, event: Event) {
    match event {
        Event::Phase(phase) => {
            host.status.enter(status::Phase::from(phase), now_ms());
            let code = match phase {
                Phase::Serving => Code::Ready,
                Phase::Stopped(refusal) => {
                    let why = String::from("the enclave cannot go on");
                    let event = Code::EnclaveStops.event();
                    return host.refused(event, None, refusal, why, now_ms());
                }
                Phase::Booted
                | Phase::Attested
                | Phase::Leased
                | Phase::Joined
                | Phase::Draining
                | Phase::Retired => Code::EnclavePhase,
            };
            host.log(&code.event().detail(phase.name()));
        }
        Event::Ready(ready) => {
            let (phase, code) = match ready {
                true => (status::Phase::Serving, Code::Ready),
                false => (status::Phase::Suspended, Code::EnclavePhase),
            };
            host.status.show_readiness(phase, now_ms());
            host.log(&code.event().detail(phase.name()));
        }
        Event::SessionRefused { stream, refusal } => host.refused(
            Code::SessionRefused.event().stream(stream),
            None,
            refusal,
            String::from("the enclave refused a session"),
            now_ms(),
        ),
        Event::ManifestTaken { version } => {
            host.status.believe(version);
            let detail = format!("version {version}");
            host.log(&Code::ManifestTaken.event().detail(detail));
        }
        Event::ManifestRefused(refusal) => host.refused(
            Code::ManifestRefused.event(),
            None,
            refusal,
            String::from("the enclave goes on under the manifest that it has"),
            now_ms(),
        ),
        Event::Progress { done, of } => {
            host.status.progress(Progress { done, of });
            let detail = format!("{done} of {of} records");
            host.log(&Code::EnclaveProgress.event().detail(detail));
        }
        Event::JobRefused(_) | Event::JobDone { .. } | Event::CheckFailed { .. } => {
            note_job(host, event);
        }
    }
}

/// Notes an event of a job.
fn note_job(host: &Host, event: Event) {
    match event {
        Event::JobRefused(refusal) => host.log(&Code::JobRefused.event().refusal(refusal)),
        Event::JobDone {
            job,
            searched,
            waited_ms,
            took_ms,
        } => {
            let detail = format!(
                "job {job}, {searched} templates, waited {waited_ms} ms, took {took_ms} ms"
            );
            host.log(&Code::JobDone.event().detail(detail));
        }
        Event::CheckFailed {
            job,
            check,
            accused,
        } => {
            let detail = format!("job {job}: {}", check_name(check));
            let event = Code::CheckFailed.event().detail(detail);
            host.log(&match accused {
                Some(party) => event.far_end(FarEnd::Party(party)),
                None => event,
            });
        }
        Event::Phase(_)
        | Event::Ready(_)
        | Event::SessionRefused { .. }
        | Event::ManifestTaken { .. }
        | Event::ManifestRefused(_)
        | Event::Progress { .. } => {}
    }
}

const fn check_name(check: Check) -> &'static str {
    match check {
        Check::Message => "message",
        Check::Preface => "preface",
        Check::Opening => "opening",
        Check::Proof => "proof",
        Check::Challenge => "challenge",
        Check::Audit => "audit",
        Check::Own => "own",
    }
}
