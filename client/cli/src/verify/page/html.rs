//! HTML that nobody's text can break out of: markup comes from this program's source alone.

/// Digits between two places where a line may break.
const GROUP: usize = 8;
/// Bytes of the longest word that is kept on one line as an option.
const OPTION_BYTES_MAX: usize = 32;

/// HTML in the making.
#[derive(Debug, Default)]
pub(super) struct Html(String);

impl Html {
    /// Adds markup. It is part of the program, so nothing that the evidence says gets here.
    pub(super) fn markup(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Adds text, escaped for content and for quoted attributes.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                c => self.0.push(c),
            }
        }
        self
    }

    /// Adds hexadecimal digits in groups, between which lines may break.
    pub(super) fn digits(&mut self, digits: &str) -> &mut Self {
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && index % GROUP == 0 {
                self.markup("<wbr>");
            }
            self.text(digit.encode_utf8(&mut [0; 4]));
        }
        self
    }

    /// Adds text in which options of the command line do not break.
    fn prose(&mut self, text: &str) -> &mut Self {
        for (index, word) in text.split(' ').enumerate() {
            if index > 0 {
                self.markup(" ");
            }
            if word.contains("--") && word.len() <= OPTION_BYTES_MAX {
                self.markup("<span class=\"option\">")
                    .text(word)
                    .markup("</span>");
            } else {
                self.text(word);
            }
        }
        self
    }

    /// Adds an element that holds text. The tag may carry attributes.
    pub(super) fn element(
        &mut self,
        open: &'static str,
        text: &str,
        close: &'static str,
    ) -> &mut Self {
        self.markup(open).prose(text).markup(close).markup("\n")
    }

    /// Gives the page.
    pub(super) fn finish(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup_or_leave_an_attribute() {
        let mut html = Html::default();

        html.markup("<p title=\"").text("a\" b='c'").markup("\">");
        html.text("<script>x & y</script>").markup("</p>");

        assert_eq!(
            html.finish(),
            "<p title=\"a&quot; b=&#39;c&#39;\">&lt;script&gt;x &amp; y&lt;/script&gt;</p>"
        );
    }

    #[test]
    fn digits_break_in_groups_and_options_do_not_break() {
        let mut html = Html::default();

        html.digits("0123456789abcdef01");
        html.element("<p>", "give (--nonce <x>)", "</p>");

        assert_eq!(
            html.finish(),
            "01234567<wbr>89abcdef<wbr>01<p>give <span class=\"option\">(--nonce</span> \
             &lt;x&gt;)</p>\n"
        );
    }
}
