//! The parts of the page that are tables.

use boop_verifier::Outcome;

use super::html::Html;
use crate::verify::input::Source;
use crate::verify::sheet::{Certificate, Field, Group, LevelPart, StepPart, Tone};

/// Characters from which on a value of hexadecimal digits is shown as such.
const HEX_CHARACTERS_MIN: usize = 16;

/// Lists every check by level.
pub(super) fn steps(html: &mut Html, levels: &[LevelPart]) {
    html.markup("<section>\n<h2>Every check, in order</h2>\n<p class=\"about\">");
    html.markup("Pass: compared and found so. Fail: compared and found otherwise. ");
    html.markup("Open: nothing to compare with, or left open by the policy.</p>\n");
    for level in levels.iter().filter(|level| !level.steps.is_empty()) {
        html.markup("<h3>")
            .text(level.name)
            .markup(" <span class=\"dim\">");
        html.text(level.question).markup("</span></h3>\n");
        html.markup("<table class=\"steps\">\n<thead><tr><th>No.</th><th>Outcome</th>");
        html.markup("<th>What should hold, and why</th><th>What was compared</th></tr></thead>\n");
        html.markup("<tbody>\n");
        level.steps.iter().for_each(|each| step(html, each));
        html.markup("</tbody>\n</table>\n");
    }
    html.markup("</section>\n");
}

fn step(html: &mut Html, step: &StepPart) {
    html.element(
        "<tr><td class=\"number\">",
        &step.number.to_string(),
        "</td>",
    );
    html.markup(match step.outcome {
        Outcome::Pass => "<td><span class=\"mark good\">pass</span></td>\n",
        Outcome::Fail => "<td><span class=\"mark bad\">FAIL</span></td>\n",
        Outcome::NotChecked => "<td><span class=\"mark open\">open</span></td>\n",
    });
    html.element("<td><strong>", &capital(&step.title), "</strong>");
    html.element("<span class=\"dim\">", &step.why, "</span></td>");
    html.element(
        "<td><span class=\"label\">Compared: </span>",
        &step.detail,
        "",
    );
    for (code, meaning) in &step.reasons {
        html.element("<p class=\"reason\"><code>", code, "</code>");
        html.text(meaning).markup("</p>\n");
    }
    html.markup("</td></tr>\n");
}

/// Lists what the evidence says.
pub(super) fn groups(html: &mut Html, groups: &[Group]) {
    if groups.is_empty() {
        return;
    }
    html.markup("<section>\n<h2>What the evidence says</h2>\n");
    for group in groups {
        html.element("<h3>", group.title, "</h3>");
        html.element("<p class=\"about\">", group.about, "</p>");
        html.markup("<table class=\"fields\">\n<thead><tr><th>Field</th><th>Value</th>");
        html.markup("<th>Meaning</th></tr></thead>\n<tbody>\n");
        group.fields.iter().for_each(|each| field(html, each));
        html.markup("</tbody>\n</table>\n");
    }
    html.markup("</section>\n");
}

fn field(html: &mut Html, field: &Field) {
    html.element("<tr><th scope=\"row\">", &field.name, "</th>");
    html.markup(match field.tone {
        Tone::Bad => "<td class=\"bad\">",
        Tone::Open => "<td class=\"open\">",
        Tone::Good | Tone::Plain => "<td>",
    });
    value(html, &field.value);
    html.markup("</td>");
    html.element("<td class=\"dim\">", &field.meaning, "</td></tr>");
}

fn value(html: &mut Html, value: &str) {
    let hex = value.len() >= HEX_CHARACTERS_MIN && value.chars().all(|c| c.is_ascii_hexdigit());
    if hex {
        html.markup("<code>").digits(value).markup("</code>");
    } else {
        html.text(value);
    }
}

/// Lists the certificates.
pub(super) fn chain(html: &mut Html, chain: &[Certificate]) {
    if chain.is_empty() {
        return;
    }
    html.markup("<section>\n<h2>Certificates</h2>\n<p class=\"about\">From the signing ");
    html.markup("key up to the root.</p>\n");
    for certificate in chain {
        html.markup("<table class=\"certificate\">\n<tbody>\n");
        let life = format!("{} to {}", certificate.from, certificate.until);
        let rows = [
            ("Part", capital(certificate.part)),
            ("Subject", certificate.subject.clone()),
            ("Issued by", certificate.issuer.clone()),
            ("Serial", certificate.serial.clone()),
            (
                "Valid",
                if certificate.serial.is_empty() {
                    String::new()
                } else {
                    life
                },
            ),
            ("SHA-256", certificate.sha256.clone()),
        ];
        for (name, text) in rows.iter().filter(|(_, text)| !text.is_empty()) {
            html.element("<tr><th scope=\"row\">", name, "</th>");
            html.markup("<td>");
            value(html, text);
            html.markup("</td></tr>\n");
        }
        html.markup("</tbody>\n</table>\n");
    }
    html.markup("</section>\n");
}

/// Lists the byte strings that the verdict rests on.
pub(super) fn sources(html: &mut Html, sources: &[Source]) {
    html.markup("<section>\n<h2>The bytes that it rests on</h2>\n<p class=\"about\">");
    html.markup("Compare with sha256sum to tie this page to files.</p>\n<table class=\"fields\">");
    html.markup("\n<thead><tr><th>What</th><th>SHA-256</th><th>From</th></tr></thead>\n<tbody>\n");
    for source in sources {
        html.element("<tr><th scope=\"row\">", &capital(source.what), "</th>");
        html.markup("<td>");
        value(html, &source.sha256);
        html.markup("</td>");
        let from = format!("{} ({} bytes)", source.from, source.bytes);
        html.element("<td class=\"dim\">", &from, "</td></tr>");
    }
    html.markup("</tbody>\n</table>\n</section>\n");
}

/// Starts text with a capital.
pub(super) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first: String = letters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .collect();
    first + letters.as_str()
}
