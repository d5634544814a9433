//! Statements on deliveries: the outbox.

use credentials::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Params, Row, named_params};

use super::{Work, rows, threads, turns};
use crate::columns::{front_end_range, maybe_moment, moment};
use crate::delivery::{Claim, Delivery, NewDelivery, hash};
use crate::error::ConversationError;
use crate::id::{DeliveryId, ThreadId, TurnId};

/// The largest text of one delivery in bytes.
pub(crate) const MAX_TEXT: usize = 1 << 20;

/// What may be sent now: its time has come, and nothing before it in its thread is still on its way. What needs attention
/// does not hold up what comes behind it.
pub(crate) const DUE: &str = "
    SELECT d.* FROM deliveries d
    WHERE d.state IN ('pending', 'uncertain') AND d.next_try <= :now
        AND (:only IS NULL OR d.id = :only)
        AND NOT EXISTS (
            SELECT 1 FROM deliveries e
            WHERE e.state IN ('pending', 'sent', 'uncertain') AND e.thread = d.thread AND e.id < d.id)
    ORDER BY d.next_try, d.id LIMIT :limit";
pub(crate) const LOST: &str = "SELECT * FROM deliveries WHERE state = 'sent' AND lease <= ?1 ORDER BY lease";
pub(crate) const STUCK: &str = "
    SELECT * FROM deliveries WHERE state = 'needs_attention' AND (?1 IS NULL OR thread = ?1) ORDER BY id LIMIT ?2";

/// Puts a delivery into the outbox, or finds the one with the same identity.
pub(crate) fn put(database: &Connection, new: &NewDelivery, now: Timestamp) -> Work<Delivery> {
    threads::expect(database, &new.thread)?;
    if let Some(turn) = new.turn
        && turns::get(database, turn)?.thread != new.thread
    {
        return Err(ConversationError::NoTurn(turn).into());
    }
    let turn = new.turn.unwrap_or(TurnId(0));
    let hash = hash(&new.text);
    database
        .prepare_cached(
            "INSERT INTO deliveries (thread, turn, part, hash, text, state, next_try, created)
             VALUES (:thread, :turn, :part, :hash, :text, 'pending', :now, :now) ON CONFLICT DO NOTHING",
        )?
        .execute(named_params! {
            ":thread": new.thread, ":turn": turn, ":part": new.part, ":hash": hash, ":text": new.text,
            ":now": now.millis(),
        })?;
    let sql = "SELECT * FROM deliveries WHERE thread = ?1 AND turn = ?2 AND part = ?3 AND hash = ?4";
    Ok(database
        .prepare_cached(sql)?
        .query_row((&new.thread, turn, new.part, hash), delivery)?)
}

pub(crate) fn get(database: &Connection, id: DeliveryId) -> Work<Delivery> {
    database
        .prepare_cached("SELECT * FROM deliveries WHERE id = ?1")?
        .query_row([id], delivery)
        .optional()?
        .ok_or_else(|| ConversationError::NoDelivery(id).into())
}

pub(crate) fn of_turn(database: &Connection, thread: &ThreadId, turn: Option<TurnId>) -> Work<Vec<Delivery>> {
    let sql = "SELECT * FROM deliveries WHERE thread = ?1 AND turn = ?2 ORDER BY part, id";
    many(database, sql, (thread, turn.unwrap_or(TurnId(0))))
}

/// All of a thread that are in the chat, oldest first.
pub(crate) fn delivered(database: &Connection, thread: &ThreadId) -> Work<Vec<Delivery>> {
    let sql = "SELECT * FROM deliveries WHERE thread = ?1 AND state = 'delivered' ORDER BY id";
    many(database, sql, [thread])
}

/// What may be sent now.
pub(crate) fn due(database: &Connection, claim: &Claim) -> Work<Vec<Delivery>> {
    let params = named_params! {
        ":now": claim.now.millis(), ":only": claim.only, ":limit": rows(claim.limit),
    };
    many(database, DUE, params)
}

/// Claims whose time is over.
pub(crate) fn lost(database: &Connection, now: Timestamp) -> Work<Vec<Delivery>> {
    many(database, LOST, [now.millis()])
}

/// All that are on their way or wait for their next try, oldest first.
pub(crate) fn waiting(database: &Connection, front_end: Option<&str>) -> Work<Vec<Delivery>> {
    let (from, to) = front_end_range(front_end);
    let sql = "
        SELECT * FROM deliveries
        WHERE state IN ('pending', 'sent', 'uncertain')
            AND (:from IS NULL OR (thread >= :from AND thread < :to)) ORDER BY id";
    many(database, sql, named_params! { ":from": from, ":to": to })
}

/// The same of one thread.
pub(crate) fn waiting_in(database: &Connection, thread: &ThreadId) -> Work<Vec<Delivery>> {
    let sql = "
        SELECT * FROM deliveries
        WHERE state IN ('pending', 'sent', 'uncertain') AND thread = ?1 ORDER BY id";
    many(database, sql, [thread])
}

/// Those that need attention, of one thread or of all, oldest first.
pub(crate) fn stuck(database: &Connection, thread: Option<&ThreadId>, limit: usize) -> Work<Vec<Delivery>> {
    many(database, STUCK, (thread, rows(limit)))
}

pub(crate) fn count_stuck(database: &Connection, thread: Option<&ThreadId>) -> Work<usize> {
    let sql =
        "SELECT count(*) FROM deliveries WHERE state = 'needs_attention' AND (?1 IS NULL OR thread = ?1)";
    Ok(database
        .prepare_cached(sql)?
        .query_row([thread], |row| row.get::<_, u32>(0))? as usize)
}

/// Gives up all of a thread that have no end.
pub(crate) fn give_up_all(database: &Connection, thread: &ThreadId, now: Timestamp) -> Work<usize> {
    let sql = "
        UPDATE deliveries SET state = 'given_up', text = NULL, lease = NULL, ended = ?2
        WHERE thread = ?1 AND state IN ('pending', 'sent', 'uncertain', 'needs_attention')";
    Ok(database.prepare_cached(sql)?.execute((thread, now.millis()))?)
}

/// Writes what may change in a delivery.
pub(crate) fn store(database: &Connection, delivery: Delivery) -> Work<Delivery> {
    database
        .prepare_cached(
            "UPDATE deliveries SET text = :text, state = :state, tries = :tries, next_try = :next_try,
                claimed = :claimed, lease = :lease, doubt = :doubt, remote = :remote, reason = :reason, ended = :ended
             WHERE id = :id",
        )?
        .execute(named_params! {
            ":id": delivery.id, ":text": delivery.text, ":state": delivery.state, ":tries": delivery.tries,
            ":next_try": delivery.next_try.millis(), ":claimed": delivery.claimed.map(Timestamp::millis),
            ":lease": delivery.lease.map(Timestamp::millis), ":doubt": delivery.doubt.map(Timestamp::millis),
            ":remote": delivery.remote, ":reason": delivery.reason, ":ended": delivery.ended.map(Timestamp::millis),
        })?;
    Ok(delivery)
}

fn many(database: &Connection, sql: &str, params: impl Params) -> Work<Vec<Delivery>> {
    let mut statement = database.prepare_cached(sql)?;
    let found = statement.query_map(params, delivery)?;
    Ok(found.collect::<rusqlite::Result<_>>()?)
}

fn delivery(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    let turn: TurnId = row.get("turn")?;
    Ok(Delivery {
        id: row.get("id")?,
        thread: row.get("thread")?,
        turn: (turn.0 != 0).then_some(turn),
        part: row.get("part")?,
        hash: row.get("hash")?,
        text: row.get("text")?,
        state: row.get("state")?,
        tries: row.get("tries")?,
        next_try: moment(row, "next_try")?,
        claimed: maybe_moment(row, "claimed")?,
        lease: maybe_moment(row, "lease")?,
        doubt: maybe_moment(row, "doubt")?,
        remote: row.get("remote")?,
        reason: row.get("reason")?,
        created: moment(row, "created")?,
        ended: maybe_moment(row, "ended")?,
    })
}
