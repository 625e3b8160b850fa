//! The gateway's configuration: one TOML text on standard input, unknown keys refused.

use std::fmt;

use boop_daemon::{MemberSettings, TrustSettings};
use boop_wire::Digest;
use boop_wire::ledger::Currency;
use serde::Deserialize;

use crate::oauth::Names;

/// The configuration as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the public endpoint listens.
    #[serde(default = "default_listen")]
    pub listen: String,
    /// Where the same API listens with clients' certificates asked for; nowhere if left out.
    #[serde(default)]
    pub listen_mutual: Option<String>,
    /// What the gateway is called from outside, `https://...` without a path; otherwise its first
    /// name with the port of `listen`.
    #[serde(default)]
    pub issuer: Option<String>,
    /// The same for `listen_mutual`.
    #[serde(default)]
    pub issuer_mutual: Option<String>,
    /// Names in the endpoint's certificate.
    #[serde(default = "default_names")]
    pub names: Vec<String>,
    /// The file of SQLite, for one gateway, or the URL of a PostgreSQL database, `postgres://...`,
    /// that several gateways share.
    pub database: Address,
    /// The URL of a Redis server, `redis://...`, over which gateways that share a database give
    /// each other hints. Without it they look into the database more often.
    #[serde(default)]
    pub redis: Option<Address>,
    /// SHA-256 of the administrator's token, in hexadecimal.
    pub admin_token_sha256: String,
    /// Relay addresses of the three parties' hosts, in party order.
    pub parties: [String; 3],
    /// The ledger's address.
    pub ledger: String,
    /// "error", "warn", "info" or "debug".
    #[serde(default = "default_log")]
    pub log: String,
    /// Longest time for a match, in milliseconds.
    #[serde(default = "default_deadline_ms")]
    pub deadline_ms: u64,
    /// Currency of balances where a request names none.
    #[serde(default = "default_currency")]
    pub currency: String,
    /// Limits.
    #[serde(default)]
    pub limits: LimitSettings,
    /// Whom the gateway believes.
    pub trust: TrustSettings,
    /// Where the gateway gets evidence.
    pub platform: MemberSettings,
}

/// Where a store is. A URL may hold a password, so nothing prints it.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Address(String);

impl Address {
    /// Returns the address, password included.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// How much the gateway takes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitSettings {
    /// Connections at a time.
    pub connections: usize,
    /// Connections from one address at a time; behind a balancer that is the balancer's.
    pub connections_per_address: usize,
    /// Times the published limits, 1 to 10,000; above 1 for development and load tests.
    pub scale: u32,
    /// Whom the findings of intrusion detection slow down and block; behind a balancer, where all
    /// requests come from one address, "to-proven".
    pub respond: Respond,
}

/// Whom a finding slows down and blocks. It is shown to the operator in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Respond {
    /// Whomever it is about.
    ToAll,
    /// Who proved itself, and no address.
    ToProven,
    /// Nobody.
    ToNobody,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            connections: 1024,
            connections_per_address: 256,
            scale: 1,
            respond: Respond::ToAll,
        }
    }
}

/// Values of a configuration that were checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Checked {
    /// SHA-256 of the administrator's token.
    pub admin_token: Digest,
    /// Currency of balances where a request names none.
    pub currency: Currency,
    /// Longest time for a match, in milliseconds.
    pub deadline_ms: u64,
    /// Limits.
    pub limits: LimitSettings,
}

/// Why a configuration cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} of the configuration is not valid")]
pub struct ConfigFieldError {
    /// The field.
    pub field: &'static str,
}

impl Config {
    /// Checks what the TOML's types do not.
    ///
    /// # Errors
    /// Names the first field that is wrong.
    pub fn check(&self) -> Result<Checked, ConfigFieldError> {
        let wrong = |field| ConfigFieldError { field };
        let admin_token = self.admin_token_sha256.parse();
        let in_order = (100..=60_000).contains(&self.deadline_ms);
        let limits = self.limits;
        if limits.connections == 0 || limits.connections > 100_000 {
            return Err(wrong("limits.connections"));
        }
        if limits.connections_per_address == 0 {
            return Err(wrong("limits.connections_per_address"));
        }
        if !(1..=10_000).contains(&limits.scale) {
            return Err(wrong("limits.scale"));
        }
        Ok(Checked {
            admin_token: admin_token.map_err(|_| wrong("admin_token_sha256"))?,
            currency: Currency::new(&self.currency).ok_or(wrong("currency"))?,
            deadline_ms: in_order
                .then_some(self.deadline_ms)
                .ok_or(wrong("deadline_ms"))?,
            limits,
        })
    }
}

impl Config {
    /// Returns what the gateway is called.
    ///
    /// # Errors
    /// Names the field that is no URL of a server.
    pub fn oauth_names(&self) -> Result<Names, ConfigFieldError> {
        let checked = |text: String, field| {
            let host = text.strip_prefix("https://");
            let host = host.filter(|host| !host.is_empty());
            let plain = |host: &str| !host.contains(['/', '?', '#', '@', ' ']);
            match host.is_some_and(plain) {
                true => Ok(text),
                false => Err(ConfigFieldError { field }),
            }
        };
        let derived = |listen: &str| {
            let name = self.names.first().map_or("localhost", String::as_str);
            match listen.rsplit_once(':').map(|(_, port)| port) {
                None | Some("443") => format!("https://{name}"),
                Some(port) => format!("https://{name}:{port}"),
            }
        };
        let issuer = self.issuer.clone();
        let issuer = issuer.unwrap_or_else(|| derived(&self.listen));
        let mutual = self.listen_mutual.as_ref().map(|listen| {
            let issuer = self.issuer_mutual.clone();
            issuer.unwrap_or_else(|| derived(listen))
        });
        Ok(Names {
            issuer: checked(issuer, "issuer")?,
            mutual: mutual
                .map(|mutual| checked(mutual, "issuer_mutual"))
                .transpose()?,
        })
    }
}

fn default_listen() -> String {
    "127.0.0.1:8443".into()
}

fn default_names() -> Vec<String> {
    vec!["localhost".into()]
}

fn default_log() -> String {
    "info".into()
}

const fn default_deadline_ms() -> u64 {
    5000
}

fn default_currency() -> String {
    "EUR".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_configuration_gets_safe_defaults() {
        let config: Config = toml::from_str(&sample("")).unwrap();

        assert_eq!(config.listen, "127.0.0.1:8443");
        assert_eq!(
            config.check().unwrap(),
            Checked {
                admin_token: Digest::new([0xaa; 32]),
                currency: Currency::new("EUR").unwrap(),
                deadline_ms: 5000,
                limits: LimitSettings::default(),
            }
        );
    }

    #[test]
    fn findings_slow_down_and_block_whom_the_configuration_says() {
        for (line, respond) in [
            ("", Respond::ToAll),
            ("limits = { respond = \"to-all\" }", Respond::ToAll),
            ("limits = { respond = \"to-proven\" }", Respond::ToProven),
            ("limits = { respond = \"to-nobody\" }", Respond::ToNobody),
        ] {
            let config: Config = toml::from_str(&sample(line)).unwrap();
            assert_eq!(config.check().unwrap().limits.respond, respond);
        }
        let other = sample("limits = { respond = true }");
        assert!(toml::from_str::<Config>(&other).is_err());
    }

    #[test]
    fn an_unknown_key_is_refused() {
        assert!(toml::from_str::<Config>(&sample("colour = 1")).is_err());
    }

    #[test]
    fn values_out_of_order_are_named() {
        for (line, field) in [
            ("deadline_ms = 1", "deadline_ms"),
            ("currency = \"euro\"", "currency"),
            ("limits = { connections = 0 }", "limits.connections"),
            (
                "limits = { connections_per_address = 0 }",
                "limits.connections_per_address",
            ),
            ("limits = { scale = 0 }", "limits.scale"),
        ] {
            let config: Config = toml::from_str(&sample(line)).unwrap();
            assert_eq!(config.check(), Err(ConfigFieldError { field }));
        }
        let mut config: Config = toml::from_str(&sample("")).unwrap();
        config.admin_token_sha256 = "short".into();
        assert_eq!(
            config.check(),
            Err(ConfigFieldError {
                field: "admin_token_sha256"
            })
        );
    }

    #[test]
    fn a_gateway_is_called_by_its_first_name_and_port_or_as_it_is_told() {
        let names = |lines: &str| {
            let config: Config = toml::from_str(&sample(lines)).unwrap();
            config.oauth_names()
        };
        let called = |issuer: &str, mutual: Option<&str>| {
            Ok(Names {
                issuer: issuer.into(),
                mutual: mutual.map(str::to_owned),
            })
        };
        assert_eq!(names(""), called("https://localhost:8443", None));
        assert_eq!(
            names("listen = \"0.0.0.0:443\"\nlisten_mutual = \"0.0.0.0:8444\""),
            called("https://localhost", Some("https://localhost:8444"))
        );
        assert_eq!(
            names("issuer = \"https://api.example\""),
            called("https://api.example", None)
        );
        for wrong in [
            "http://api.example",
            "https://",
            "https://a/b",
            "https://a@b",
        ] {
            let field = "issuer";
            let line = format!("issuer = \"{wrong}\"");
            assert_eq!(names(&line), Err(ConfigFieldError { field }), "{wrong}");
        }
    }

    fn sample(line: &str) -> String {
        format!(
            "database = \"gateway.db\"\nadmin_token_sha256 = \"{}\"\n\
             parties = [\"127.0.0.1:1\", \"127.0.0.1:2\", \"127.0.0.1:3\"]\n\
             ledger = \"127.0.0.1:4\"\n{line}\n\
             [trust]\nmanifest = \"manifest\"\napprovers = []\napprovals_needed = 1\n\
             [platform]\nkind = \"snp\"\n",
            "aa".repeat(32)
        )
    }
}
