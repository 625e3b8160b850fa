//! People who pay and enrol all the time, and every refusal that they meet.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use boop_sdk::{ClientTrust, ConnectError, Connection, NetworkView, RequestError};
use boop_wire::job::Subject;
use boop_world::visitor;
use tokio::task::JoinHandle;
use tokio::time::{Duration, Instant, sleep};

use crate::bench::{Bench, SEED};
use crate::scanner::{Answer, split};
use crate::shop::{Customer, Shop, register_at};

/// How long anybody waits.
const PATIENCE: Duration = Duration::from_secs(20);
/// Pause after a refusal.
const PAUSE: Duration = Duration::from_millis(50);
/// The first of those who enrol while the load is on.
const NEWCOMERS: u64 = 10;
/// Every so many payments somebody enrols.
const ENROLS_EVERY: u64 = 4;

/// A call that was turned away.
#[derive(Debug, Clone)]
pub(crate) struct Refused {
    pub(crate) code: String,
    pub(crate) sent: Instant,
    pub(crate) answered: Instant,
}

/// What the load came to.
pub(crate) struct Done {
    pub(crate) shop: Shop,
    pub(crate) payments: u64,
    /// Everybody who is enrolled.
    pub(crate) customers: Vec<Customer>,
    pub(crate) refused: Vec<Refused>,
}

impl Done {
    /// Checks that calls were refused as `draining` alone, in these spans of time alone.
    pub(crate) fn check_refusals(&self, announced: &[(Instant, Instant)]) {
        for refused in &self.refused {
            assert_eq!(refused.code, "draining", "{:?}", self.refused);
            let within =
                |(from, to): &(Instant, Instant)| refused.answered >= *from && refused.sent <= *to;
            assert!(announced.iter().any(within), "nobody left: {refused:?}");
        }
    }
}

/// People who come without a pause until they are told to stop.
pub(crate) struct Load {
    told: Arc<Told>,
    task: JoinHandle<Done>,
}

/// What the load and the test tell each other.
#[derive(Default)]
struct Told {
    stop: AtomicBool,
    payments: AtomicU64,
}

impl Load {
    /// Opens a shop, enrols somebody, and begins.
    pub(crate) async fn begin(bench: &Bench) -> Self {
        let mut shop = Shop::open(bench).await;
        let customers = vec![shop.enrol(bench, 0).await];
        let told = Arc::new(Told::default());
        let crowd = Crowd {
            trust: bench.client.clone(),
            gateway: bench.gateway.clone(),
            done: Done {
                shop,
                payments: 0,
                customers,
                refused: Vec::new(),
            },
        };
        let task = tokio::spawn(crowd.come(Arc::clone(&told)));
        Self { told, task }
    }

    /// Waits until so many more have paid.
    pub(crate) async fn goes_on(&self, payments: u64) {
        let paid = || self.told.payments.load(Ordering::Relaxed);
        let (wanted, until) = (paid() + payments, Instant::now() + PATIENCE);
        while paid() < wanted {
            let late = Instant::now() >= until || self.task.is_finished();
            assert!(!late, "nobody is served any more");
            sleep(PAUSE).await;
        }
    }

    /// Ends it; everybody who has come is served first.
    pub(crate) async fn end(self) -> Done {
        self.told.stop.store(true, Ordering::Relaxed);
        self.task.await.unwrap()
    }
}

struct Crowd {
    trust: ClientTrust,
    gateway: String,
    done: Done,
}

impl Crowd {
    async fn come(mut self, told: Arc<Told>) -> Done {
        while !told.stop.load(Ordering::Relaxed) {
            self.pays().await;
            told.payments.store(self.done.payments, Ordering::Relaxed);
            if self.done.payments.is_multiple_of(ENROLS_EVERY) {
                self.enrols(NEWCOMERS + self.done.payments / ENROLS_EVERY)
                    .await;
            }
        }
        self.done
    }

    async fn pays(&mut self) {
        let shop = &mut self.done.shop;
        let id = shop.ask_for(1).await;
        let context = shop.scanner.hear(&id).await;
        let palm = &self.done.customers[0].visitor.probe;
        let split = split(palm, &Subject::Identify(context));
        loop {
            let sent = Instant::now();
            let answer = match view(&self.trust, &self.gateway).await {
                Ok(view) => {
                    let capture = split.seal(&view).unwrap();
                    let scanner = &mut self.done.shop.scanner;
                    scanner.send_capture(&id, &capture).await;
                    scanner.answer(split.request()).await
                }
                Err(answer) => answer,
            };
            if self.is_served(sent, answer).await {
                break;
            }
        }
        let paid = self.done.shop.result(&id).await;
        assert!(paid.result.success, "{:?}", paid.result.code);
        self.done.payments += 1;
    }

    async fn enrols(&mut self, person: u64) {
        let visitor = visitor(SEED, person).unwrap();
        let (mut stream, registration) = register_at(&self.trust, &self.gateway).await;
        let (user, token) = (registration.user_id, &registration.session_token);
        let split = split(&visitor.enrolment, &Subject::Enrol { user });
        loop {
            let sent = Instant::now();
            let answer = match view(&self.trust, &self.gateway).await {
                Ok(view) => {
                    let capture = split.seal(&view).unwrap();
                    let scanner = &mut self.done.shop.scanner;
                    scanner.send_enrolment(user, token, &capture).await;
                    scanner.answer(split.request()).await
                }
                Err(answer) => answer,
            };
            if self.is_served(sent, answer).await {
                break;
            }
        }
        let enrolled = stream
            .wait_enrolment(Duration::from_secs(20))
            .await
            .unwrap();
        self.done.shop.credit(user).await;
        self.done.customers.push(Customer {
            visitor,
            user,
            receipt: enrolled.receipt,
        });
    }

    /// Takes note of an answer; a refusal is worth another attempt.
    async fn is_served(&mut self, sent: Instant, answer: Answer) -> bool {
        if answer.success {
            return true;
        }
        assert!(answer.retry_allowed, "{answer:?}");
        self.done.refused.push(Refused {
            code: answer.code.unwrap_or_default(),
            sent,
            answered: Instant::now(),
        });
        sleep(PAUSE).await;
        false
    }
}

/// Asks who the parties are; one that is away is a refusal like any other.
async fn view(trust: &ClientTrust, gateway: &str) -> Result<NetworkView, Answer> {
    let mut connection = Connection::open(trust, gateway).await.unwrap();
    match connection.network().await {
        Ok(view) => Ok(view),
        Err(ConnectError::Request(RequestError::Refused(refused))) => Err(Answer {
            success: false,
            code: Some(refused.code),
            retry_allowed: refused.retry_allowed,
        }),
        Err(error) => panic!("the parties are not told: {error}"),
    }
}
