//! The claim that no computer outside the parties ever holds a palm, a share or a key: a palm
//! whose every byte is known goes through the network, and then it is looked for everywhere.

use anyhow::Context;
use boop_channel::seal::seal;
use boop_mpc::{SEED_BYTES, ShareInput, commitments, split};
use boop_sdk::{Connection, NetworkView, PalmCapture};
use boop_wire::api::{FromScanner, ToScanner};
use boop_wire::codec::to_canonical;
use boop_wire::job::{BoxContent, BoxInfo, Capture, SealedBox, Subject};
use boop_wire::{PartyIndex, RequestId};

use super::search::{Found, Needles};
use super::{Claim, Control};
use crate::clients::client_trust;
use crate::clock::now_ms;
use crate::network::Network;
use crate::people::visitor;
use crate::provision::random;
use crate::refusals::{impersonate, scanner_answer};
use crate::till::Till;

/// The canary's number among people; nobody else has it.
const CANARY: u64 = 777_777;
/// How long its capture is good.
const LIFE_MS: u64 = 60_000;
/// Processes that are not trusted with a palm.
const UNTRUSTED: [&str; 8] = [
    "host-0",
    "host-1",
    "host-2",
    "gateway",
    "ledger",
    "custodian-0",
    "custodian-1",
    "custodian-2",
];

pub(super) async fn claim(network: &Network, till: &mut Till, seed: u64) -> anyhow::Result<Claim> {
    let palm = visitor(seed, CANARY)?.enrolment;
    let seeds = [
        random::<SEED_BYTES>()?,
        random::<SEED_BYTES>()?,
        random::<SEED_BYTES>()?,
    ];
    let shares = split(&palm.encodings, &seeds);
    let needles = needles(network, &palm, &shares)?;
    enrol(network, till, &palm, &shares).await?;
    till.pay(&palm, 1).await?;
    let found = tokio::task::block_in_place(|| search_everywhere(network, &needles))?;
    for found in found.hits.iter().take(8) {
        println!("   FOUND {} in {}", found.secret, found.place);
    }
    Ok(Claim {
        id: "no-palm-share-or-key-outside".to_owned(),
        claim: "no template, share or custody secret is in the memory, logs or files of hosts, \
                gateway, ledger and custodians"
            .to_owned(),
        held: found.hits.is_empty(),
        control: Control::new(found.blind == 0),
        figures: serde_json::json!({
            "needles": needles.len(),
            "files_searched": found.files,
            "processes_searched": UNTRUSTED.len(),
            "bytes_of_memory_searched": found.bytes,
            "hits": found.hits.len(),
            "hits_where_the_secret_belongs": found.expected,
            "such_places_without_a_hit": found.blind,
        }),
    })
}

struct Searched {
    hits: Vec<Found>,
    files: usize,
    bytes: usize,
    /// Hits where a secret belongs: each token's in its file and in its custodian's memory, the
    /// palm in this program, which holds it as a scanner does. They show that the search works.
    expected: usize,
    /// Places of that kind in which nothing was found.
    blind: usize,
}

fn search_everywhere(network: &Network, needles: &Needles) -> anyhow::Result<Searched> {
    let layout = &network.provisioned().layout;
    let mut searched = Searched {
        hits: Vec::new(),
        files: 0,
        bytes: 0,
        expected: 0,
        blind: 0,
    };
    let (files, found) = needles.in_files(layout.root())?;
    searched.files = files;
    let mut places: Vec<(String, Option<PartyIndex>, Vec<Found>)> = Vec::new();
    for party in PartyIndex::ALL {
        let token = layout.machine(party, "token").display().to_string();
        let own = found
            .iter()
            .filter(|found| found.place == token)
            .cloned()
            .collect();
        places.push((token, Some(party), own));
    }
    let elsewhere = found
        .into_iter()
        .filter(|found| !places.iter().any(|p| p.0 == found.place));
    places.push(("files".to_owned(), None, elsewhere.collect()));
    for name in UNTRUSTED {
        let pid = network
            .pid(name)
            .with_context(|| format!("{name} does not run"))?;
        let (bytes, found) = needles.in_memory(pid, name)?;
        searched.bytes += bytes;
        let owner = name
            .strip_prefix("custodian-")
            .and_then(|index| index.parse().ok());
        places.push((name.to_owned(), owner, found));
    }
    for (_, owner, found) in places {
        let own = |found: &Found| {
            owner.is_some_and(|party| found.secret.starts_with(&format!("token {party} ")))
        };
        let (belong, stray): (Vec<Found>, Vec<Found>) = found.into_iter().partition(own);
        searched.blind += usize::from(owner.is_some() && belong.is_empty());
        searched.expected += belong.len();
        searched.hits.extend(stray);
    }
    let (_, scanner) = needles.in_memory(std::process::id(), "this program")?;
    searched.blind += usize::from(scanner.is_empty());
    searched.expected += scanner.len();
    Ok(searched)
}

fn needles(
    network: &Network,
    palm: &PalmCapture,
    shares: &[ShareInput; 3],
) -> anyhow::Result<Needles> {
    let mut needles = Needles::new();
    for (rotation, template) in palm.encodings.0.iter().enumerate() {
        needles.add(&format!("template {rotation}"), template.expose_bytes());
    }
    for share in shares {
        // The first byte is the party's number; what follows is secret.
        needles.add(
            &format!("share of party {}", share.party()),
            &share.to_bytes()[1..],
        );
    }
    for party in PartyIndex::ALL {
        let token = std::fs::read(network.provisioned().layout.machine(party, "token"))?;
        needles.add(&format!("token {party}"), &token[4..36]);
    }
    Ok(needles)
}

/// Enrols the canary with shares whose bytes are known.
async fn enrol(
    network: &Network,
    till: &mut Till,
    palm: &PalmCapture,
    shares: &[ShareInput; 3],
) -> anyhow::Result<()> {
    let (client, gateway) = client_trust(network)?;
    let registration = till.register().await?;
    let user = registration.user_id;
    let mut connection = Connection::open(&client, &gateway).await?;
    let view = connection.network().await?;
    let capture = seal_shares(&view, &Subject::Enrol { user }, palm, shares)?;
    let mut scanner = impersonate(connection, till).await?;
    scanner
        .send(&FromScanner::Enrol {
            user_id: user,
            session_token: registration.session_token,
            capture: crate::refusals::base64url(&to_canonical(&capture)),
        })
        .await?;
    match scanner_answer(&mut scanner).await? {
        ToScanner::CaptureResult { success: true, .. } => {}
        other => anyhow::bail!("the canary was not enrolled: {other:?}"),
    }
    scanner.close().await;
    till.reconnect_scanner().await
}

fn seal_shares(
    view: &NetworkView,
    subject: &Subject,
    palm: &PalmCapture,
    shares: &[ShareInput; 3],
) -> anyhow::Result<Capture> {
    let manifest = view.trust.manifest();
    let request = RequestId::new(random()?);
    let expires_at_ms = now_ms() + LIFE_MS;
    let commitments = commitments(shares);
    let mut boxes = Vec::new();
    for (share, party) in shares.iter().zip(&view.parties) {
        let info = BoxInfo {
            network: manifest.network(),
            manifest: manifest.digest(),
            party: share.party(),
            request,
            subject: subject.digest(),
            side: palm.side,
            expires_at_ms,
        };
        let content = BoxContent {
            commitments: commitments.to_vec(),
            share: share.to_bytes().to_vec(),
        };
        let key = &party.binding.keys.hpke;
        let sealed = seal(key, &info.to_info(), &to_canonical(&content), random()?)?;
        boxes.push(SealedBox {
            enc: sealed.enc,
            ciphertext: sealed.ciphertext,
        });
    }
    Ok(Capture {
        request,
        side: palm.side,
        expires_at_ms,
        quality: palm.quality,
        boxes,
    })
}
