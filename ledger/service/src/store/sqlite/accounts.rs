//! The books' rows in SQLite.

use boop_wire::codec::{from_canonical, to_canonical};
use boop_wire::id::{AccountId, TransactionId};
use boop_wire::ledger::{Currency, Detail};

use super::entries::{EntryRow, stored_entry};
use super::{SqliteSession, failed, to_i64, to_u64};
use crate::account::{Account, AccountKey};
use crate::store::{AccountStore, Audit, Span, StoreError, StoredEntry, StoredTransfer};
use crate::transfer::{Body, Charge, State, Transfer};

const TABLE: &str = "transfers";

/// A row: body, debited account, state, end of the hold, posted amount, entry.
type TransferRow = (Vec<u8>, Vec<u8>, i64, Option<i64>, Option<i64>, Option<i64>);

impl AccountStore for SqliteSession {
    async fn account(&mut self, key: &AccountKey) -> Result<Account, StoreError> {
        let row: Option<(i64, i64, i64, i64)> = sqlx::query_as(
            "SELECT debits_posted, credits_posted, debits_pending, credits_pending \
             FROM accounts WHERE account = ? AND currency = ?",
        )
        .bind(&key.id.as_bytes()[..])
        .bind(key.currency.as_str())
        .fetch_optional(&mut *self.transaction)
        .await
        .map_err(failed)?;
        let (debits_posted, credits_posted, debits_pending, credits_pending) =
            row.unwrap_or_default();
        Ok(Account {
            debits_posted,
            credits_posted,
            debits_pending,
            credits_pending,
        })
    }

    async fn put_account(&mut self, key: &AccountKey, account: &Account) -> Result<(), StoreError> {
        sqlx::query(
            "INSERT INTO accounts (account, currency, world, debits_posted, credits_posted, \
             debits_pending, credits_pending) VALUES (?, ?, ?, ?, ?, ?, ?) \
             ON CONFLICT (account, currency) DO UPDATE SET \
             debits_posted = excluded.debits_posted, credits_posted = excluded.credits_posted, \
             debits_pending = excluded.debits_pending, credits_pending = excluded.credits_pending",
        )
        .bind(&key.id.as_bytes()[..])
        .bind(key.currency.as_str())
        .bind(key.is_world())
        .bind(account.debits_posted)
        .bind(account.credits_posted)
        .bind(account.debits_pending)
        .bind(account.credits_pending)
        .execute(&mut *self.transaction)
        .await
        .map_err(failed)?;
        Ok(())
    }

    async fn transfer(&mut self, id: &TransactionId) -> Result<Option<StoredTransfer>, StoreError> {
        let row: Option<TransferRow> = sqlx::query_as(
            "SELECT body, debit_account, state, expires_at_ms, posted_amount, entry_index \
             FROM transfers WHERE id = ?",
        )
        .bind(&id.as_bytes()[..])
        .fetch_optional(&mut *self.transaction)
        .await
        .map_err(failed)?;
        row.map(stored_transfer).transpose()
    }

    async fn put_transfer(&mut self, stored: &StoredTransfer) -> Result<(), StoreError> {
        let Transfer {
            body,
            state,
            expires_at_ms,
        } = &stored.transfer;
        let (state, posted_amount) = state_columns(*state);
        sqlx::query(
            "INSERT INTO transfers (id, body, debit_account, credit_account, currency, amount, \
             state, expires_at_ms, posted_amount, entry_index) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
             ON CONFLICT (id) DO UPDATE SET state = excluded.state, \
             posted_amount = excluded.posted_amount, entry_index = excluded.entry_index",
        )
        .bind(&body.transaction().as_bytes()[..])
        .bind(to_canonical(&body.detail(body.amount())))
        .bind(&body.debit_key().id.as_bytes()[..])
        .bind(&body.credit_key().id.as_bytes()[..])
        .bind(body.debit_key().currency.as_str())
        .bind(to_i64(body.amount())?)
        .bind(state)
        .bind(expires_at_ms.map(to_i64).transpose()?)
        .bind(posted_amount.map(to_i64).transpose()?)
        .bind(stored.entry_index.map(to_i64).transpose()?)
        .execute(&mut *self.transaction)
        .await
        .map_err(failed)?;
        Ok(())
    }

    async fn post(
        &mut self,
        stored: &StoredTransfer,
        amount: u64,
        time_ms: u64,
    ) -> Result<(), StoreError> {
        let body = &stored.transfer.body;
        let index = stored.entry_index.map(to_i64).transpose()?;
        let (amount, time_ms) = (to_i64(amount)?, to_i64(time_ms)?);
        sqlx::query(
            "INSERT INTO postings (entry_index, account, currency, debit, credit, time_ms) \
             VALUES (?1, ?2, ?4, ?5, 0, ?6), (?1, ?3, ?4, 0, ?5, ?6)",
        )
        .bind(index)
        .bind(&body.debit_key().id.as_bytes()[..])
        .bind(&body.credit_key().id.as_bytes()[..])
        .bind(body.debit_key().currency.as_str())
        .bind(amount)
        .bind(time_ms)
        .execute(&mut *self.transaction)
        .await
        .map_err(failed)?;
        Ok(())
    }

    async fn ended_holds(&mut self, now_ms: u64, limit: u32) -> Result<Vec<Transfer>, StoreError> {
        let rows: Vec<TransferRow> = sqlx::query_as(
            "SELECT body, debit_account, state, expires_at_ms, posted_amount, entry_index \
             FROM transfers WHERE state = 0 AND expires_at_ms <= ? \
             ORDER BY expires_at_ms, id LIMIT ?",
        )
        .bind(to_i64(now_ms)?)
        .bind(limit)
        .fetch_all(&mut *self.transaction)
        .await
        .map_err(failed)?;
        rows.into_iter()
            .map(|row| Ok(stored_transfer(row)?.transfer))
            .collect()
    }

    async fn ended_pending(&mut self, key: &AccountKey, now_ms: u64) -> Result<i64, StoreError> {
        sqlx::query_scalar(
            "SELECT COALESCE(SUM(amount), 0) FROM transfers \
             WHERE state = 0 AND expires_at_ms <= ? AND debit_account = ? AND currency = ?",
        )
        .bind(to_i64(now_ms)?)
        .bind(&key.id.as_bytes()[..])
        .bind(key.currency.as_str())
        .fetch_one(&mut *self.transaction)
        .await
        .map_err(failed)
    }

    async fn history(&mut self, span: &Span) -> Result<Vec<StoredEntry>, StoreError> {
        let end = i64::try_from(span.to_ms).unwrap_or(i64::MAX);
        let Ok(start) = i64::try_from(span.from_ms) else {
            return Ok(Vec::new());
        };
        let rows: Vec<EntryRow> = sqlx::query_as(
            "SELECT entry_index, leaf, opening FROM postings JOIN entries USING (entry_index) \
             WHERE account = ? AND time_ms >= ? AND time_ms < ? \
             ORDER BY time_ms, entry_index LIMIT ?",
        )
        .bind(&span.account.as_bytes()[..])
        .bind(start)
        .bind(end)
        .bind(span.limit)
        .fetch_all(&mut *self.transaction)
        .await
        .map_err(failed)?;
        rows.into_iter().map(stored_entry).collect()
    }

    async fn audit(&mut self) -> Result<Audit, StoreError> {
        let unbalanced: Vec<String> = sqlx::query_scalar(
            "SELECT currency FROM accounts GROUP BY currency \
             HAVING SUM(credits_posted) <> SUM(debits_posted) ORDER BY currency",
        )
        .fetch_all(&mut *self.transaction)
        .await
        .map_err(failed)?;
        let unbalanced = unbalanced.iter().map(|code| Currency::new(code));
        let unbalanced = unbalanced.collect::<Option<Vec<_>>>();
        Ok(Audit {
            unbalanced: unbalanced.ok_or(StoreError::Damaged("accounts"))?,
            journal_mismatches: self.count(JOURNAL_MISMATCHES).await?,
            hold_mismatches: self.count(HOLD_MISMATCHES).await?,
        })
    }
}

/// Accounts whose posted counters are not the sums of the journal, either way round.
const JOURNAL_MISMATCHES: &str = "SELECT COUNT(*) FROM \
    (SELECT account, currency, SUM(debits) AS d, SUM(credits) AS c FROM \
        (SELECT account, currency, debits_posted AS debits, credits_posted AS credits \
         FROM accounts \
         UNION ALL SELECT account, currency, -debit, -credit FROM postings) \
     GROUP BY account, currency) WHERE d <> 0 OR c <> 0";

/// Accounts whose pending counters are not the sums of the holds, either way round.
const HOLD_MISMATCHES: &str = "SELECT COUNT(*) FROM \
    (SELECT account, currency, SUM(debits) AS d, SUM(credits) AS c FROM \
        (SELECT account, currency, debits_pending AS debits, credits_pending AS credits \
         FROM accounts \
         UNION ALL SELECT debit_account, currency, -amount, 0 FROM transfers WHERE state = 0 \
         UNION ALL SELECT credit_account, currency, 0, -amount FROM transfers WHERE state = 0) \
     GROUP BY account, currency) WHERE d <> 0 OR c <> 0";

impl SqliteSession {
    async fn count(&mut self, query: &'static str) -> Result<u64, StoreError> {
        let count: i64 = sqlx::query_scalar(query)
            .fetch_one(&mut *self.transaction)
            .await
            .map_err(failed)?;
        to_u64(count, "accounts")
    }
}

/// Returns the columns `state` and `posted_amount`.
fn state_columns(state: State) -> (i64, Option<u64>) {
    match state {
        State::Held => (0, None),
        State::Posted { amount } => (1, Some(amount)),
        State::Voided => (2, None),
        State::Expired => (3, None),
        State::Refused => (4, None),
    }
}

fn stored_transfer(row: TransferRow) -> Result<StoredTransfer, StoreError> {
    let (body, account, state, expires_at_ms, posted_amount, entry_index) = row;
    let damaged = StoreError::Damaged(TABLE);
    let body = match from_canonical::<Detail>(&body) {
        Ok(Detail::Payment(payment)) => {
            let account: [u8; AccountId::LEN] = account.try_into().map_err(|_| damaged.clone())?;
            Body::Payment(Charge {
                payment,
                account: AccountId::new(account),
            })
        }
        Ok(Detail::Credit(credit)) => Body::Credit(credit),
        Ok(_) | Err(_) => return Err(damaged),
    };
    let unsigned = |value: Option<i64>| value.map(|value| to_u64(value, TABLE)).transpose();
    let state = match (state, unsigned(posted_amount)?) {
        (0, None) => State::Held,
        (1, Some(amount)) => State::Posted { amount },
        (2, None) => State::Voided,
        (3, None) => State::Expired,
        (4, None) => State::Refused,
        _ => return Err(damaged),
    };
    let transfer = Transfer {
        body,
        state,
        expires_at_ms: unsigned(expires_at_ms)?,
    };
    Ok(StoredTransfer {
        transfer,
        entry_index: unsigned(entry_index)?,
    })
}
