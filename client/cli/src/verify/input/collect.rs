//! Certificates and revocation lists from AMD's key distribution service, or from a folder that
//! keeps what was fetched before.

use anyhow::Context as _;
use boop_appraisal::collateral::{
    CollateralError, FileCache, HttpsFetch, HttpsOptions, Kds, KdsOptions, Offline, Provider,
    SystemClock, Wanted,
};
use boop_verifier::UnixTime;

use super::{ISSUER_CERTIFICATE, Input, KEY_CERTIFICATE, REVOCATION_LIST, Source};
use crate::arguments::VerifyArguments;

/// Adds what is missing beside a report, as far as the arguments allow to look for it.
pub(super) fn missing(
    input: &mut Input,
    arguments: &VerifyArguments,
    at: UnixTime,
) -> anyhow::Result<()> {
    let network = arguments.kds || arguments.kds_url.is_some();
    let folder = arguments.cache.as_deref();
    match (network, folder) {
        (false, None) => Ok(()),
        (false, Some(folder)) => take(input, &FileCache::new(folder, Offline, at)?, "the cache"),
        (true, None) => take(input, &kds(arguments)?, "the key distribution service"),
        (true, Some(folder)) => {
            let cached = FileCache::new(folder, kds(arguments)?, at)?;
            take(input, &cached, "the cache or the key distribution service")
        }
    }
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

fn take(input: &mut Input, provider: &dyn Provider, from: &'static str) -> anyhow::Result<()> {
    let Ok(evidence) = &input.evidence else {
        return Ok(());
    };
    let candidates = match Wanted::candidates(evidence) {
        Ok(candidates) => candidates,
        Err(error) => {
            input
                .notes
                .push(format!("no certificate can be looked for: {error}"));
            return Ok(());
        }
    };
    let wanted = if input.endorsements.leaf.is_some() {
        of_leaf(input, &candidates)
    } else {
        leaf(input, provider, &candidates, from)?
    };
    let Some(wanted) = wanted else {
        return Ok(());
    };
    if input.endorsements.intermediate.is_none() {
        let found = provider.intermediate(&wanted);
        input.endorsements.intermediate = kept(input, found, ISSUER_CERTIFICATE, from);
    }
    if input.endorsements.crl.is_none() {
        let found = provider.crl(&wanted);
        input.endorsements.crl = kept(input, found, REVOCATION_LIST, from);
    }
    Ok(())
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
    Wanted::of_product(evidence, product).ok()
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
