//! Writes a policy as a file: every field, in the order of docs/policy.md.

use std::fmt::Write;

use boop_verifier::{
    AgeLimit, Demand, Floor, Floors, GuestPolicyRules, NitroPolicy, Permission, Platform,
    PlatformRules, Policy, Product, ProductPolicy, Revocation, Rule, SimulatedEvidence, SnpPolicy,
    TcbRules, Tier, Vlek,
};

use super::{
    FORMAT, product,
    value::{Plain, quoted, write_date, write_list, write_mask, write_rule},
};

/// Collects lines.
#[derive(Default)]
struct Text(String);

impl Text {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn table(&mut self, name: &str) {
        self.line("");
        self.line(name);
    }

    fn field(&mut self, name: &str, value: impl AsRef<str>) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "{name} = {}", value.as_ref());
    }

    fn rule<T: Plain>(&mut self, name: &str, rule: &Rule<T>) {
        self.field(name, write_rule(rule));
    }

    fn permission(&mut self, name: &str, permission: Permission) {
        self.field(
            name,
            match permission {
                Permission::Refuse => "\"refuse\"",
                Permission::Allow => "\"accept\"",
            },
        );
    }

    fn tier(&mut self, tier: Tier) {
        self.field(
            "tier",
            match tier {
                Tier::Affirming => "\"affirming\"",
                Tier::Warning => "\"warning\"",
            },
        );
    }
}

/// Writes the whole file.
pub(super) fn policy(policy: &Policy, name: &str) -> String {
    let mut text = Text::default();
    text.field("format", FORMAT.to_string());
    text.field("name", quoted(name));
    text.field(
        "simulated",
        match policy.simulated {
            SimulatedEvidence::Refuse => "\"refuse\"",
            SimulatedEvidence::Allow => "\"accept\"",
        },
    );
    text.field(
        "binding",
        match policy.binding {
            Demand::Required => "\"required\"",
            Demand::Open => "\"any\"",
        },
    );
    // Words come before tables, or TOML takes them for fields of the last table.
    if policy.snp == Platform::Refused {
        text.field("snp", "\"refuse\"");
    }
    if policy.nitro == Platform::Refused {
        text.field("nitro", "\"refuse\"");
    }
    if let Platform::Accepted(rules) = &policy.snp {
        snp(&mut text, rules);
    }
    if let Platform::Accepted(rules) = &policy.nitro {
        nitro(&mut text, rules);
    }
    text.0
}

fn snp(text: &mut Text, rules: &SnpPolicy) {
    text.table("[snp]");
    text.rule("vmpl", &rules.vmpl);
    text.permission("debug", rules.debug);
    text.permission("migration_agent", rules.migration_agent);
    text.rule("measurement", &rules.measurement);
    text.rule("host_data", &rules.host_data);
    text.rule("family_id", &rules.family_id);
    text.rule("image_id", &rules.image_id);
    text.rule("guest_svn", &rules.guest_svn);
    text.rule("id_key_digest", &rules.id_key_digest);
    text.rule("author_key_digest", &rules.author_key_digest);
    text.permission("masked_chip_id", rules.masked_chip_id);
    text.permission("provisional_firmware", rules.provisional_firmware);
    text.permission("reported_below_current", rules.reported_below_current);
    text.field(
        "revocation",
        match rules.revocation {
            Revocation::Required => "\"required\"",
            Revocation::WhenGiven => "\"when-given\"",
        },
    );
    match &rules.vlek {
        Vlek::Refused => text.field("vlek", "\"refuse\""),
        Vlek::Provider { names, tier } => {
            text.table("[snp.vlek]");
            text.rule("csp_ids", names);
            text.tier(*tier);
        }
    }
    guest_policy(text, &rules.guest_policy);
    platform_info(text, &rules.platform);
    products(text, rules);
}

fn guest_policy(text: &mut Text, rules: &GuestPolicyRules) {
    text.table("[snp.guest_policy]");
    text.rule("smt_allowed", &rules.smt_allowed);
    text.rule("single_socket", &rules.single_socket);
    text.rule("cxl_allowed", &rules.cxl_allowed);
    text.rule("mem_aes_256_xts", &rules.mem_aes_256_xts);
    text.rule("rapl_disabled", &rules.rapl_disabled);
    text.rule("ciphertext_hiding", &rules.ciphertext_hiding);
    text.rule("page_swap_disabled", &rules.page_swap_disabled);
}

fn platform_info(text: &mut Text, rules: &PlatformRules) {
    text.table("[snp.platform_info]");
    text.rule("smt_enabled", &rules.smt_enabled);
    text.rule("tsme_enabled", &rules.tsme_enabled);
    text.rule("ecc_enabled", &rules.ecc_enabled);
    text.rule("rapl_disabled", &rules.rapl_disabled);
    text.rule(
        "ciphertext_hiding_enabled",
        &rules.ciphertext_hiding_enabled,
    );
    text.rule("alias_check_complete", &rules.alias_check_complete);
    text.rule("tio_enabled", &rules.tio_enabled);
    text.permission("unknown_bits", rules.unknown_bits);
}

fn products(text: &mut Text, rules: &SnpPolicy) {
    text.table("[snp.products]");
    for product in Product::ALL {
        if rules.product(product).is_none() {
            text.field(product::name(product), "\"refuse\"");
        }
    }
    for product in Product::ALL {
        if let Some(rules) = rules.product(product) {
            one_product(text, rules);
        }
    }
}

fn one_product(text: &mut Text, rules: &ProductPolicy) {
    let name = product::name(rules.product);
    text.table(&format!("[snp.products.{name}]"));
    text.tier(rules.tier);
    if rules.product == Product::Milan && rules.chips.is_any() {
        text.line("# a policy file may not trust any chip of milan; see docs/policy.md");
    }
    text.rule("chips", &rules.chips);
    text.permission("fleet_keys", rules.fleet_keys);
    text.field("launch_mitigations", write_mask(rules.launch_mitigations));
    text.field("current_mitigations", write_mask(rules.current_mitigations));
    match &rules.floors {
        Floors::Any => text.field("floors", "\"any\""),
        Floors::Dated(floors) if floors.is_empty() => text.field("floors", "[]"),
        Floors::Dated(floors) => {
            for floor in floors {
                text.table(&format!("[[snp.products.{name}.floors]]"));
                one_floor(text, floor, rules.product);
            }
        }
    }
}

fn one_floor(text: &mut Text, floor: &Floor, product: Product) {
    text.field("since", write_date(floor.since));
    text.field("bulletins", write_list(&floor.bulletins));
    text.field("reported", level(&floor.reported, product));
    text.field("committed", level(&floor.committed, product));
    text.field("launch", level(&floor.launch, product));
}

fn level(rules: &TcbRules, product: Product) -> String {
    let mut parts = vec![
        ("bootloader", &rules.bootloader),
        ("tee", &rules.tee),
        ("snp", &rules.snp),
        ("microcode", &rules.microcode),
    ];
    if product::has_fmc(product) {
        parts.insert(0, ("fmc", &rules.fmc));
    }
    let parts: Vec<_> = parts
        .into_iter()
        .map(|(name, rule)| format!("{name} = {}", component(rule)))
        .collect();
    format!("{{ {} }}", parts.join(", "))
}

fn component(rule: &Rule<u8>) -> String {
    match rule {
        Rule::AtLeast(least) => least.to_string(),
        Rule::Exactly(only) => format!("{{ exactly = {only} }}"),
        Rule::OneOf(_) | Rule::Any => write_rule(rule),
    }
}

fn nitro(text: &mut Text, rules: &NitroPolicy) {
    text.table("[nitro]");
    text.tier(rules.tier);
    text.rule("module_id", &rules.module_id);
    text.permission("debug", rules.debug);
    text.field(
        "age_seconds",
        match rules.age {
            AgeLimit::Any => "\"any\"".to_owned(),
            AgeLimit::Seconds(seconds) => seconds.to_string(),
        },
    );
    text.field("ahead_seconds", rules.ahead_seconds_max.to_string());
    if rules.pcr_sets.is_empty() {
        text.field("pcr_sets", "[]");
    }
    for (index, set) in rules.pcr_sets.iter().enumerate() {
        text.table("[[nitro.pcr_sets]]");
        text.field("name", quoted(&format!("set {}", index + 1)));
        let pcrs: Vec<_> = set
            .0
            .iter()
            .map(|(pcr, rule)| format!("{pcr} = {}", write_rule(rule)))
            .collect();
        text.field("pcrs", format!("{{ {} }}", pcrs.join(", ")));
    }
}
