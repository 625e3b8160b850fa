//! Random orders against a small model of the books that knows nothing of counters: it replays
//! the list of what happened each time it is asked.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use boop_service::transfer::State;
use boop_service::writer::Written;
use boop_wire::Refusal;
use boop_wire::ledger::{LedgerRequest, LedgerResponse};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng as _, SeedableRng as _};

use crate::support::{START_MS, asked, credit, folder, pay, start, user};

const USERS: u8 = 3;
const STEPS: usize = 400;

/// What the test asks for, small enough that ids meet often.
#[derive(Debug, Clone)]
enum Action {
    Credit {
        id: u8,
        user: u8,
        amount: u64,
    },
    Pay {
        id: u8,
        user: u8,
        amount: u64,
    },
    Hold {
        id: u8,
        user: u8,
        amount: u64,
        end_ms: u64,
    },
    Capture {
        id: u8,
        amount: u64,
    },
    Void {
        id: u8,
    },
    Wait {
        ms: u64,
    },
}

/// What an action led to, as far as the model says.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Answer {
    Entry,
    Held,
    Voided,
    Expired,
    NoFunds,
    Refused(Refusal),
    Nothing,
}

#[derive(Debug, Clone)]
struct Past {
    user: u8,
    amount: u64,
    end_ms: Option<u64>,
    state: State,
}

#[derive(Debug, Default)]
struct Model {
    now_ms: u64,
    credits: BTreeMap<u8, (u8, u64)>,
    payments: BTreeMap<u8, Past>,
}

#[tokio::test]
async fn the_books_agree_with_the_model() {
    for seed in 0..6 {
        println!("seed {seed}");
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let folder = folder();
        let mut running = start(folder.path()).await;
        let mut model = Model {
            now_ms: START_MS,
            ..Model::default()
        };

        for step in 0..STEPS {
            let action = random_action(&mut random, model.now_ms);
            let expected = model.apply(&action);
            let got = carry_out(&running, &action).await;
            assert_eq!(got, expected, "seed {seed}, step {step}: {action:?}");
            for user_number in 0..USERS {
                let balance = running.balance(user(user_number)).await;
                assert_eq!(
                    balance,
                    model.balance(user_number),
                    "seed {seed}, step {step}"
                );
            }
            if step % 50 == 49 {
                assert!(running.ledger.audit().await.unwrap().is_sound());
                running.stop().await;
                running = start(folder.path()).await;
                running
                    .environment
                    .now_ms
                    .store(model.now_ms, Ordering::Relaxed);
            }
        }
    }
}

impl Model {
    fn apply(&mut self, action: &Action) -> Answer {
        self.end_holds();
        match *action {
            Action::Wait { ms } => {
                self.now_ms += ms;
                self.end_holds();
                Answer::Nothing
            }
            Action::Credit { id, user, amount } => match self.credits.get(&id) {
                Some(known) if *known == (user, amount) => Answer::Entry,
                Some(_) => Answer::Refused(Refusal::Conflict),
                None => {
                    self.credits.insert(id, (user, amount));
                    Answer::Entry
                }
            },
            Action::Pay { id, user, amount } => {
                self.first_or_again(id, user, amount, None, State::Posted { amount })
            }
            Action::Hold {
                id,
                user,
                amount,
                end_ms,
            } => self.first_or_again(id, user, amount, Some(end_ms), State::Held),
            Action::Capture { id, amount } => self.capture(id, amount),
            Action::Void { id } => self.void(id),
        }
    }

    fn first_or_again(
        &mut self,
        id: u8,
        user: u8,
        amount: u64,
        end_ms: Option<u64>,
        state: State,
    ) -> Answer {
        if let Some(past) = self.payments.get(&id) {
            let same = (past.user, past.amount, past.end_ms) == (user, amount, end_ms);
            return if same {
                answer(past.state)
            } else {
                Answer::Refused(Refusal::Conflict)
            };
        }
        if end_ms.is_some_and(|end| end <= self.now_ms) {
            return Answer::Refused(Refusal::Invalid);
        }
        let enough = self.balance(user).0 >= i64::try_from(amount).unwrap();
        let state = if enough { state } else { State::Refused };
        self.payments.insert(
            id,
            Past {
                user,
                amount,
                end_ms,
                state,
            },
        );
        answer(state)
    }

    fn capture(&mut self, id: u8, amount: u64) -> Answer {
        let held = self
            .payments
            .get_mut(&id)
            .filter(|past| past.end_ms.is_some());
        let Some(past) = held else {
            return Answer::Refused(Refusal::NotFound);
        };
        match past.state {
            State::Held if amount > past.amount || amount == 0 => Answer::Refused(Refusal::Invalid),
            State::Held => {
                past.state = State::Posted { amount };
                Answer::Entry
            }
            State::Posted { amount: taken } if taken == amount => Answer::Entry,
            _ => Answer::Refused(Refusal::Conflict),
        }
    }

    fn void(&mut self, id: u8) -> Answer {
        let held = self
            .payments
            .get_mut(&id)
            .filter(|past| past.end_ms.is_some());
        let Some(past) = held else {
            return Answer::Refused(Refusal::NotFound);
        };
        match past.state {
            State::Held | State::Voided => {
                past.state = State::Voided;
                Answer::Voided
            }
            _ => Answer::Refused(Refusal::Conflict),
        }
    }

    fn end_holds(&mut self) {
        for past in self.payments.values_mut() {
            if past.state == State::Held && past.end_ms.is_some_and(|end| end <= self.now_ms) {
                past.state = State::Expired;
            }
        }
    }

    /// Returns available and posted.
    fn balance(&self, user: u8) -> (i64, i64) {
        let credits = self.credits.values().filter(|credit| credit.0 == user);
        let credits: u64 = credits.map(|credit| credit.1).sum();
        let (mut spent, mut held) = (0, 0);
        for past in self.payments.values().filter(|past| past.user == user) {
            match past.state {
                State::Posted { amount } => spent += amount,
                State::Held => held += past.amount,
                State::Voided | State::Expired | State::Refused => {}
            }
        }
        let [credits, spent, held] = [credits, spent, held].map(|sum| i64::try_from(sum).unwrap());
        (credits - spent - held, credits - spent)
    }
}

async fn carry_out(running: &crate::support::Running, action: &Action) -> Answer {
    let ledger = &running.ledger;
    let context = |id: u8| format!("ctx_{id}");
    let transaction = |id: u8| asked(&context(id), user(0), 1).payment.transaction;
    match *action {
        Action::Wait { ms } => {
            running.environment.now_ms.fetch_add(ms, Ordering::Relaxed);
            Answer::Nothing
        }
        Action::Credit {
            id,
            user: number,
            amount,
        } => response(ledger.handle(credit(id, user(number), amount)).await),
        Action::Pay {
            id,
            user: number,
            amount,
        } => {
            let request: LedgerRequest = pay(&context(id), user(number), amount);
            response(ledger.handle(request).await)
        }
        Action::Hold {
            id,
            user: number,
            amount,
            end_ms,
        } => {
            let asked = asked(&context(id), user(number), amount);
            written(ledger.hold(asked, end_ms).await)
        }
        Action::Capture { id, amount } => match ledger.capture(transaction(id), amount).await {
            Ok(recorded) => response(recorded),
            Err(refusal) => Answer::Refused(refusal),
        },
        Action::Void { id } => written(ledger.void(transaction(id)).await),
    }
}

fn response(response: LedgerResponse) -> Answer {
    match response {
        LedgerResponse::Recorded(receipt) => {
            crate::support::verified(&receipt);
            Answer::Entry
        }
        LedgerResponse::Refused(Refusal::InsufficientFunds) => Answer::NoFunds,
        LedgerResponse::Refused(refusal) => Answer::Refused(refusal),
        other => panic!("unexpected {other:?}"),
    }
}

fn written(written: Result<Written, Refusal>) -> Answer {
    match written {
        Ok(Written::Entry(_)) => Answer::Entry,
        Ok(Written::Unposted(state)) => answer(state),
        Err(refusal) => Answer::Refused(refusal),
    }
}

fn answer(state: State) -> Answer {
    match state {
        State::Posted { .. } => Answer::Entry,
        State::Held => Answer::Held,
        State::Voided => Answer::Voided,
        State::Expired => Answer::Expired,
        State::Refused => Answer::NoFunds,
    }
}

fn random_action(random: &mut ChaCha8Rng, now_ms: u64) -> Action {
    let mut below = |limit: u32| random.next_u32() % limit;
    let id = u8::try_from(below(60)).unwrap();
    let user = u8::try_from(below(u32::from(USERS))).unwrap();
    let amount = u64::from(below(6)) * 10;
    let end_ms = now_ms.next_multiple_of(100) + u64::from(below(3)) * 100;
    match below(12) {
        0..=2 => Action::Credit {
            id,
            user,
            amount: amount + 10,
        },
        3..=4 => Action::Pay {
            id,
            user,
            amount: amount + 10,
        },
        5..=6 => Action::Hold {
            id,
            user,
            amount: amount + 10,
            end_ms,
        },
        7..=8 => Action::Capture { id, amount },
        9..=10 => Action::Void { id },
        _ => Action::Wait {
            ms: u64::from(below(150)),
        },
    }
}
