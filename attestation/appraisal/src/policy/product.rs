//! The tables under `[snp.products]`: what each product must reach.

use boop_verifier::{Floor, Floors, Product, ProductPolicy, Rule, TcbRules};

use super::{
    problem::ProblemKind,
    section::Section,
    value::{DATE_EXPECTED, MASK_EXPECTED, Plain, date, describe, mask},
};

/// Gives the name of a product in a file.
pub(super) fn name(product: Product) -> &'static str {
    match product {
        Product::Milan => "milan",
        Product::Genoa => "genoa",
        Product::SienaBergamo => "siena-bergamo",
        Product::Turin => "turin",
    }
}

/// Says whether firmware levels of a product have an FMC component.
pub(super) fn has_fmc(product: Product) -> bool {
    match product {
        Product::Turin => true,
        Product::Milan | Product::Genoa | Product::SienaBergamo => false,
    }
}

/// Reads all four; a product that is refused is left out of the list.
pub(super) fn read_all(mut products: Section<'_>) -> Option<Vec<ProductPolicy>> {
    let each = Product::ALL.map(|product| match products.section_or_refuse(name(product))? {
        None => Some(None),
        Some(section) => read(section, product).map(Some),
    });
    products.finish();
    let each: Option<Vec<_>> = each.into_iter().collect();
    Some(each?.into_iter().flatten().collect())
}

fn read(mut section: Section<'_>, product: Product) -> Option<ProductPolicy> {
    let tier = section.tier();
    let chips = section.rule("chips");
    if product == Product::Milan && chips == Some(Rule::Any) {
        section.refuse("chips", ProblemKind::MilanAnyChip);
    }
    let fleet_keys = section.permission("fleet_keys");
    let launch_mitigations = section.open_or("launch_mitigations", MASK_EXPECTED, mask);
    let current_mitigations = section.open_or("current_mitigations", MASK_EXPECTED, mask);
    let floors = floors(&mut section, product);
    section.finish();
    Some(ProductPolicy {
        product,
        tier: tier?,
        floors: floors?,
        launch_mitigations: launch_mitigations?,
        current_mitigations: current_mitigations?,
        chips: chips?,
        fleet_keys: fleet_keys?,
    })
}

fn floors(section: &mut Section<'_>, product: Product) -> Option<Floors> {
    let Some(each) = section.sections_or_any("floors")? else {
        return Some(Floors::Any);
    };
    if each.is_empty() {
        section.refuse("floors", ProblemKind::FloorsEmpty);
        return None;
    }
    let read: Vec<_> = each
        .into_iter()
        .map(|section| floor(section, product))
        .collect();
    let read = read.into_iter().collect::<Option<Vec<_>>>()?;
    let pairs = read.iter().zip(read.iter().skip(1));
    for (index, _) in pairs
        .enumerate()
        .filter(|(_, (earlier, later))| later.since <= earlier.since)
    {
        let name = format!("floors[{}].since", index + 1);
        section.refuse(&name, ProblemKind::FloorNotLater);
    }
    Some(Floors::Dated(read))
}

fn floor(mut section: Section<'_>, product: Product) -> Option<Floor> {
    let since = section.must("since", DATE_EXPECTED, date);
    let bulletins = section.must("bulletins", "a list of texts, [] for none", |value| {
        let list = value.as_array().ok_or_else(|| describe(value))?;
        list.iter().map(String::read).collect::<Result<Vec<_>, _>>()
    });
    let reported = section
        .section("reported")
        .and_then(|level| tcb(level, product));
    let committed = section
        .section("committed")
        .and_then(|level| tcb(level, product));
    let launch = section
        .section("launch")
        .and_then(|level| tcb(level, product));
    section.finish();
    Some(Floor {
        since: since?,
        bulletins: bulletins?,
        reported: reported?,
        committed: committed?,
        launch: launch?,
    })
}

fn tcb(mut level: Section<'_>, product: Product) -> Option<TcbRules> {
    let fmc = match has_fmc(product) {
        true => level.component("fmc"),
        false => Some(Rule::Any),
    };
    let bootloader = level.component("bootloader");
    let tee = level.component("tee");
    let snp = level.component("snp");
    let microcode = level.component("microcode");
    level.finish();
    Some(TcbRules {
        fmc: fmc?,
        bootloader: bootloader?,
        tee: tee?,
        snp: snp?,
        microcode: microcode?,
    })
}
