//! `/ws/pvs`, version 1: `authenticate`, then contexts to capture for and captures.

use std::sync::Arc;

use boop_bridge::StreamName;
use boop_wire::Refusal;
use boop_wire::api::{FromScanner, ToScanner};
use boop_wire::job::CAPTURE_LIFE_MS_MAX;
use tokio::sync::Semaphore;

use super::{Event, Wire, attach};
use crate::app::App;
use crate::enrolment::Registration;
use crate::store::{DirectoryStore as _, Scanner};
use crate::text;

/// Captures of an enrolment.
const ENROLMENT_SAMPLES: u8 = 3;
/// Captures of one socket that are worked on at a time.
const CAPTURES_MAX: usize = 4;

/// Converses with one scanner until the socket is over.
pub(super) async fn run(mut wire: Wire, app: Arc<App>) {
    let scanner = match authenticate(&mut wire, &app).await {
        Ok(scanner) => scanner,
        Err(refusal) => return wire.end(&refusal.into()).await,
    };
    let configuration = ToScanner::Configuration {
        terminal_id: scanner.terminal.clone(),
        vendor_id: scanner.vendor.clone(),
        quality_min: app.network.quality_min,
        samples: ENROLMENT_SAMPLES,
        capture_life_ms: CAPTURE_LIFE_MS_MAX,
    };
    let stream = StreamName::Scanner(scanner.id.clone());
    let Some(mut attachment) = attach(&mut wire, &app, stream).await else {
        return;
    };
    if !wire.send(&configuration).await {
        return;
    }
    let desk = Desk {
        app: Arc::clone(&app),
        scanner,
        places: Arc::new(Semaphore::new(CAPTURES_MAX)),
    };
    loop {
        let alive = match wire.next(&mut attachment).await {
            Event::Message(message) => handle(&mut wire, &desk, message).await,
            Event::Delivery(delivery) => wire.deliver(&mut attachment, delivery).await,
            Event::Refused(refusal) => return wire.end(&refusal.into()).await,
            Event::Closed => false,
        };
        if !alive {
            return;
        }
    }
}

async fn authenticate(wire: &mut Wire, app: &App) -> Result<Scanner, Refusal> {
    match wire.first().await? {
        FromScanner::Authenticate {
            scanner_id,
            scanner_key,
        } => {
            let scanner = app.store.scanner(&scanner_id).await?;
            scanner
                .filter(|scanner| text::is_secret(&scanner_key, &scanner.key))
                .ok_or(Refusal::Unauthenticated)
        }
        FromScanner::Capture { .. } | FromScanner::Enrol { .. } | FromScanner::Ping => {
            Err(Refusal::Unexpected)
        }
    }
}

/// Where one scanner's captures are worked on.
struct Desk {
    app: Arc<App>,
    scanner: Scanner,
    places: Arc<Semaphore>,
}

/// Starts work in a task of its own, so that the socket goes on meanwhile; what becomes of it
/// comes over the scanner's stream.
async fn handle(wire: &mut Wire, desk: &Desk, message: FromScanner) -> bool {
    match message {
        FromScanner::Ping => wire.send(&ToScanner::Pong).await,
        FromScanner::Authenticate { .. } => wire.complain(&Refusal::Unexpected.into(), None).await,
        FromScanner::Capture {
            context_id,
            capture,
        } => {
            let work = |app: Arc<App>, scanner| async move {
                app.authenticate(&scanner, &context_id, &capture).await;
            };
            start(wire, desk, work).await
        }
        FromScanner::Enrol {
            user_id,
            session_token,
            capture,
        } => {
            let registration = Registration {
                user: user_id,
                session_token,
            };
            let work = |app: Arc<App>, scanner| async move {
                app.enrol(&scanner, &registration, &capture).await;
            };
            start(wire, desk, work).await
        }
    }
}

async fn start<F>(wire: &mut Wire, desk: &Desk, work: impl FnOnce(Arc<App>, Scanner) -> F) -> bool
where
    F: Future<Output = ()> + Send + 'static,
{
    let place = Arc::clone(&desk.places).try_acquire_owned();
    let (Ok(place), Some(running)) = (place, desk.app.work.begin()) else {
        return wire.complain(&Refusal::Busy.into(), None).await;
    };
    let work = work(Arc::clone(&desk.app), desk.scanner.clone());
    tokio::spawn(async move {
        work.await;
        drop((place, running));
    });
    true
}
