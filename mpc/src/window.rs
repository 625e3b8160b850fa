//! Several futures under way at once, their results in order.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::Poll;

/// Runs the futures, `at_once` of them at a time, and returns what they come to, in order.
pub(crate) async fn in_order<F, T, E>(
    futures: impl Iterator<Item = F>,
    at_once: usize,
) -> Result<Vec<T>, E>
where
    F: Future<Output = Result<T, E>>,
{
    let mut waiting = futures.enumerate();
    let mut running: Vec<(usize, Pin<Box<F>>)> = Vec::new();
    let mut done = BTreeMap::new();
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
            if let Some(error) = failed {
                return Poll::Ready(Err(error));
            }
            if running.is_empty() && before < at_once {
                let done = core::mem::take(&mut done);
                return Poll::Ready(Ok(done.into_values().collect()));
            }
            if running.len() == before {
                return Poll::Pending;
            }
        }
    })
    .await
}
