//! Asking a predicate of integers that three parties share.

use alloc::vec;
use alloc::vec::Vec;

use boop_kernel::Kernel;
use rand_chacha::ChaCha8Rng;

use super::super::shared::share_integers;
use super::super::*;
use crate::context::{Context, Security};
use crate::error::MpcError;
use crate::gates::Gates;
use crate::job::{Counters, Job, Mailbox};
use crate::local::run;
use crate::step::HEADER_BYTES;
use crate::testing::{check_gates, contexts_of, reveal_bits};

/// What the tests ask about integers, or pairs of them.
#[derive(Clone)]
pub(super) enum Question {
    Greater(u32),
    AtLeast(u32),
    Within(u32, u32),
    Equal(u32),
    Member(PublicSet),
    Combined,
    PairGreater,
    PairAtLeast,
    PairEqual,
    SharedMember,
}

/// What an answered question came to.
pub(super) struct Asked {
    pub(super) answers: Vec<bool>,
    pub(super) rounds: usize,
    /// ANDs of an integer.
    pub(super) ands: usize,
}

impl Question {
    pub(super) async fn put(
        self,
        context: &mut Context,
        channel: &mut Mailbox,
        integers: &[SharedIntegers],
    ) -> Result<SharedBits, MpcError> {
        let first = &integers[0];
        let pairs = || SharedPairs::new(first.clone(), integers[1].clone()).unwrap();
        match self {
            Self::Greater(bound) => first.greater_than(context, channel, bound).await,
            Self::AtLeast(bound) => first.at_least(context, channel, bound).await,
            Self::Within(low, high) => first.within(context, channel, low..=high).await,
            Self::Equal(value) => first.equal_to(context, channel, value).await,
            Self::Member(set) => first.member_of(context, channel, &set).await,
            Self::PairGreater => pairs().greater(context, channel).await,
            Self::PairAtLeast => pairs().greater_or_equal(context, channel).await,
            Self::PairEqual => pairs().equal(context, channel).await,
            Self::Combined => {
                let adult = first.greater_than(context, channel, 17).await?;
                let set = PublicSet::new(&[20, 64, 127]).unwrap();
                let listed = first.member_of(context, channel, &set).await?;
                let both = Terms::new(vec![adult, listed.not()]).unwrap();
                let both = both.all(context, channel).await?;
                let seven = first.equal_to(context, channel, 7).await?;
                let old = first.at_least(context, channel, 120).await?;
                let any = Terms::new(vec![both, seven, old]).unwrap();
                any.any(context, channel).await
            }
            Self::SharedMember => {
                let elements = &integers[1];
                let count = first.count();
                let elements = (0..elements.count()).map(|i| elements.repeat(i, count).unwrap());
                let set = SharedSet::new(count, elements.collect()).unwrap();
                let pairs = set.against(first).unwrap();
                pairs.member(context, channel).await
            }
        }
    }
}

pub(super) fn ask_one(
    rng: &mut ChaCha8Rng,
    security: Security,
    values: &[u32],
    question: Question,
) -> Asked {
    ask(rng, security, &[values], question)
}

/// Asks, puts the shared answers together, and checks that what was noted for proofs is true.
pub(super) fn ask(
    rng: &mut ChaCha8Rng,
    security: Security,
    values: &[&[u32]],
    question: Question,
) -> Asked {
    let shares: Vec<_> = values.iter().map(|v| share_integers(rng, v)).collect();
    let jobs = contexts_of(rng, security).map(|mut context| {
        let integers: Vec<_> = shares
            .iter()
            .map(|s| s[context.me().as_usize()].clone())
            .collect();
        let question = question.clone();
        Job::new(context.me(), |mut channel| async move {
            let answers = question.put(&mut context, &mut channel, &integers).await?;
            Ok((answers.bits().clone(), context.take_gates()))
        })
    });
    let outcome = run(jobs);
    let Counters { messages_sent, .. } = outcome.counters[0];
    let ands = ands(&outcome.counters[0], values[0].len());
    let results = outcome.results.map(|result| result.unwrap().unwrap());
    let [a, b, c] = results;
    let opened = reveal_bits(&[a.0, b.0, c.0]);
    let gates: [Gates; 3] = [a.1, b.1, c.1].map(Option::unwrap_or_default);
    check_gates(&gates);
    let noted = if security == Security::Abort { ands } else { 0 };
    assert_eq!(
        gates[0].own.a[0].len(),
        noted * values[0].len().div_ceil(64)
    );
    let bits = (0..values[0].len()).map(|lane| opened[lane / 64] >> (lane % 64) & 1 == 1);
    Asked {
        answers: bits.collect(),
        rounds: usize::try_from(messages_sent).unwrap(),
        ands,
    }
}

/// Counts ANDs by the bytes sent.
fn ands(counters: &Counters, integers: usize) -> usize {
    let sent = usize::try_from(counters.bytes_sent).unwrap();
    let headers = HEADER_BYTES * usize::try_from(counters.messages_sent).unwrap();
    (sent - headers) / (8 * integers.div_ceil(64))
}

/// Prepares a party's part in asking and revealing.
pub(super) fn job(
    mut context: Context,
    shares: &[&[SharedIntegers; 3]],
    question: Question,
) -> Job<'static, Vec<bool>> {
    let me = context.me();
    let integers: Vec<_> = shares.iter().map(|s| s[me.as_usize()].clone()).collect();
    Job::new(me, |mut channel| async move {
        let answers = question.put(&mut context, &mut channel, &integers).await?;
        reveal(&mut context, &mut channel, Kernel::best(), &answers).await
    })
}

pub(super) fn answers<T>(
    values: impl IntoIterator<Item = T>,
    expected: impl Fn(T) -> bool,
) -> Vec<bool> {
    values.into_iter().map(expected).collect()
}
