//! Three gateways over one database: one of them dies in the middle of a burst, then Redis is
//! away for ten seconds, and a thousand sockets hear of everything once and in order.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use boop_sdk::{ContextRequest, ScannerLogin, VendorClient, VendorLogin};
use boop_servers::{Postgres, Redis, free_port};
use boop_wire::api::Requirements;
use boop_wire::job::pairwise_id;
use boop_wire::ledger::Currency;
use boop_world::{GatewayOptions, Ports, SharedStore, Till, visitor};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;
use zeroize::Zeroizing;

use crate::bench::{Bench, SEED, is_quick};
use crate::raw;
use crate::shop::CURRENCY;

/// Vendors, each with a terminal of its own.
const VENDORS: usize = 25;
/// Sockets that hear what happens at one vendor: a thousand in all, or fewer if asked.
const LISTENERS: [usize; 2] = [40, 4];
/// Contexts that each vendor opens and cancels.
const CONTEXTS: u32 = 24;
/// Contexts of all vendors after which a gateway dies, and after which Redis does.
const DEATHS: [u32; 2] = [150, 350];
/// How long Redis is away, and if fewer of everything are asked for.
const REDIS_AWAY: [Duration; 2] = [Duration::from_secs(10), Duration::from_secs(3)];
/// Payments by palm meanwhile.
const PAYMENTS: u32 = 6;
/// What a customer has, and pays one of.
const CREDIT: i64 = 100;
const PATIENCE: Duration = Duration::from_secs(90);

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_sockets_lose_nothing_when_a_gateway_dies_and_redis_is_away() {
    let (Some(postgres), Some(mut redis)) = (Postgres::start(), Redis::start()) else {
        return;
    };
    let others = [free_port(), free_port()];
    let shared = SharedStore {
        database: postgres.database("gateways"),
        redis: redis.url(),
        ports: others.into(),
    };
    let options = GatewayOptions {
        shared: Some(shared),
        ..GatewayOptions::default()
    };
    let mut bench = Bench::start_with(&options).await;
    let [second, third] = others.map(Ports::address);
    let gateways = [bench.network.gateway(), second, third];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    bench.gateway = listener.local_addr().unwrap().to_string();
    let balancer = tokio::spawn(balance(listener, gateways));
    let world = World::new(&bench).await;

    let mut till = world.till(&bench).await;
    let paying = tokio::spawn({
        let palm = visitor(SEED, 0).unwrap().probe;
        async move {
            for _ in 0..PAYMENTS {
                let visit = till.till.pay(&palm, 1).await.unwrap();
                assert_eq!(visit.result.result.code, None);
                assert_eq!(
                    visit.user,
                    Some(pairwise_id(till.user, &till.till.vendor_id))
                );
            }
            till.user
        }
    });
    let mut listening = world.listen(&bench).await;
    let mut opening = world.open_contexts(&bench);
    world.wait_for(DEATHS[0]).await;
    bench.network.process("gateway-3").unwrap().kill();
    world.wait_for(DEATHS[1]).await;
    redis.stop();
    sleep(REDIS_AWAY[usize::from(is_quick())]).await;
    redis.start_again();

    while let Some(opened) = opening.join_next().await {
        opened.unwrap();
    }
    let mut resumed = 0;
    while let Some(heard) = listening.join_next().await {
        resumed += heard.unwrap();
    }
    assert!(resumed > 0, "a gateway with sockets has died");
    let user = timeout(PATIENCE, paying).await.unwrap().unwrap();
    let mut admin = bench.admin().await;
    assert_eq!(
        admin.balance(user).await.unwrap(),
        CREDIT - i64::from(PAYMENTS)
    );
    check_database(&postgres);
    balancer.abort();
}

fn listeners() -> usize {
    LISTENERS[usize::from(is_quick())]
}

/// Every context has one result, and one message tells its vendor.
fn check_database(postgres: &Postgres) {
    let count = |sql: &str| -> usize {
        let said = postgres.psql("gateways", sql).unwrap();
        said.trim().parse().unwrap()
    };
    let contexts = VENDORS * CONTEXTS as usize + PAYMENTS as usize;
    assert_eq!(
        count("SELECT count(*) FROM contexts WHERE result IS NOT NULL"),
        contexts
    );
    assert_eq!(count("SELECT count(*) FROM contexts"), contexts);
    let told = "SELECT count(*) FROM messages \
                WHERE stream LIKE 'vendor:%' AND text LIKE '%auth_result%'";
    assert_eq!(count(told), contexts);
}

/// Takes each connection to the next gateway that takes it, without a look into it.
async fn balance(listener: TcpListener, gateways: [SocketAddr; 3]) {
    for turn in 0.. {
        let (mut client, _) = listener.accept().await.unwrap();
        tokio::spawn(async move {
            for next in 0..gateways.len() {
                let address = gateways[(turn + next) % gateways.len()];
                if let Ok(mut gateway) = TcpStream::connect(address).await {
                    // Either end may die.
                    let _ = copy_bidirectional(&mut client, &mut gateway).await;
                    return;
                }
            }
        });
    }
}

struct Shop {
    vendor: VendorLogin,
    scanner: ScannerLogin,
}

struct PaidTill {
    till: Till,
    user: boop_wire::UserId,
}

/// The vendors, and how many of their contexts have ended.
struct World {
    shops: Vec<Shop>,
    ended: Arc<AtomicU32>,
}

impl World {
    async fn new(bench: &Bench) -> Self {
        let mut admin = bench.admin().await;
        let mut shops = Vec::new();
        for number in 0..VENDORS {
            let vendor = admin
                .create_vendor(&format!("shop {number}"))
                .await
                .unwrap();
            let terminal = "till-1".parse().unwrap();
            let scanner = admin.create_scanner(vendor.vendor_id.clone(), terminal);
            let scanner = scanner.await.unwrap();
            shops.push(Shop {
                vendor: VendorLogin {
                    vendor_id: vendor.vendor_id,
                    api_key: Zeroizing::new(vendor.api_key),
                },
                scanner: ScannerLogin {
                    scanner_id: scanner.scanner_id,
                    scanner_key: Zeroizing::new(scanner.scanner_key),
                },
            });
        }
        Self {
            shops,
            ended: Arc::default(),
        }
    }

    async fn till(&self, bench: &Bench) -> PaidTill {
        let mut admin = bench.admin().await;
        let (client, gateway) = (&bench.client, &bench.gateway);
        let mut till = Till::open(client, gateway, &mut admin, "palms")
            .await
            .unwrap();
        let person = visitor(SEED, 0).unwrap();
        let user = till.enrol(&person.enrolment).await.unwrap().user;
        let currency = Currency::new(CURRENCY).unwrap();
        let credit = u64::try_from(CREDIT).unwrap();
        admin.credit(user, credit, currency).await.unwrap();
        PaidTill { till, user }
    }

    /// Starts every listener, and a scanner for each vendor; returns once all are there.
    async fn listen(&self, bench: &Bench) -> JoinSet<u32> {
        let (ready, mut waiting) = tokio::sync::mpsc::channel(1);
        let mut listening = JoinSet::new();
        for shop in &self.shops {
            let scanner = Place::new(bench, "/ws/pvs", scanner_hello(&shop.scanner));
            tokio::spawn(scanner.stay());
            for _ in 0..listeners() {
                let place = Place::new(bench, "/ws/vendor", vendor_hello(&shop.vendor));
                listening.spawn(place.hear_all(ready.clone()));
            }
        }
        for _ in 0..VENDORS * listeners() {
            timeout(PATIENCE, waiting.recv()).await.unwrap();
        }
        listening
    }

    /// Has every vendor open its contexts and cancel them.
    fn open_contexts(&self, bench: &Bench) -> JoinSet<()> {
        let mut opening = JoinSet::new();
        for shop in &self.shops {
            let (client, gateway) = (bench.client.clone(), bench.gateway.clone());
            let (login, ended) = (shop.vendor.clone(), Arc::clone(&self.ended));
            opening.spawn(async move {
                let mut vendor = VendorClient::connect(&client, &gateway, &login)
                    .await
                    .unwrap();
                for number in 1..=CONTEXTS {
                    end_one(&mut vendor, number).await;
                    ended.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        opening
    }

    async fn wait_for(&self, ended: u32) {
        let reached = async {
            while self.ended.load(Ordering::Relaxed) < ended {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, reached).await.unwrap();
    }
}

/// Opens a context, again while its scanner is on its way from one gateway to another, and
/// cancels it.
async fn end_one(vendor: &mut VendorClient, number: u32) {
    let request = ContextRequest {
        context_id: format!("ctx-{number}").parse().unwrap(),
        requirements: Requirements::payment("till-1".parse().unwrap(), 1, CURRENCY),
        timeout_ms: Some(120_000),
    };
    let mut tries = 0;
    while let Err(error) = vendor.create_context(&request).await {
        tries += 1;
        assert!(tries < 200, "{error}");
        sleep(Duration::from_millis(100)).await;
    }
    // A cancel that the dying gateway heard is refused the second time; the result tells.
    let mut tries = 0;
    let result = loop {
        let _ = vendor.cancel_context(&request.context_id).await;
        let wait = Duration::from_secs(5);
        match vendor.wait_result(&request.context_id, wait).await {
            Ok(result) => break result,
            Err(error) => {
                tries += 1;
                assert!(tries < 200, "{error}");
                sleep(Duration::from_millis(100)).await;
            }
        }
    };
    assert_eq!(result.result.code.as_deref(), Some("context-expired"));
}

fn vendor_hello(login: &VendorLogin) -> Value {
    json!({
        "type": "authenticate",
        "vendor_id": login.vendor_id,
        "api_key": *login.api_key,
    })
}

fn scanner_hello(login: &ScannerLogin) -> Value {
    json!({
        "type": "authenticate",
        "scanner_id": login.scanner_id,
        "scanner_key": *login.scanner_key,
    })
}

type Socket = tokio_tungstenite::WebSocketStream<tokio_rustls::client::TlsStream<TcpStream>>;

/// A socket that comes back, and where its stream stands.
struct Place {
    gateway: String,
    path: &'static str,
    hello: Value,
    start: Option<(String, u64)>,
    connections: u32,
}

impl Place {
    fn new(bench: &Bench, path: &'static str, hello: Value) -> Self {
        Self {
            gateway: bench.gateway.clone(),
            path,
            hello,
            start: None,
            connections: 0,
        }
    }

    /// Connects until somebody lets it in, after what it has heard.
    async fn connect(&mut self) -> Socket {
        loop {
            if let Some(socket) = self.try_connect().await {
                self.connections += 1;
                return socket;
            }
            sleep(Duration::from_millis(100)).await;
        }
    }

    async fn try_connect(&mut self) -> Option<Socket> {
        let stream = raw::tls_to(&self.gateway).await.ok()?;
        let url = format!("wss://localhost{}", self.path);
        let (mut socket, _) = client_async(url, stream).await.ok()?;
        let mut hello = self.hello.clone();
        if let Some((epoch, offset)) = &self.start {
            hello["resume"] = json!({ "epoch": epoch, "offset": offset });
        }
        let hello = Message::Text(hello.to_string().into());
        socket.send(hello).await.ok()?;
        let welcome = next(&mut socket).await?;
        let stream = &welcome["stream"];
        assert_eq!(stream["recovered"], true, "{welcome}");
        let epoch = stream["epoch"].as_str().unwrap().to_owned();
        let offset = stream["offset"].as_u64().unwrap();
        if let Some(start) = &self.start {
            assert_eq!(*start, (epoch.clone(), offset));
        }
        self.start = Some((epoch, offset));
        Some(socket)
    }

    /// Hears of every context of its vendor, once and in order; returns how often it came back.
    async fn hear_all(mut self, ready: tokio::sync::mpsc::Sender<()>) -> u32 {
        let mut contexts = BTreeSet::new();
        let mut socket = self.connect().await;
        ready.send(()).await.unwrap();
        while contexts.len() < CONTEXTS as usize {
            let Some(message) = next(&mut socket).await else {
                socket = self.connect().await;
                continue;
            };
            let (_, offset) = self.start.as_mut().unwrap();
            assert_eq!(message["offset"].as_u64(), Some(*offset + 1), "{message}");
            *offset += 1;
            assert_eq!(message["type"], "auth_result", "{message}");
            let context = message["context_id"].as_str().unwrap().to_owned();
            assert!(contexts.insert(context), "twice: {message}");
        }
        self.connections - 1
    }

    /// Stays connected and reads.
    async fn stay(mut self) {
        loop {
            let mut socket = self.connect().await;
            while let Some(message) = next(&mut socket).await {
                if let (Some(offset), Some(start)) = (message["offset"].as_u64(), &mut self.start) {
                    start.1 = offset;
                }
            }
        }
    }
}

/// Returns the next message; none if the connection is over.
async fn next(socket: &mut Socket) -> Option<Value> {
    loop {
        match timeout(PATIENCE, socket.next()).await.expect("in time")? {
            Ok(Message::Text(text)) => return Some(serde_json::from_str(&text).unwrap()),
            Ok(Message::Ping(_) | Message::Pong(_)) => {}
            Ok(_) | Err(_) => return None,
        }
    }
}
