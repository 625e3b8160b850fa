//! Certificates and revocation lists from AMD's key distribution service, or from a folder that
//! keeps what was fetched before.

use anyhow::Context as _;
use boop_appraisal::collateral::{
    CollateralError, FileCache, HttpsFetch, HttpsOptions, Kds, KdsOptions, Offline, Provider,
    SystemClock, Wanted, WantedError,
};
use boop_verifier::UnixTime;

use super::{ISSUER_CERTIFICATE, Input, KEY_CERTIFICATE, REVOCATION_LIST, Source};
use crate::arguments::VerifyArguments;

/// What is said of a revocation list that nobody but the evidence brought.
const OWN_LIST: &str = "the one that came with the evidence is used, which whoever handed the \
                        evidence over chose";

/// Adds what is missing beside a report, as far as the arguments allow to look for it.
pub(super) fn missing(
    input: &mut Input,
    arguments: &VerifyArguments,
    at: UnixTime,
) -> anyhow::Result<()> {
    let network = arguments.kds || arguments.kds_url.is_some();
    let folder = arguments.cache.as_deref();
    let (provider, from): (Box<dyn Provider>, _) = match (network, folder) {
        (false, None) => return Ok(()),
        (false, Some(folder)) => (Box::new(FileCache::new(folder, Offline, at)?), "the cache"),
        (true, None) => (Box::new(kds(arguments)?), "the key distribution service"),
        (true, Some(folder)) => (
            Box::new(FileCache::new(folder, kds(arguments)?, at)?),
            "the cache or the key distribution service",
        ),
    };
    take(input, provider.as_ref(), from, arguments.crl.is_some())
}

fn kds(arguments: &VerifyArguments) -> anyhow::Result<Kds<HttpsFetch, SystemClock>> {
    let mut options = KdsOptions::amd();
    if let Some(url) = &arguments.kds_url {
        options.base_url.clone_from(url);
    }
    let client = HttpsFetch::new(&HttpsOptions::default())
        .context("cannot make a client of the key distribution service")?;
    Ok(Kds::new(client, SystemClock::start(), options))
}

fn take(
    input: &mut Input,
    provider: &dyn Provider,
    from: &'static str,
    list_is_callers: bool,
) -> anyhow::Result<()> {
    let Ok(evidence) = &input.evidence else {
        return Ok(());
    };
    let has_leaf = input.endorsements.leaf.is_some();
    let wanted = match Wanted::candidates(evidence) {
        Ok(candidates) if !has_leaf => leaf(input, provider, &candidates, from)?,
        Ok(candidates) => of_leaf(input, &candidates),
        Err(WantedError::ChipIdMasked) if has_leaf => of_leaf(input, &[]),
        Err(error) => {
            input
                .notes
                .push(format!("no certificate can be looked for: {error}"));
            None
        }
    };
    let Some(wanted) = wanted else {
        note_unasked(input, list_is_callers);
        return Ok(());
    };
    if input.endorsements.intermediate.is_none() {
        let found = provider.intermediate(&wanted);
        input.endorsements.intermediate = kept(input, found, ISSUER_CERTIFICATE, from);
    }
    if !list_is_callers {
        list(input, provider, &wanted, from);
    }
    Ok(())
}

/// Asks for the revocation list, also when one came with the evidence: whoever handed that over
/// may prefer a list from before a revocation. It stands in where there is no answer.
fn list(input: &mut Input, provider: &dyn Provider, wanted: &Wanted, from: &'static str) {
    match (provider.crl(wanted), &input.endorsements.crl) {
        (Err(error), Some(_)) => input.notes.push(format!(
            "no {REVOCATION_LIST} from {from}: {error}; {OWN_LIST}"
        )),
        (found, _) => {
            input.endorsements.crl = kept(input, found, REVOCATION_LIST, from);
        }
    }
}

/// Says that the evidence's own revocation list is used because none could be asked for.
fn note_unasked(input: &mut Input, list_is_callers: bool) {
    if input.endorsements.crl.is_some() && !list_is_callers {
        let note = format!("no {REVOCATION_LIST} was asked for; {OWN_LIST}");
        input.notes.push(note);
    }
}

/// Finds the certificate of the signing key; a version 2 report does not name its product, so
/// each that may be is asked for.
fn leaf(
    input: &mut Input,
    provider: &dyn Provider,
    candidates: &[Wanted],
    from: &'static str,
) -> anyhow::Result<Option<Wanted>> {
    for wanted in candidates {
        match provider.leaf(wanted) {
            Err(CollateralError::NotThere { .. } | CollateralError::Offline(_))
                if candidates.len() > 1 && Some(wanted) != candidates.last() => {}
            Err(error @ (CollateralError::VlekNotServed | CollateralError::Offline(_))) => {
                input.notes.push(error.to_string());
                return Ok(None);
            }
            found => {
                let what = KEY_CERTIFICATE;
                let der = found.with_context(|| format!("cannot fetch the {what}"))?;
                input.sources.push(Source::of(what, from, &der));
                input.endorsements.leaf = Some(der);
                return Ok(Some(wanted.clone()));
            }
        }
    }
    Ok(None)
}

/// Says what belongs to a certificate that is already there. Its product is the one of a version 2
/// report; the verifier reads it out of the certificate.
fn of_leaf(input: &Input, candidates: &[Wanted]) -> Option<Wanted> {
    if let [only] = candidates {
        return Some(only.clone());
    }
    let evidence = input.evidence.as_ref().ok()?;
    let authenticated = boop_verifier::authenticate(
        evidence,
        &input.endorsements,
        &boop_verifier::Roots::vendor(),
        UnixTime(0),
    );
    let product = authenticated.facts().product?;
    Wanted::above_leaf(evidence, product).ok()
}

/// Takes what was found; without it the policy decides what that means.
fn kept(
    input: &mut Input,
    found: Result<Vec<u8>, CollateralError>,
    what: &'static str,
    from: &'static str,
) -> Option<Vec<u8>> {
    match found {
        Ok(der) => {
            input.sources.push(Source::of(what, from, &der));
            Some(der)
        }
        Err(error) => {
            input.notes.push(format!("no {what}: {error}"));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use boop_appraisal::collateral::{Fetch, FetchError, Response};

    use super::*;

    /// A list that parses, with nothing in it.
    const LIST: &[u8] = &[
        0x30, 0x27, 0x30, 0x1b, 2, 1, 1, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 0x30, 0, 0x17, 0x0d,
        b'2', b'6', b'0', b'1', b'0', b'1', b'0', b'0', b'0', b'0', b'0', b'0', b'Z', 0x30, 5, 6,
        3, 0x2b, 0x65, 0x70, 3, 1, 0,
    ];

    /// A key service that answers one path and notes what it was asked.
    struct Service {
        list: Option<&'static [u8]>,
        asked: Mutex<Vec<String>>,
    }

    impl Service {
        fn with(list: Option<&'static [u8]>) -> Self {
            let asked = Mutex::default();
            Self { list, asked }
        }

        fn paths(&self) -> Vec<String> {
            self.asked.lock().unwrap().clone()
        }
    }

    impl Fetch for &Service {
        fn get(&self, url: &str) -> Result<Response, FetchError> {
            let path = url.strip_prefix("http://service").unwrap().to_owned();
            let body = self.list.filter(|_| path.ends_with("/crl"));
            self.asked.lock().unwrap().push(path);
            Ok(Response {
                status: if body.is_some() { 200 } else { 404 },
                retry_after_seconds: None,
                body: body.unwrap_or_default().to_vec(),
            })
        }
    }

    fn service(service: &Service) -> Kds<&Service, SystemClock> {
        let options = KdsOptions {
            base_url: "http://service".into(),
            spacing: std::time::Duration::ZERO,
            ..KdsOptions::amd()
        };
        Kds::new(service, SystemClock::start(), options)
    }

    /// A report of Genoa with certificates and a list of its author's choice.
    fn input(chip: u8) -> Input {
        let mut bytes = vec![0; 1184];
        bytes[0] = 5;
        bytes[0x188..0x18b].copy_from_slice(&[0x19, 0x11, 1]);
        bytes[0x1a0..0x1e0].fill(chip);
        Input {
            origin: String::new(),
            form: String::new(),
            evidence: boop_verifier::parse(&bytes),
            bytes,
            endorsements: boop_verifier::Endorsements {
                leaf: Some(b"leaf".to_vec()),
                intermediate: Some(b"issuer".to_vec()),
                crl: Some(b"chosen by the author".to_vec()),
            },
            bundle: None,
            gateway: None,
            notes: Vec::new(),
            sources: Vec::new(),
        }
    }

    #[test]
    fn a_list_in_the_envelope_does_not_spare_the_question_for_another() {
        for chip in [0xab, 0] {
            let (answers, mut input) = (Service::with(Some(LIST)), input(chip));

            take(&mut input, &service(&answers), "the service", false).unwrap();

            assert_eq!(answers.paths(), ["/vcek/v1/Genoa/crl"]);
            assert_eq!(input.endorsements.crl.as_deref(), Some(LIST));
            assert_eq!(input.sources.len(), 1);
            assert_eq!(input.notes, Vec::<String>::new());
        }
    }

    #[test]
    fn a_list_in_the_envelope_stands_in_where_there_is_no_answer_and_a_note_says_so() {
        let (silent, mut input) = (Service::with(None), input(0xab));

        take(&mut input, &service(&silent), "the service", false).unwrap();

        assert_eq!(silent.paths(), ["/vcek/v1/Genoa/crl"]);
        let chosen = b"chosen by the author".to_vec();
        assert_eq!(input.endorsements.crl, Some(chosen));
        assert_eq!(input.notes.len(), 1);
        assert!(input.notes[0].starts_with("no revocation list from the service: "));
        assert!(input.notes[0].ends_with(OWN_LIST));
    }

    #[test]
    fn a_list_that_the_caller_gave_is_used_without_asking() {
        let (answers, mut input) = (Service::with(Some(LIST)), input(0xab));

        take(&mut input, &service(&answers), "the service", true).unwrap();

        assert_eq!(answers.paths(), Vec::<String>::new());
        let given = b"chosen by the author".to_vec();
        assert_eq!(input.endorsements.crl, Some(given));
    }

    #[test]
    fn a_report_that_wants_nothing_leaves_the_list_of_its_author_with_a_note() {
        let (answers, mut input) = (Service::with(Some(LIST)), input(0xab));
        input.bytes[0x48] = 7 << 2;
        input.evidence = boop_verifier::parse(&input.bytes);

        take(&mut input, &service(&answers), "the service", false).unwrap();

        assert_eq!(answers.paths(), Vec::<String>::new());
        assert_eq!(input.notes.len(), 2);
        assert!(input.notes[1].ends_with(OWN_LIST), "{:?}", input.notes);
    }
}
