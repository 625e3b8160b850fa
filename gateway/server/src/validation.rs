//! What a vendor may ask and what a scanner may send: pure checks, before anything is stored.

use std::ops::RangeInclusive;

use boop_wire::api::Requirements;
use boop_wire::codec::{digest_of, from_canonical_max};
use boop_wire::id::{ContextId, TerminalId, VendorId};
use boop_wire::job::{AuthContext, CAPTURE_LIFE_MS_MAX, Capture, ContextKind, SealedBox};
use boop_wire::ledger::{AMOUNT_MAX, Currency};
use boop_wire::{Digest, PartyIndex, Refusal};

use crate::problem::Failure;
use crate::text;

/// Shortest life of a context, in milliseconds.
pub const TIMEOUT_MS_MIN: u64 = 1_000;
/// Longest life of a context, in milliseconds.
pub const TIMEOUT_MS_MAX: u64 = 120_000;
/// Life of a context whose vendor names none, in milliseconds.
pub const TIMEOUT_MS_DEFAULT: u64 = 30_000;
/// Ages in years that a vendor may require.
pub const AGES: RangeInclusive<u8> = 1..=120;
/// Longest name of an attribute, in bytes.
pub const ATTRIBUTE_BYTES_MAX: usize = 64;
/// Longest name shown to a customer, in characters.
pub const NAME_SHOWN_CHARACTERS_MAX: usize = 128;
/// Most attributes of one list that a vendor sends; its age rule may add one.
pub const ATTRIBUTES_LISTED_MAX: usize = 15;
/// Largest encoded capture, in bytes.
pub const CAPTURE_BYTES_MAX: usize = 44 * 1024;

/// A context as a vendor asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Who asks.
    pub vendor: VendorId,
    /// Its id.
    pub context: ContextId,
    /// What.
    pub requirements: Requirements,
    /// For how long, in milliseconds.
    pub timeout: Option<u64>,
}

/// A context that may be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The context.
    pub context: AuthContext,
    /// Digest of what was asked; the same for a repetition, whenever it comes.
    pub asked: Digest,
}

impl Asked {
    /// Checks every field and returns the context; `vendor_name` is shown if no other name is
    /// asked for.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] with the field.
    pub fn open(
        self,
        vendor_name: &str,
        terminal: TerminalId,
        now_ms: u64,
    ) -> Result<Opening, Failure> {
        let timeout_ms = self.timeout.unwrap_or(TIMEOUT_MS_DEFAULT);
        if !(TIMEOUT_MS_MIN..=TIMEOUT_MS_MAX).contains(&timeout_ms) {
            return Err(invalid("timeout"));
        }
        let kind = kind_of(&self.requirements)?;
        check_entrance(&self.requirements)?;
        check_attributes(&self.requirements.attributes_required)?;
        check_attributes(&self.requirements.attributes_optional)?;
        let required = self.requirements.required();
        let optional = self.requirements.optional();
        let Requirements {
            merchant_name,
            venue_id,
            event_id,
            entrance_type,
            ..
        } = self.requirements;
        let payee = merchant_name.unwrap_or_else(|| vendor_name.into());
        if !is_shown_name(&payee) {
            return Err(invalid("merchant_name"));
        }
        let mut context = AuthContext {
            vendor: self.vendor,
            context: self.context,
            terminal,
            kind,
            payee,
            attributes_required: required,
            attributes_optional: optional,
            expires_at_ms: timeout_ms,
        };
        let asked = digest_of(
            "asked-context",
            &(&context, venue_id, event_id, entrance_type),
        );
        context.expires_at_ms = now_ms.saturating_add(timeout_ms);
        Ok(Opening { context, asked })
    }
}

/// Tells whether a name may be shown to a customer.
pub fn is_shown_name(name: &str) -> bool {
    (1..=NAME_SHOWN_CHARACTERS_MAX).contains(&name.chars().count())
        && !name.chars().any(char::is_control)
}

/// A capture whose form, quality and time are good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoodCapture {
    /// The capture.
    pub capture: Capture,
    /// Its boxes, in party order.
    pub boxes: [SealedBox; PartyIndex::COUNT],
}

/// Reads a capture from its text.
///
/// # Errors
/// [`Refusal::TooLarge`] or [`Refusal::Malformed`].
pub fn read_capture(text: &str) -> Result<Capture, Refusal> {
    if text.len() > CAPTURE_BYTES_MAX.div_ceil(3) * 4 {
        return Err(Refusal::TooLarge);
    }
    let bytes = text::from_base64url(text).ok_or(Refusal::Malformed)?;
    from_canonical_max(&bytes, CAPTURE_BYTES_MAX).map_err(|_| Refusal::Malformed)
}

/// Checks a capture before it goes to the parties.
///
/// # Errors
/// [`Refusal::QualityTooLow`], [`Refusal::Expired`], [`Refusal::Invalid`] for a life that is too
/// long, [`Refusal::Malformed`] if there are not three boxes.
pub fn check_capture(
    capture: Capture,
    quality_min: u8,
    now_ms: u64,
) -> Result<GoodCapture, Refusal> {
    let boxes = capture.boxes.clone().try_into();
    let boxes: [SealedBox; PartyIndex::COUNT] = boxes.map_err(|_| Refusal::Malformed)?;
    if capture.quality > 100 {
        return Err(Refusal::Invalid);
    }
    if capture.quality < quality_min {
        return Err(Refusal::QualityTooLow);
    }
    if capture.expires_at_ms <= now_ms {
        return Err(Refusal::Expired);
    }
    if capture.expires_at_ms > now_ms.saturating_add(CAPTURE_LIFE_MS_MAX) {
        return Err(Refusal::Invalid);
    }
    Ok(GoodCapture { capture, boxes })
}

fn kind_of(requirements: &Requirements) -> Result<ContextKind, Failure> {
    match requirements.kind.as_str() {
        "payment" => Ok(ContextKind::Payment {
            amount: requirements
                .amount
                .filter(|amount| (1..=AMOUNT_MAX).contains(amount))
                .ok_or_else(|| invalid("amount"))?,
            currency: requirements
                .currency
                .as_deref()
                .and_then(Currency::new)
                .ok_or_else(|| invalid("currency"))?,
        }),
        "entrance" => free(requirements, ContextKind::Entrance),
        "membership" => free(requirements, ContextKind::Membership),
        _ => Err(invalid("type")),
    }
}

/// Refuses an amount where nothing is paid.
fn free(requirements: &Requirements, kind: ContextKind) -> Result<ContextKind, Failure> {
    if requirements.amount.is_some() {
        return Err(invalid("amount"));
    }
    if requirements.currency.is_some() {
        return Err(invalid("currency"));
    }
    Ok(kind)
}

/// Refuses an entrance's fields elsewhere, texts that are too long, and ages that nobody has.
fn check_entrance(requirements: &Requirements) -> Result<(), Failure> {
    let texts = [
        ("venue_id", &requirements.venue_id),
        ("event_id", &requirements.event_id),
        ("entrance_type", &requirements.entrance_type),
    ];
    for (field, text) in texts {
        if let Some(text) = text
            && (requirements.kind != "entrance" || !is_shown_name(text))
        {
            return Err(invalid(field));
        }
    }
    match requirements.minimum_age {
        Some(years) if !AGES.contains(&years) => Err(invalid("minimum_age")),
        Some(_) | None => Ok(()),
    }
}

fn check_attributes(names: &[String]) -> Result<(), Failure> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    let is_name =
        |name: &String| (1..=ATTRIBUTE_BYTES_MAX).contains(&name.len()) && name.bytes().all(plain);
    if names.len() > ATTRIBUTES_LISTED_MAX || !names.iter().all(is_name) {
        return Err(invalid("attributes"));
    }
    Ok(())
}

fn invalid(field: &str) -> Failure {
    Failure::new(Refusal::Invalid, field)
}

#[cfg(test)]
mod tests {
    use boop_wire::RequestId;
    use boop_wire::codec::to_canonical;
    use boop_wire::job::PalmSide;

    use super::*;

    const NOW: u64 = 1_000_000;

    #[test]
    fn a_payment_opens_with_defaults() {
        let opening = asked(|_| {}).open("Corner Shop", till(), NOW).unwrap();

        assert_eq!(opening.context.payee, "Corner Shop");
        assert_eq!(opening.context.expires_at_ms, NOW + 30_000);
        assert_eq!(
            opening.context.kind,
            ContextKind::Payment {
                amount: 500,
                currency: Currency::new("EUR").unwrap()
            }
        );
    }

    #[test]
    fn every_wrong_field_is_named() {
        type Change = fn(&mut Asked);
        let table: [(Change, &str); 14] = [
            (|a| a.timeout = Some(999), "timeout"),
            (|a| a.timeout = Some(120_001), "timeout"),
            (|a| a.requirements.kind = "gift".into(), "type"),
            (|a| a.requirements.amount = None, "amount"),
            (|a| a.requirements.amount = Some(0), "amount"),
            (|a| a.requirements.amount = Some(u64::MAX), "amount"),
            (|a| a.requirements.currency = None, "currency"),
            (|a| a.requirements.currency = Some("eur".into()), "currency"),
            (|a| a.requirements.kind = "entrance".into(), "amount"),
            (
                |a| {
                    a.requirements.kind = "entrance".into();
                    a.requirements.amount = None;
                },
                "currency",
            ),
            (
                |a| a.requirements.merchant_name = Some(String::new()),
                "merchant_name",
            ),
            (
                |a| a.requirements.merchant_name = Some("a\nb".into()),
                "merchant_name",
            ),
            (
                |a| a.requirements.attributes_required = vec!["x".into(); 33],
                "attributes",
            ),
            (
                |a| a.requirements.attributes_optional = vec!["no spaces".into()],
                "attributes",
            ),
        ];

        for (change, field) in table {
            assert_eq!(asked(change).open("Shop", till(), NOW), Err(invalid(field)));
        }
    }

    #[test]
    fn row_31_the_bounds_of_the_timeout_are_allowed() {
        for timeout in [TIMEOUT_MS_MIN, TIMEOUT_MS_MAX] {
            let opening = asked(|a| a.timeout = Some(timeout)).open("Shop", till(), NOW);
            assert_eq!(opening.unwrap().context.expires_at_ms, NOW + timeout);
        }
    }

    #[test]
    fn a_repetition_asks_the_same_whenever_it_comes() {
        let first = asked(|_| {}).open("Shop", till(), NOW).unwrap();
        let later = asked(|a| a.timeout = Some(30_000)).open("Shop", till(), NOW + 5);
        let other = asked(|a| a.requirements.amount = Some(501)).open("Shop", till(), NOW);

        assert_eq!(first.asked, later.unwrap().asked);
        assert_ne!(first.asked, other.unwrap().asked);
    }

    #[test]
    fn a_capture_reads_back_from_its_text() {
        let capture = capture();
        let text = text::base64url(&to_canonical(&capture));

        assert_eq!(read_capture(&text), Ok(capture));
    }

    #[test]
    fn text_that_is_no_capture_is_refused() {
        let huge = "A".repeat(2 * CAPTURE_BYTES_MAX);

        assert_eq!(read_capture("not base64!"), Err(Refusal::Malformed));
        assert_eq!(read_capture("AAAA"), Err(Refusal::Malformed));
        assert_eq!(read_capture(&huge), Err(Refusal::TooLarge));
    }

    #[test]
    fn quality_time_and_boxes_of_a_capture_are_checked() {
        type Change = fn(&mut Capture);
        let table: [(Change, Refusal); 6] = [
            (|c| c.quality = 79, Refusal::QualityTooLow),
            (|c| c.quality = 101, Refusal::Invalid),
            (|c| c.expires_at_ms = NOW, Refusal::Expired),
            (
                |c| c.expires_at_ms = NOW + CAPTURE_LIFE_MS_MAX + 1,
                Refusal::Invalid,
            ),
            (|c| drop(c.boxes.pop()), Refusal::Malformed),
            (|c| c.boxes.push(c.boxes[0].clone()), Refusal::Malformed),
        ];

        assert!(check_capture(capture(), 80, NOW).is_ok());
        for (change, refusal) in table {
            let mut capture = capture();
            change(&mut capture);
            assert_eq!(check_capture(capture, 80, NOW), Err(refusal));
        }
    }

    fn till() -> TerminalId {
        "till-1".parse().unwrap()
    }

    fn asked(change: impl FnOnce(&mut Asked)) -> Asked {
        let mut asked = Asked {
            vendor: "ven_1".parse().unwrap(),
            context: "c1".parse().unwrap(),
            requirements: Requirements::payment(till(), 500, "EUR"),
            timeout: None,
        };
        change(&mut asked);
        asked
    }

    fn capture() -> Capture {
        Capture {
            request: RequestId::new([1; 16]),
            side: PalmSide::Left,
            expires_at_ms: NOW + 1,
            quality: 80,
            boxes: vec![
                SealedBox {
                    enc: [0; 32],
                    ciphertext: vec![1]
                };
                3
            ],
        }
    }
}
