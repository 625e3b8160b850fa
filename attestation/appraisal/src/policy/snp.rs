//! The table `[snp]`.

use boop_verifier::{GuestPolicyRules, PlatformRules, Revocation, SnpPolicy, Vlek};

use super::{product, section::Section};

/// Reads the table.
pub(super) fn read(mut snp: Section<'_>) -> Option<SnpPolicy> {
    let vmpl = snp.rule("vmpl");
    let debug = snp.permission("debug");
    let migration_agent = snp.permission("migration_agent");
    let measurement = snp.rule("measurement");
    let host_data = snp.rule("host_data");
    let family_id = snp.rule("family_id");
    let image_id = snp.rule("image_id");
    let guest_svn = snp.rule("guest_svn");
    let id_key_digest = snp.rule("id_key_digest");
    let author_key_digest = snp.rule("author_key_digest");
    let masked_chip_id = snp.permission("masked_chip_id");
    let provisional_firmware = snp.permission("provisional_firmware");
    let reported_below_current = snp.permission("reported_below_current");
    let words = [
        ("required", Revocation::Required),
        ("when-given", Revocation::WhenGiven),
    ];
    let revocation = snp.word("revocation", &words);
    let vlek = snp.section_or_refuse("vlek").and_then(vlek);
    let guest_policy = snp.section("guest_policy").and_then(guest_policy);
    let platform = snp.section("platform_info").and_then(platform_info);
    let products = snp.section("products").and_then(product::read_all);
    snp.finish();
    Some(SnpPolicy {
        products: products?,
        vmpl: vmpl?,
        debug: debug?,
        migration_agent: migration_agent?,
        guest_policy: guest_policy?,
        platform: platform?,
        measurement: measurement?,
        host_data: host_data?,
        family_id: family_id?,
        image_id: image_id?,
        guest_svn: guest_svn?,
        id_key_digest: id_key_digest?,
        author_key_digest: author_key_digest?,
        masked_chip_id: masked_chip_id?,
        provisional_firmware: provisional_firmware?,
        reported_below_current: reported_below_current?,
        vlek: vlek?,
        revocation: revocation?,
    })
}

fn vlek(found: Option<Section<'_>>) -> Option<Vlek> {
    let Some(mut vlek) = found else {
        return Some(Vlek::Refused);
    };
    let (names, tier) = (vlek.rule("csp_ids"), vlek.tier());
    vlek.finish();
    Some(Vlek::Provider {
        names: names?,
        tier: tier?,
    })
}

fn guest_policy(mut bits: Section<'_>) -> Option<GuestPolicyRules> {
    let smt_allowed = bits.rule("smt_allowed");
    let single_socket = bits.rule("single_socket");
    let cxl_allowed = bits.rule("cxl_allowed");
    let mem_aes_256_xts = bits.rule("mem_aes_256_xts");
    let rapl_disabled = bits.rule("rapl_disabled");
    let ciphertext_hiding = bits.rule("ciphertext_hiding");
    let page_swap_disabled = bits.rule("page_swap_disabled");
    bits.finish();
    Some(GuestPolicyRules {
        smt_allowed: smt_allowed?,
        single_socket: single_socket?,
        cxl_allowed: cxl_allowed?,
        mem_aes_256_xts: mem_aes_256_xts?,
        rapl_disabled: rapl_disabled?,
        ciphertext_hiding: ciphertext_hiding?,
        page_swap_disabled: page_swap_disabled?,
    })
}

fn platform_info(mut bits: Section<'_>) -> Option<PlatformRules> {
    let smt_enabled = bits.rule("smt_enabled");
    let tsme_enabled = bits.rule("tsme_enabled");
    let ecc_enabled = bits.rule("ecc_enabled");
    let rapl_disabled = bits.rule("rapl_disabled");
    let ciphertext_hiding_enabled = bits.rule("ciphertext_hiding_enabled");
    let alias_check_complete = bits.rule("alias_check_complete");
    let tio_enabled = bits.rule("tio_enabled");
    let unknown_bits = bits.permission("unknown_bits");
    bits.finish();
    Some(PlatformRules {
        smt_enabled: smt_enabled?,
        tsme_enabled: tsme_enabled?,
        ecc_enabled: ecc_enabled?,
        rapl_disabled: rapl_disabled?,
        ciphertext_hiding_enabled: ciphertext_hiding_enabled?,
        alias_check_complete: alias_check_complete?,
        tio_enabled: tio_enabled?,
        unknown_bits: unknown_bits?,
    })
}
