//! Client of AMD's key distribution server, or of a mirror with the same addresses.
//!
//! The server limits how often it may be asked, so requests go out one after another with a pause
//! between them, refusals for a time are waited out within limits, and the total is bounded.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::{
    Clock, CollateralError, Fetch, Provider, Response, Wanted, WantedError, WantedKey, content,
};

/// How the server is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KdsOptions {
    /// Address up to and without `/vcek/v1`.
    pub base_url: String,
    /// Requests over the life of the client.
    pub requests_max: u32,
    /// Attempts at one address.
    pub attempts_max: u32,
    /// Pause between two requests.
    pub spacing: Duration,
    /// Pause after the first failure; it doubles with each further one.
    pub backoff_first: Duration,
    /// Longest pause that is made, also when the server asks for one.
    pub backoff_max: Duration,
}

impl KdsOptions {
    /// Gives what suits AMD's own server.
    pub fn amd() -> Self {
        Self {
            base_url: "https://kdsintf.amd.com".into(),
            requests_max: 32,
            attempts_max: 5,
            spacing: Duration::from_secs(1),
            backoff_first: Duration::from_secs(2),
            backoff_max: Duration::from_secs(60),
        }
    }
}

/// Asks the key server.
#[derive(Debug)]
pub struct Kds<F, C> {
    fetch: F,
    clock: C,
    options: KdsOptions,
    made: Mutex<Made>,
}

/// What was asked so far.
#[derive(Debug, Default)]
struct Made {
    requests: u32,
    last_at: Option<Duration>,
}

impl<F: Fetch, C: Clock> Kds<F, C> {
    /// Makes a client.
    pub fn new(fetch: F, clock: C, options: KdsOptions) -> Self {
        Self {
            fetch,
            clock,
            options,
            made: Mutex::default(),
        }
    }

    /// Asks until there is an answer. The lock keeps requests one after another.
    fn get(&self, url: String) -> Result<Vec<u8>, CollateralError> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let mut backoff = self.options.backoff_first;
        let mut attempt = 1;
        loop {
            self.take_turn(&mut made)?;
            let answer = self.fetch.get(&url);
            made.last_at = Some(self.clock.now());
            let pause = match judge(answer, &url, backoff, self.options.backoff_max) {
                Next::Done(result) => return result,
                Next::Again { error, .. } if attempt >= self.options.attempts_max => {
                    return Err(error);
                }
                Next::Again { pause, .. } => pause,
            };
            self.clock.sleep(pause);
            attempt += 1;
            backoff = (backoff * 2).min(self.options.backoff_max);
        }
    }

    fn take_turn(&self, made: &mut Made) -> Result<(), CollateralError> {
        let requests = self.options.requests_max;
        if made.requests >= requests {
            return Err(CollateralError::RequestsSpent { requests });
        }
        if let Some(last_at) = made.last_at {
            let passed = self.clock.now().saturating_sub(last_at);
            let rest = self.options.spacing.saturating_sub(passed);
            if !rest.is_zero() {
                self.clock.sleep(rest);
            }
        }
        made.requests += 1;
        Ok(())
    }

    fn folder(&self, wanted: &Wanted) -> String {
        let (base, key) = (
            self.options.base_url.trim_end_matches('/'),
            wanted.key_name(),
        );
        format!("{base}/{key}/v1/{}", wanted.chain_name())
    }
}

impl<F: Fetch, C: Clock> Provider for Kds<F, C> {
    fn leaf(&self, wanted: &Wanted) -> Result<Vec<u8>, CollateralError> {
        let url = format!("{}/{}", self.folder(wanted), leaf_path(wanted)?);
        let der = self.get(url.clone())?;
        expect(content::is_certificate(&der), url, "a certificate in der")?;
        Ok(der)
    }

    fn intermediate(&self, wanted: &Wanted) -> Result<Vec<u8>, CollateralError> {
        let url = format!("{}/cert_chain", self.folder(wanted));
        let pem = self.get(url.clone())?;
        let expected = "an intermediate and its root in pem";
        content::intermediate_of_chain(&pem).ok_or(CollateralError::Malformed { url, expected })
    }

    fn crl(&self, wanted: &Wanted) -> Result<Vec<u8>, CollateralError> {
        let url = format!("{}/crl", self.folder(wanted));
        let der = self.get(url.clone())?;
        expect(content::is_crl(&der), url, "a revocation list in der")?;
        Ok(der)
    }
}

/// What follows from one answer.
enum Next {
    Done(Result<Vec<u8>, CollateralError>),
    Again {
        error: CollateralError,
        pause: Duration,
    },
}

fn judge(
    answer: Result<Response, super::FetchError>,
    url: &str,
    backoff: Duration,
    pause_max: Duration,
) -> Next {
    let url = url.to_owned();
    let response = match answer {
        Ok(response) => response,
        Err(source) => {
            let may_pass = source.may_pass();
            let error = CollateralError::Fetch { url, source };
            return match may_pass {
                true => Next::Again {
                    error,
                    pause: backoff,
                },
                false => Next::Done(Err(error)),
            };
        }
    };
    let status = response.status;
    match status {
        200 => Next::Done(Ok(response.body)),
        404 => Next::Done(Err(CollateralError::NotThere { url })),
        408 | 429 | 500..=599 => {
            let seconds = response.retry_after_seconds.unwrap_or(0);
            let asked = Duration::from_secs(seconds);
            if asked > pause_max {
                return Next::Done(Err(CollateralError::WaitTooLong { url, seconds }));
            }
            let error = CollateralError::Status { url, status };
            Next::Again {
                error,
                pause: backoff.max(asked),
            }
        }
        _ => Next::Done(Err(CollateralError::Status { url, status })),
    }
}

/// Writes the last part of a VCEK's address; every number has at least two digits.
fn leaf_path(wanted: &Wanted) -> Result<String, CollateralError> {
    let WantedKey::Vcek { chip_id, tcb } = &wanted.key else {
        return Err(CollateralError::VlekNotServed);
    };
    if *chip_id == [0; 64] {
        return Err(WantedError::ChipIdMasked.into());
    }
    let fmc = tcb
        .fmc
        .map_or_else(String::new, |fmc| format!("fmcSPL={fmc:02}&"));
    Ok(format!(
        "{}?{fmc}blSPL={:02}&teeSPL={:02}&snpSPL={:02}&ucodeSPL={:02}",
        wanted.hardware_id(chip_id),
        tcb.bootloader,
        tcb.tee,
        tcb.snp,
        tcb.microcode
    ))
}

fn expect(holds: bool, url: String, expected: &'static str) -> Result<(), CollateralError> {
    match holds {
        true => Ok(()),
        false => Err(CollateralError::Malformed { url, expected }),
    }
}
