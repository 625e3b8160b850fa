//! Jobs, attributes, answers that are kept, and what is taken away.

use boop_wire::{Digest, RequestId, UserId};
use uuid::Uuid;

use crate::store::{
    AttributeDef, Begun, ContextFormat, DataFormat, Job, Removed, Revoked, Scanner, Store, Vendor,
};

pub(super) async fn jobs(store: &impl Store) {
    let job = Job {
        id: Uuid::from_bytes([1; 16]),
        scanner: "scn_1".parse().unwrap(),
        request: RequestId::new([61; 16]),
        asked: Digest::new([2; 32]),
        user: UserId::new([62; 16]),
        expires_at_ms: 50,
        failure: None,
    };
    assert_eq!(store.job(job.id).await, Ok(None));
    assert_eq!(store.add_job(&job).await, Ok(job.clone()));
    assert!(!store.user(job.user).await.unwrap().unwrap().enrolled);
    let later = Job {
        id: Uuid::from_bytes([2; 16]),
        user: UserId::new([63; 16]),
        ..job.clone()
    };
    assert_eq!(store.add_job(&later).await, Ok(job.clone()));
    assert_eq!(store.user(later.user).await, Ok(None));
    let known = store.job_of_request(job.request).await;
    assert_eq!(known, Ok(Some(job.clone())));

    for failure in [Some("busy"), None] {
        store.note_failure(job.id, failure).await.unwrap();
        let noted = store.job(job.id).await.unwrap().unwrap().failure;
        assert_eq!(noted.as_deref(), failure);
    }
    store.forget_jobs(50).await.unwrap();
    assert_eq!(store.job(job.id).await, Ok(Some(job.clone())));
    store.forget_jobs(51).await.unwrap();
    assert_eq!(store.job(job.id).await, Ok(None));
}

pub(super) async fn attributes(store: &impl Store) {
    let tier = AttributeDef {
        name: "membership-tier".into(),
        data_format: Some(DataFormat::Object),
        context_format: Some(ContextFormat::Json),
        attestation_required: true,
    };
    assert_eq!(store.add_attribute(&tier).await, Ok(true));
    assert_eq!(store.add_attribute(&tier).await, Ok(false));
    let found = store.attribute("membership-tier").await;
    assert_eq!(found, Ok(Some(tier.clone())));
    assert_eq!(store.attribute("nothing").await, Ok(None));

    let names = |page: Vec<AttributeDef>| page.into_iter().map(|one| one.name).collect::<Vec<_>>();
    let all = names(store.attributes("", 9).await.unwrap());
    assert_eq!(all[..3], ["age-verify", "email", "membership-tier"]);
    let page = store.attributes("email", 1).await;
    assert_eq!(page, Ok(vec![tier]));

    let remove = |name| store.remove_attribute(name);
    assert_eq!(remove("membership-tier").await, Ok(Removed::Yes));
    assert_eq!(remove("membership-tier").await, Ok(Removed::Unknown));
    assert_eq!(remove("age-verify").await, Ok(Removed::Fixed));
}

pub(super) async fn replays(store: &impl Store) {
    let (name, content, other) = (
        Digest::new([1; 32]),
        Digest::new([2; 32]),
        Digest::new([3; 32]),
    );
    let begin = |content, now_ms| store.begin_request(&name, content, now_ms, now_ms + 60);
    let before = |answer: Option<&[u8]>| Begun::Before {
        content,
        answer: answer.map(Into::into),
    };
    assert_eq!(begin(&content, 100).await, Ok(Begun::Now));
    assert_eq!(begin(&other, 160).await, Ok(before(None)));
    store.abandon_request(&name).await.unwrap();
    assert_eq!(begin(&other, 160).await, Ok(Begun::Now));
    assert_eq!(begin(&content, 221).await, Ok(Begun::Now));

    store.end_request(&name, b"answer", 500).await.unwrap();
    store.abandon_request(&name).await.unwrap();
    assert_eq!(begin(&other, 500).await, Ok(before(Some(b"answer"))));
    store.forget_requests(500).await.unwrap();
    assert_eq!(begin(&other, 500).await, Ok(before(Some(b"answer"))));
    store.forget_requests(501).await.unwrap();
    assert_eq!(begin(&other, 500).await, Ok(Begun::Now));
}

pub(super) async fn revocations(store: &impl Store) {
    let vendor = Vendor {
        id: "ven_9".parse().unwrap(),
        name: "Kiosk".into(),
        key: Digest::new([91; 32]),
    };
    let scanner = Scanner {
        id: "scn_9".parse().unwrap(),
        vendor: vendor.id.clone(),
        terminal: "till-1".parse().unwrap(),
        key: Digest::new([92; 32]),
    };
    let next = Scanner {
        id: "scn_10".parse().unwrap(),
        key: Digest::new([93; 32]),
        ..scanner.clone()
    };
    store.add_vendor(&vendor).await.unwrap();
    store.add_scanner(&scanner).await.unwrap();

    assert_eq!(store.remove_scanner(&scanner.id, 10).await, Ok(true));
    assert_eq!(store.remove_scanner(&scanner.id, 11).await, Ok(false));
    assert_eq!(store.scanner(&scanner.id).await, Ok(None));
    assert_eq!(store.scanner_of_key(&scanner.key).await, Ok(None));
    assert_eq!(store.add_scanner(&next).await, Ok(true));
    let new = Digest::new([94; 32]);
    assert_eq!(store.replace_key(&vendor.id, &new, 20).await, Ok(true));
    assert_eq!(store.vendor_of_key(&vendor.key).await, Ok(None));
    assert!(store.vendor_of_key(&new).await.unwrap().is_some());
    assert_eq!(store.revoke_tokens(&vendor.id, 30).await, Ok(0));
    assert_eq!(store.remove_vendor(&vendor.id, 40).await, Ok(true));
    assert_eq!(store.remove_vendor(&vendor.id, 41).await, Ok(false));
    assert_eq!(store.replace_key(&vendor.id, &new, 42).await, Ok(false));
    assert_eq!(store.vendor(&vendor.id).await, Ok(None));
    assert_eq!(store.vendor_of_key(&new).await, Ok(None));
    assert_eq!(store.scanner_at(&vendor.id, &next.terminal).await, Ok(None));
    assert_eq!(store.terminals(&vendor.id, 9).await, Ok(vec![]));

    let since = async |at_ms| {
        let revoked = store.revocations_since(at_ms).await.unwrap();
        revoked.into_iter().map(|(_, one)| one).collect::<Vec<_>>()
    };
    let all = [
        Revoked::Scanner(scanner.id),
        Revoked::Key(vendor.id.clone()),
        Revoked::Tokens(vendor.id.clone()),
        Revoked::Vendor(vendor.id),
    ];
    assert_eq!(since(10).await, all);
    assert_eq!(since(31).await, all[3..]);
    store.forget_revocations(40).await.unwrap();
    assert_eq!(since(0).await, all[3..]);
}
