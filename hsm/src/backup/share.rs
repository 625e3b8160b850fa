//! The backup key: a key pair on P-256 whose private half is split among five holders, of whom any
//! three can put it together [BAK-1].
//!
//! The sharing is Feldman's: with it go points that commit to the polynomial, so that a holder
//! checks a share alone. The first point is the public half itself, which is public in any case:
//! the commitments give away nothing else.

use boop_wire::codec::digest_of;
use boop_wire::{Digest, NetworkId, PartyIndex};
use minicbor::{Decode, Encode};
use p256::elliptic_curve::ff::{Field, PrimeField};
use p256::elliptic_curve::sec1::{FromSec1Point, ToSec1Point};
use p256::{AffinePoint, ProjectivePoint, Scalar};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use vsss_rs::{
    DefaultShare, FeldmanVerifierSet, IdentifierPrimeField, ReadableShareSet, ShareVerifierGroup,
    feldman,
};
use zeroize::Zeroizing;

use crate::backup::age::Recipient;
use boop_channel::setup::{P256_POINT_BYTES, P256Point};

/// Into how many shares a backup key is split.
pub const SHARES: usize = 5;
/// How many of them put it together.
pub const SHARES_NEEDED: usize = 3;

type Field256 = IdentifierPrimeField<Scalar>;
type Verifiable = DefaultShare<Field256, Field256>;
type Commitments = Vec<ShareVerifierGroup<ProjectivePoint>>;

/// The public record of a backup key.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct BackupKey {
    /// The network.
    #[n(0)]
    pub network: NetworkId,
    /// The party whose keys are wrapped to it.
    #[n(1)]
    pub party: PartyIndex,
    /// The commitments: points of P-256, not compressed; the first is the public half.
    #[n(2)]
    commitments: Vec<Point>,
    /// To whom the shares are sealed, in their order.
    #[n(3)]
    pub holders: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
struct Point(#[cbor(n(0), with = "minicbor::bytes")] [u8; P256_POINT_BYTES]);

/// One holder's share of a backup key.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
pub struct Share {
    /// Of which backup key: its [`BackupKey::id`].
    #[n(0)]
    pub key: Digest,
    /// Which share, from 1.
    #[n(1)]
    pub number: u8,
    /// A scalar, largest byte first.
    #[cbor(n(2), with = "minicbor::bytes")]
    value: Value,
}

type Value = [u8; 32];

/// A backup key that was just made.
#[derive(Debug)]
pub struct Dealing {
    /// Its public record.
    pub key: BackupKey,
    /// Its shares, in the order of the holders.
    pub shares: Vec<Share>,
}

/// The private half of a backup key, put together.
pub struct BackupSecret(Zeroizing<[u8; 32]>);

/// Why there is no backup key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DealError {
    /// The number of holders is another.
    #[error("{found} holders, and a backup key has 5")]
    Holders {
        /// How many were named.
        found: usize,
    },
    /// Somebody would have two shares.
    #[error("a holder is named twice")]
    Twice,
    /// The seed makes no key, as one in 2^128 does not.
    #[error("no key comes of this seed")]
    Seed,
}

/// Why a share is not good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ShareError {
    /// It is a share of another backup key.
    #[error("share {number} is of another backup key")]
    OtherKey {
        /// The number it bears.
        number: u8,
    },
    /// It does not lie where the commitments say.
    #[error("share {number} is wrong")]
    Wrong {
        /// The number it bears.
        number: u8,
    },
    /// There are fewer than are needed.
    #[error("{found} shares, and {SHARES_NEEDED} are needed")]
    TooFew {
        /// How many there are.
        found: usize,
    },
    /// One is there twice.
    #[error("share {number} is given twice")]
    Twice {
        /// Its number.
        number: u8,
    },
    /// The commitments are no points.
    #[error("the record of the backup key is damaged")]
    Record,
}

impl BackupKey {
    /// Makes a backup key of 32 random bytes, which are to be forgotten.
    ///
    /// # Errors
    /// If there are not five different holders, or the seed is unlucky.
    pub fn deal(
        network: NetworkId,
        party: PartyIndex,
        holders: &[Recipient],
        seed: [u8; 32],
    ) -> Result<Dealing, DealError> {
        let found = holders.len();
        if found != SHARES {
            return Err(DealError::Holders { found });
        }
        let twice = |at: usize| holders[..at].contains(&holders[at]);
        if (0..found).any(twice) {
            return Err(DealError::Twice);
        }
        let mut rng = ChaCha20Rng::from_seed(seed);
        let secret = IdentifierPrimeField(Scalar::random(&mut rng));
        let split = feldman::split_secret::<Verifiable, ShareVerifierGroup<ProjectivePoint>>(
            SHARES_NEEDED,
            SHARES,
            &secret,
            None,
            &mut rng,
        );
        let (shares, commitments) = split.map_err(|_| DealError::Seed)?;
        let verifiers =
            FeldmanVerifierSet::<Verifiable, ShareVerifierGroup<ProjectivePoint>>::verifiers(
                &commitments,
            );
        let key = Self {
            network,
            party,
            commitments: verifiers.iter().map(|point| Point::of(&point.0)).collect(),
            holders: holders.iter().map(ToString::to_string).collect(),
        };
        let id = key.id();
        let shares = (1..).zip(&shares).map(|(number, share)| Share {
            key: id,
            number,
            value: share.value.0.to_repr().into(),
        });
        let shares = shares.collect();
        Ok(Dealing { key, shares })
    }

    /// Returns the name that shares and backups know it by.
    pub fn id(&self) -> Digest {
        digest_of("backup-key", self)
    }

    /// Returns the public half, which a token wraps to.
    ///
    /// # Errors
    /// If the record is damaged.
    pub fn public(&self) -> Result<P256Point, ShareError> {
        self.curve_points()?;
        let first = self.commitments.first().ok_or(ShareError::Record)?;
        P256Point::new(first.0).map_err(|_| ShareError::Record)
    }

    /// Checks a share against the commitments: what its holder does, alone.
    ///
    /// # Errors
    /// If it is of another key, or wrong.
    pub fn check(&self, share: &Share) -> Result<(), ShareError> {
        self.check_against(&self.curve_points()?, share)
    }

    /// Puts the private half together.
    ///
    /// # Errors
    /// If there are too few shares, or one is not good: it is named.
    pub fn combine(&self, shares: &[Share]) -> Result<BackupSecret, ShareError> {
        let points = self.curve_points()?;
        for (at, share) in shares.iter().enumerate() {
            self.check_against(&points, share)?;
            let number = share.number;
            if shares[..at].iter().any(|other| other.number == number) {
                return Err(ShareError::Twice { number });
            }
        }
        let found = shares.len();
        if found < SHARES_NEEDED {
            return Err(ShareError::TooFew { found });
        }
        let verifiable = shares[..SHARES_NEEDED].iter().map(Share::verifiable);
        let verifiable = verifiable.collect::<Result<Vec<_>, _>>()?;
        let secret = verifiable.combine().map_err(|_| ShareError::Record)?;
        Ok(BackupSecret(Zeroizing::new(secret.0.to_repr().into())))
    }

    fn check_against(&self, points: &Commitments, share: &Share) -> Result<(), ShareError> {
        let number = share.number;
        if share.key != self.id() {
            return Err(ShareError::OtherKey { number });
        }
        if !(1..=SHARES).contains(&usize::from(number)) {
            return Err(ShareError::Wrong { number });
        }
        let verifiable = share.verifiable()?;
        points
            .verify_share(&verifiable)
            .map_err(|_| ShareError::Wrong { number })
    }

    /// Returns the generator and the commitments.
    fn curve_points(&self) -> Result<Commitments, ShareError> {
        let fits = self.commitments.len() == SHARES_NEEDED && self.holders.len() == SHARES;
        if !fits {
            return Err(ShareError::Record);
        }
        let generator = [Ok(ProjectivePoint::GENERATOR)];
        let points = self.commitments.iter().map(Point::on_curve);
        let points = generator.into_iter().chain(points);
        points
            .map(|point| point.map(vsss_rs::ValueGroup))
            .collect::<Result<_, _>>()
    }
}

impl Point {
    fn of(point: &ProjectivePoint) -> Self {
        let mut bytes = [0; P256_POINT_BYTES];
        let encoded = point.to_affine().to_sec1_point(false);
        // The point at infinity is one byte; it is refused when it is read.
        let encoded = encoded.as_bytes();
        bytes[..encoded.len()].copy_from_slice(encoded);
        Self(bytes)
    }

    fn on_curve(&self) -> Result<ProjectivePoint, ShareError> {
        let point = p256::Sec1Point::from_bytes(self.0).map_err(|_| ShareError::Record)?;
        let point = Option::<AffinePoint>::from(AffinePoint::from_sec1_point(&point));
        point.map(ProjectivePoint::from).ok_or(ShareError::Record)
    }
}

impl Share {
    fn verifiable(&self) -> Result<Verifiable, ShareError> {
        let number = self.number;
        let value = Option::from(Scalar::from_repr(self.value.into()));
        Ok(DefaultShare {
            identifier: IdentifierPrimeField(Scalar::from(u64::from(number))),
            value: IdentifierPrimeField(value.ok_or(ShareError::Wrong { number })?),
        })
    }
}

impl BackupSecret {
    /// Shows the private half, largest byte first.
    pub(crate) fn expose_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Share({}, [secret])", self.number)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.value);
    }
}

impl std::fmt::Debug for BackupSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("BackupSecret([secret])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::age::Identity;

    #[test]
    fn any_three_shares_make_the_key_whose_public_half_is_on_record() {
        let Dealing { key, shares } = deal(1);
        let public = boop_channel::setup::SetupPublic::P256(key.public().unwrap());
        for a in 0..SHARES {
            for b in (a + 1)..SHARES {
                for c in (b + 1)..SHARES {
                    let three = [a, b, c].map(|at| shares[at].clone());

                    let secret = key.combine(&three).unwrap();

                    let pair = boop_channel::setup::SetupKey::p256(secret.expose_bytes()).unwrap();
                    assert_eq!(*pair.public(), public);
                }
            }
        }
        assert!(key.combine(&shares).is_ok());
    }

    #[test]
    fn two_shares_are_too_few_even_with_one_of_them_twice() {
        let Dealing { key, shares } = deal(1);
        let two = [shares[0].clone(), shares[3].clone()];
        assert_eq!(
            key.combine(&two).unwrap_err(),
            ShareError::TooFew { found: 2 }
        );
        let again = [shares[0].clone(), shares[3].clone(), shares[0].clone()];
        assert_eq!(
            key.combine(&again).unwrap_err(),
            ShareError::Twice { number: 1 }
        );
    }

    #[test]
    fn each_holder_checks_a_share_alone_and_a_wrong_one_is_named() {
        let Dealing { key, shares } = deal(1);
        for share in &shares {
            assert_eq!(key.check(share), Ok(()));
            let number = share.number;
            for bit in 0..256 {
                let mut wrong = share.clone();
                wrong.value[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(key.check(&wrong), Err(ShareError::Wrong { number }));
            }
        }
        let mut moved = shares[0].clone();
        moved.number = 2;
        assert_eq!(key.check(&moved), Err(ShareError::Wrong { number: 2 }));
        moved.number = 6;
        assert_eq!(key.check(&moved), Err(ShareError::Wrong { number: 6 }));
        moved.number = 0;
        assert_eq!(key.check(&moved), Err(ShareError::Wrong { number: 0 }));
        let mut wrong = shares[3].clone();
        wrong.value = [0xff; 32];
        let three = [shares[0].clone(), shares[1].clone(), wrong];
        assert_eq!(
            key.combine(&three).unwrap_err(),
            ShareError::Wrong { number: 4 }
        );
    }

    #[test]
    fn a_share_of_another_key_is_named() {
        let [Dealing { key, shares }, other] = [1, 2].map(deal);
        let three = [
            shares[0].clone(),
            other.shares[1].clone(),
            shares[2].clone(),
        ];

        let error = key.combine(&three).unwrap_err();

        assert_eq!(error, ShareError::OtherKey { number: 2 });
    }

    #[test]
    fn a_record_whose_points_are_none_is_damaged() {
        let Dealing { key, shares } = deal(1);
        let mut off_curve = key.clone();
        off_curve.commitments[1].0[64] ^= 1;
        let mut short = key.clone();
        short.commitments.pop();
        for mut damaged in [off_curve, short] {
            assert_eq!(damaged.public(), Err(ShareError::Record));
            assert_eq!(damaged.check(&shares[0]), Err(ShareError::Record));
            damaged.holders.clear();
            assert_eq!(damaged.combine(&shares).unwrap_err(), ShareError::Record);
        }
    }

    #[test]
    fn there_are_five_holders_and_nobody_is_two_of_them() {
        let mut holders = holders();
        let deal = |holders: &[Recipient]| {
            let party = PartyIndex::ALL[1];
            BackupKey::deal(NetworkId::new([1; 32]), party, holders, [9; 32]).map(|_| ())
        };
        assert_eq!(deal(&holders[..4]), Err(DealError::Holders { found: 4 }));
        holders[4] = holders[0].clone();
        assert_eq!(deal(&holders), Err(DealError::Twice));
    }

    #[test]
    fn a_share_and_a_secret_do_not_show_themselves() {
        let Dealing { key, shares } = deal(1);
        assert_eq!(format!("{:?}", shares[0]), "Share(1, [secret])");
        let secret = key.combine(&shares).unwrap();
        assert_eq!(format!("{secret:?}"), "BackupSecret([secret])");
    }

    fn deal(seed: u8) -> Dealing {
        let party = PartyIndex::ALL[1];
        BackupKey::deal(NetworkId::new([1; 32]), party, &holders(), [seed; 32]).unwrap()
    }

    fn holders() -> Vec<Recipient> {
        (1..=5)
            .map(|seed| Identity::from_seed([seed; 32]).recipient())
            .collect()
    }
}
