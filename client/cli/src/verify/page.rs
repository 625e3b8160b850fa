//! The verdict as one page to attach to a ticket: no scripts, nothing from elsewhere, readable on
//! a screen of any width and on paper.

mod html;
mod tables;

use boop_verifier::Outcome;

use super::sheet::{LevelPart, Sheet, Tone};
use html::Html;

/// What the page looks like.
const STYLE: &str = include_str!("page/style.css");

/// Forbids the page to load or run anything, should a browser ever see a reason to.
const HEAD: &str = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
    <meta http-equiv=\"Content-Security-Policy\" \
    content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
    <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
    <meta name=\"color-scheme\" content=\"light dark\">\n<title>";

/// Renders the page.
pub(super) fn render(sheet: &Sheet) -> String {
    let mut html = Html::default();
    let word = if sheet.accepted {
        "Accepted"
    } else {
        "Refused"
    };
    html.markup(HEAD).text(word).text(": ").text(&sheet.subject);
    html.markup("</title>\n<style>\n").markup(STYLE);
    html.markup("</style>\n</head>\n<body>\n<main>\n");
    banner(&mut html, sheet, word);
    cards(&mut html, &sheet.levels);
    refusal(&mut html, sheet);
    conclusions(&mut html, sheet);
    remarks(&mut html, sheet);
    tables::steps(&mut html, &sheet.levels);
    tables::groups(&mut html, &sheet.groups);
    tables::chain(&mut html, &sheet.chain);
    tables::sources(&mut html, &sheet.sources);
    repeat(&mut html, sheet);
    html.markup("</main>\n</body>\n</html>\n");
    html.finish()
}

fn banner(html: &mut Html, sheet: &Sheet, word: &str) {
    html.markup(if sheet.accepted {
        "<header class=\"banner good\">\n"
    } else {
        "<header class=\"banner bad\">\n"
    });
    html.element("<p class=\"kicker\">", &sheet.subject, "</p>");
    html.element("<h1>", word, "</h1>");
    let summary = sheet.summary.split_once(": ");
    html.element(
        "<p class=\"summary\">",
        &sentence(summary.map_or(&sheet.summary, |(_, rest)| rest)),
        "</p>",
    );
    html.markup("<dl>\n");
    pair(html, "Evidence", &sheet.origin);
    pair(html, "Policy", &sheet.policy);
    if let Some(tier) = sheet.tier {
        pair(html, "Trust tier", tier);
    }
    pair(html, "Judged as of", &sheet.judged_at);
    pair(html, "Judged by", &sheet.tool);
    html.markup("</dl>\n</header>\n");
}

fn pair(html: &mut Html, name: &str, value: &str) {
    html.element("<div><dt>", name, "</dt>");
    html.element("<dd>", value, "</dd></div>");
}

fn cards(html: &mut Html, levels: &[LevelPart]) {
    html.markup("<section class=\"cards\" aria-label=\"The three results\">\n");
    for level in levels {
        html.markup(match level.tone {
            Tone::Good => "<article class=\"card good\">\n",
            Tone::Bad => "<article class=\"card bad\">\n",
            Tone::Open | Tone::Plain => "<article class=\"card open\">\n",
        });
        html.element("<h2>", level.name, "</h2>");
        html.element("<p class=\"question\">", level.question, "</p>");
        html.element("<p class=\"result\">", level.result, "</p>");
        html.element("<p>", &level.meaning, "</p>");
        html.element("<p class=\"count\">", &count(level), "</p>");
        html.markup("</article>\n");
    }
    html.markup("</section>\n");
}

fn count(level: &LevelPart) -> String {
    let of = |outcome| {
        level
            .steps
            .iter()
            .filter(|step| step.outcome == outcome)
            .count()
    };
    let mut parts = vec![format!("{} passed", of(Outcome::Pass))];
    for (outcome, word) in [(Outcome::Fail, "failed"), (Outcome::NotChecked, "open")] {
        match of(outcome) {
            0 => {}
            number => parts.push(format!("{number} {word}")),
        }
    }
    parts.join(", ")
}

fn refusal(html: &mut Html, sheet: &Sheet) {
    let failed = || {
        let steps = sheet.levels.iter().flat_map(|level| &level.steps);
        steps.filter(|step| step.outcome == Outcome::Fail)
    };
    if failed().next().is_none() {
        return;
    }
    html.markup("<section>\n<h2>Why it is refused</h2>\n<ul class=\"reasons\">\n");
    for step in failed() {
        html.element("<li><strong>Not shown: ", &step.title, "</strong>");
        html.markup("<span class=\"dim\">(check ");
        html.text(&step.number.to_string()).markup(")</span>\n");
        for (code, meaning) in &step.reasons {
            html.element("<p><code>", code, "</code>").text(meaning);
            html.markup("</p>\n");
        }
        html.markup("</li>\n");
    }
    html.markup("</ul>\n</section>\n");
}

fn conclusions(html: &mut Html, sheet: &Sheet) {
    html.markup("<section class=\"columns\">\n<div>\n<h2>What this verdict proves</h2>\n<ul>\n");
    for line in &sheet.proves {
        html.element("<li>", line, "</li>");
    }
    html.markup("</ul>\n</div>\n<div>\n<h2>What it does not prove</h2>\n<ul>\n");
    for line in &sheet.proves_not {
        html.element("<li>", line, "</li>");
    }
    html.markup("</ul>\n</div>\n</section>\n");
}

fn remarks(html: &mut Html, sheet: &Sheet) {
    if !sheet.flags.is_empty() {
        html.markup("<section>\n<h2>Worth a look</h2>\n");
        html.markup("<p class=\"about\">Flags refuse nothing by themselves.</p>\n<ul>\n");
        for (code, meaning) in &sheet.flags {
            html.element("<li><code>", code, "</code>");
            html.text(meaning).markup("</li>\n");
        }
        html.markup("</ul>\n</section>\n");
    }
    if !sheet.notes.is_empty() {
        html.markup("<section>\n<h2>Notes</h2>\n<ul>\n");
        for note in &sheet.notes {
            html.element("<li>", &sentence(note), "</li>");
        }
        html.markup("</ul>\n</section>\n");
    }
}

fn repeat(html: &mut Html, sheet: &Sheet) {
    html.markup("<section>\n<h2>The same again, offline</h2>\n<p class=\"about\">");
    html.markup("With the files above, this gives the same verdict on any machine.</p>\n");
    html.element("<pre><code>", &sheet.command, "</code></pre>");
    html.markup("</section>\n");
}

/// Starts text with a capital and ends it with a full stop.
fn sentence(text: &str) -> String {
    let mut sentence = tables::capital(text);
    if !sentence.ends_with('.') {
        sentence.push('.');
    }
    sentence
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::input::Source;
    use crate::verify::sheet::{Certificate, Field, Group, StepPart};

    const HOSTILE: &str = "</style></title><script>alert(1)</script><img src=x onerror='y'>\"&";

    fn hostile() -> String {
        HOSTILE.into()
    }

    /// A sheet in which every text that can come from outside is hostile.
    fn sheet() -> Sheet {
        Sheet {
            accepted: false,
            summary: format!("refused: {HOSTILE}"),
            subject: hostile(),
            origin: hostile(),
            policy: hostile(),
            tier: None,
            judged_at: hostile(),
            levels: vec![LevelPart {
                name: "Authentic",
                question: "Did genuine hardware make it?",
                result: "no",
                tone: Tone::Bad,
                meaning: hostile(),
                steps: vec![StepPart {
                    number: 1,
                    title: hostile(),
                    outcome: Outcome::Fail,
                    detail: hostile(),
                    why: hostile(),
                    reasons: vec![(hostile(), hostile())],
                }],
            }],
            groups: vec![Group {
                title: "What runs",
                about: "About.",
                fields: vec![Field {
                    name: hostile(),
                    value: hostile(),
                    meaning: hostile(),
                    tone: Tone::Bad,
                }],
            }],
            chain: vec![Certificate {
                part: "root",
                subject: hostile(),
                issuer: hostile(),
                serial: hostile(),
                from: hostile(),
                until: hostile(),
                sha256: hostile(),
            }],
            flags: vec![(hostile(), hostile())],
            notes: vec![hostile()],
            proves: vec![hostile()],
            proves_not: vec![hostile()],
            sources: vec![Source::of("evidence", HOSTILE, b"")],
            command: hostile(),
            tool: hostile(),
        }
    }

    #[test]
    fn no_text_from_outside_becomes_markup() {
        let page = render(&sheet());

        assert!(
            !page.contains("<script") && !page.contains("<img"),
            "{page}"
        );
        assert!(!page.contains("onerror='"));
        assert_eq!(page.matches("</style>").count(), 1);
        assert_eq!(page.matches("</title>").count(), 1);
        assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    }

    #[test]
    fn a_note_reads_as_a_sentence() {
        assert_eq!(sentence("took it"), "Took it.");
        assert_eq!(sentence("Done."), "Done.");
        assert_eq!(sentence(""), ".");
    }
}
