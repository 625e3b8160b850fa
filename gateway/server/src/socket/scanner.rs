//! `/ws/pvs`, version 1: `authenticate`, then contexts to capture for and captures.

use std::sync::Arc;

use boop_bridge::StreamName;
use boop_wire::Refusal;
use boop_wire::api::{FromScanner, Resume, ToScanner};
use boop_wire::job::CAPTURE_LIFE_MS_MAX;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::{Desk, Handled, Wire, attach, converse};
use crate::app::App;
use crate::enrolment::Registration;
use crate::intrusion::{Login, Who};
use crate::json;
use crate::problem::Failure;
use crate::revocation::Pass;
use crate::store::{DirectoryStore as _, Scanner};
use crate::text;

/// Captures of an enrolment.
const ENROLMENT_SAMPLES: u8 = 3;
/// Captures of one socket that are worked on at a time.
const CAPTURES_MAX: usize = 4;

/// Converses with one scanner until the socket is over.
pub(super) async fn run(mut wire: Wire, app: Arc<App>) {
    let (scanner, resume) = match Box::pin(authenticate(&mut wire, &app)).await {
        Ok(known) => known,
        Err(failure) => {
            app.saw_answer(&Who::Address(wire.address), "", Some(failure.refusal));
            return wire.end(&failure).await;
        }
    };
    wire.admit(Pass::Scanner {
        scanner: scanner.id.clone(),
        vendor: scanner.vendor.clone(),
    });
    let stream = StreamName::Scanner(scanner.id.clone());
    let attached = attach(&mut wire, &app, stream.clone(), resume.as_ref()).await;
    let Some((reader, start)) = attached else {
        return;
    };
    let configuration = ToScanner::Configuration {
        terminal_id: scanner.terminal.clone(),
        vendor_id: scanner.vendor.clone(),
        quality_min: app.network.quality_min,
        samples: ENROLMENT_SAMPLES,
        capture_life_ms: CAPTURE_LIFE_MS_MAX,
        stream: start,
    };
    if wire.send(&configuration).await {
        let desk = ScannerDesk {
            app: Arc::clone(&app),
            scanner,
            places: Arc::new(Semaphore::new(CAPTURES_MAX)),
        };
        converse(wire, reader, &desk).await;
    }
    app.leave(&stream).await;
}

async fn authenticate(wire: &mut Wire, app: &App) -> Result<(Scanner, Option<Resume>), Failure> {
    match json::read(json::object(wire.first().await?.as_bytes())?)? {
        FromScanner::Authenticate {
            scanner_id,
            scanner_key,
            resume,
        } => {
            let scanner = app.store.scanner(&scanner_id).await;
            let scanner = scanner.map_err(Refusal::from)?;
            let who = Who::Scanner(scanner_id);
            let known = scanner.filter(|scanner| text::is_key(&scanner_key, &scanner.key));
            let Some(scanner) = known else {
                let login = Login {
                    from: wire.address,
                    claimed: Some(who),
                    shown: &scanner_key,
                };
                return Err(app.turn_down(Refusal::Unauthenticated, &login));
            };
            app.log_in(&who, wire.address)?;
            Ok((scanner, resume))
        }
        FromScanner::Capture { .. }
        | FromScanner::Enrol { .. }
        | FromScanner::Acknowledge { .. }
        | FromScanner::Ping => Err(Refusal::Unexpected.into()),
    }
}

/// Where one scanner's captures are worked on.
struct ScannerDesk {
    app: Arc<App>,
    scanner: Scanner,
    places: Arc<Semaphore>,
}

impl Desk for ScannerDesk {
    /// Starts work in a task of its own, so that the socket goes on meanwhile; what becomes of it
    /// comes over the scanner's stream.
    async fn handle(&self, wire: &mut Wire, value: Value) -> Handled {
        let who = || Who::Scanner(self.scanner.id.clone());
        Handled::Alive(match json::read(value) {
            Err(failure) => {
                self.app.saw_answer(&who(), "", Some(failure.refusal));
                wire.complain(&failure, None).await
            }
            Ok(FromScanner::Acknowledge { offset }) => return Handled::Acknowledged(offset),
            Ok(FromScanner::Ping) => wire.send(&ToScanner::Pong).await,
            Ok(FromScanner::Authenticate { .. }) => {
                wire.complain(&Refusal::Unexpected.into(), None).await
            }
            Ok(FromScanner::Capture {
                context_id,
                capture,
            }) => {
                let work = |app: Arc<App>, scanner| async move {
                    app.authenticate(&scanner, &context_id, &capture).await;
                };
                self.start(wire, work).await
            }
            Ok(FromScanner::Enrol {
                user_id,
                session_token,
                capture,
            }) => {
                let registration = Registration {
                    user: user_id,
                    session_token,
                };
                let work = |app: Arc<App>, scanner| async move {
                    app.enrol(&scanner, &registration, &capture).await;
                };
                self.start(wire, work).await
            }
        })
    }
}

impl ScannerDesk {
    async fn start<F>(&self, wire: &mut Wire, work: impl FnOnce(Arc<App>, Scanner) -> F) -> bool
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let who = Who::Scanner(self.scanner.id.clone());
        if let Err(failure) = self.app.welcome(&who) {
            return wire.complain(&failure, None).await;
        }
        let place = Arc::clone(&self.places).try_acquire_owned();
        let (Ok(place), Some(running)) = (place, self.app.work.begin()) else {
            return wire.complain(&Refusal::Busy.into(), None).await;
        };
        let work = work(Arc::clone(&self.app), self.scanner.clone());
        tokio::spawn(async move {
            work.await;
            drop((place, running));
        });
        true
    }
}
