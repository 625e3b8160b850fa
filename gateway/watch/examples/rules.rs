//! Prints the page of all rules: `docs/intrusion.md`.

fn main() {
    print!("{}", boop_watch::page());
}
