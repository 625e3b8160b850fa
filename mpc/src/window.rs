//! Several futures under way at once, their results in order.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::Poll;

/// Runs the futures, `at_once` of them at a time, and gives what they come to to `take`, in order
/// and as soon as it can.
pub(crate) async fn in_order<F, T, E>(
    futures: impl Iterator<Item = F>,
    at_once: usize,
    mut take: impl FnMut(T),
) -> Result<(), E>
where
    F: Future<Output = Result<T, E>>,
{
    let mut waiting = futures.enumerate();
    let mut running: Vec<(usize, Pin<Box<F>>)> = Vec::new();
    let (mut done, mut next) = (BTreeMap::new(), 0);
    poll_fn(move |context| {
        loop {
            let free = at_once - running.len();
            let begun = waiting.by_ref().take(free);
            running.extend(begun.map(|(index, future)| (index, Box::pin(future))));
            let before = running.len();
            let mut failed = None;
            running.retain_mut(|(index, future)| match future.as_mut().poll(context) {
                Poll::Pending => true,
                Poll::Ready(Ok(value)) => {
                    done.insert(*index, value);
                    false
                }
                Poll::Ready(Err(error)) => {
                    failed = Some(error);
                    false
                }
            });
            while let Some(value) = done.remove(&next) {
                take(value);
                next += 1;
            }
            if let Some(error) = failed {
                return Poll::Ready(Err(error));
            }
            if running.is_empty() && before < at_once {
                return Poll::Ready(Ok(()));
            }
            if running.len() == before {
                return Poll::Pending;
            }
        }
    })
    .await
}
