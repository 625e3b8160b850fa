//! The page of all rules, `docs/intrusion.md`:
//! `cargo run -p boop-watch --example rules > docs/intrusion.md`.

use std::fmt::Write as _;

use crate::rule::{Rule, Span, Threshold};
use crate::rules::RULES;

/// Returns the page of all rules, as Markdown.
pub fn page() -> String {
    let mut page = String::from(INTRODUCTION);
    for rule in &RULES {
        let Rule {
            id,
            title,
            threshold,
            response,
            runbook,
            ..
        } = rule;
        let tag = rule.tag.unwrap_or("none");
        let when = often(rule.counts, threshold);
        // Writing to a String cannot fail.
        let _ = writeln!(
            page,
            "| `{id}` | {title} | {when} | {response} | {tag} | {runbook} |"
        );
    }
    page.push_str(OPERATOR);
    page.push_str(LIMITS);
    page
}

/// Says a threshold in words.
fn often(counts: &str, threshold: &Threshold) -> String {
    let Threshold {
        count,
        window_ms,
        percent,
    } = threshold;
    let share = match percent {
        0 => String::new(),
        100 => ", and nothing good between".into(),
        percent => format!(", {percent} % of all"),
    };
    format!("{count} {counts} within {}{share}", Span(*window_ms))
}

const INTRODUCTION: &str = "\
# Intrusion

The rules by which the gateway's events are watched, printed from the code of `gateway/watch`
(`cargo run -p boop-watch --example rules`); a test holds the two together. What each threshold
rests on is said beside it in `gateway/watch/src/rules.rs`, and the tests there hold each rule
against its attack, and all of them against thirty busy days of our own making, without a finding.
No day of a real shop has been through them yet.

A rule knows pseudonyms, made with a key that the gateway draws anew every day and keeps nowhere:
a user, an address and a wrong key have no other name in a finding. A vendor and a scanner are
named beside theirs. Each finding is shown to the operator (*page*); some let the door slow down or
block the subject as well, and go on doing so while the attack does. A rule says an attack once an
hour.

Slowed or blocked is only who proved itself to the gateway, or an address. What strangers can say
about somebody else, such as a wrong key for a vendor's name, pages and no more: otherwise anybody
could shut a vendor out.

- **Slow** is a share of six requests a minute, captures included. Beyond it the answer is `busy`
  with `Retry-After`. Nobody is kept waiting with an answer, since an attacker's waiting requests
  would fill the gateway.
- **Block** is `busy` for all that the subject asks, with the seconds that are left.
- **At an address** both hit who shows no proof; a block also those whose proof is wrong, who hear
  `busy` instead of `unauthenticated`. Whoever has a good key or token at the same address does not
  notice: otherwise a guest in a shop's network could shut the shop. So whoever holds stolen keys
  besides wrong ones is not stopped by this; a key has 256 random bits and is not found by trying.
  Evidence, health, new sockets and requests for tokens are served, because those who prove
  themselves begin there.

The doors never learn how near a capture came, so `hill-climbing` counts captures and not
distances. Tags are techniques of MITRE ATT&CK; a repeated capture has none that fits, and ISO/IEC
30107 speaks of attacks in front of a sensor, which a door cannot see.

| rule | what happens | too often | response | tag | what to do |
|---|---|---|---|---|---|
";

const OPERATOR: &str = "
## Looking at findings

Each finding is a line of the gateway's log at level `ERROR` with the message `intrusion` and the
fields `finding`, `rule`, `kind`, `pseudonym`, `name`, `response` and `detail`: alarm on the
message. The last 200 are at `GET /api/v1/admin/findings`, newest first, with how the subject
stands now, until when, and what to do.

The blocks run as they stand in a folder with the administrator's token in `admin-token`, the
gateway's address (`https://…`) in `gateway.url`, and its certificate in `gateway.pem`, which
[vendor.md](vendor.md) shows how to check. Each gateway has findings of its own, so ask each.

```
curl --silent --show-error --fail-with-body --cacert gateway.pem \\
  --header \"Authorization: Bearer $(cat admin-token)\" \\
  \"$(cat gateway.url)/api/v1/admin/findings\" > findings.json
cat findings.json
```

Is it the address that the firewall's log shows? Today's findings can be asked for by address.

```
curl --silent --show-error --fail-with-body --cacert gateway.pem \\
  --header \"Authorization: Bearer $(cat admin-token)\" \\
  \"$(cat gateway.url)/api/v1/admin/findings?address=127.0.0.1\"
```

## Letting somebody free

By a finding's `finding_id`; here the newest one's. The subject is slowed and blocked no more, and
what it did is forgotten: if the attack goes on, it is found anew. The finding stays in the list.

```
finding=$(grep -o 'fnd_[0-9a-f]*' findings.json | head -n 1)
curl --silent --show-error --fail-with-body --cacert gateway.pem --request POST \\
  --header \"Authorization: Bearer $(cat admin-token)\" \\
  \"$(cat gateway.url)/api/v1/admin/findings/$finding/lift\"
```

An administrator who is slowed may look and let free at any pace. Whoever is blocked by a finding
that has left the list is free within the hour after the attack's end.

## Whom a gateway may slow down and block

`limits.respond` of its configuration:

| value | slowed and blocked are |
|---|---|
| `\"to-all\"`, the default | whomever a finding is about |
| `\"to-proven\"` | who proved itself, and no address; for a gateway behind a balancer |
| `\"to-nobody\"` | nobody: findings are shown alone, as in a network of `boop up` |
";

const LIMITS: &str = "
## What the rules do not see

- Each gateway watches its own doors and forgets all when it starts anew or the day's key changes.
  Whoever spreads an attack over several gateways, or over midnight, has that much more room.
- Slower than a threshold is not seen: fourteen strange captures, half an hour of nothing, fourteen
  more. How many captures a day a scanner may take is for the limits on requests.
- Both rules against hill climbing miss whoever climbs at a busy till, between customers who match.
  There is a cashier beside it.
- `scan-without-sale` is about payments. Entrances and memberships identify people without a sale,
  which is what they are for; whether a vendor should open them is for its contract.
- `key-in-two-places` takes the networks of a vendor's first hour of the day for its own, and leaves
  users alone, whose phones change networks all day.
- A rule remembers 10,000 subjects and lets go of the one not heard of for longest.
";

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::subjects::SUBJECTS_MAX;

    #[test]
    fn the_page_in_docs_is_the_one_that_is_printed() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/intrusion.md");

        let kept = std::fs::read_to_string(file).unwrap_or_default();

        assert!(
            kept == page(),
            "run: cargo run -p boop-watch --example rules > docs/intrusion.md"
        );
    }

    #[test]
    fn the_limits_on_the_page_are_those_of_the_code() {
        assert_eq!(SUBJECTS_MAX, 10_000);
        assert!(LIMITS.contains("10,000 subjects"));
    }

    #[test]
    fn a_cell_holds_no_bar() {
        for rule in &RULES {
            let texts = [rule.id, rule.title, rule.counts, rule.runbook];
            assert!(texts.iter().all(|text| !text.contains('|')), "{}", rule.id);
        }
    }
}
