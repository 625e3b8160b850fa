//! What holds for functions: their length, their names, and what they never call.

use proc_macro2::Span;
use syn::visit::{self, Visit};
use syn::{Attribute, Block, Meta, Signature};

use crate::sources::{Source, assert_none, rust};

const FUNCTION_LINES_MAX: usize = 70;

/// The folders where unsafe code may stand.
const UNSAFE_FOLDERS: [&str; 3] = ["mpc/kernel/", "enclave/platform/", "hsm/"];

#[test]
fn a_function_fits_a_screen() {
    let is_long = |file: &Source| file.lines_without_tests() > FUNCTION_LINES_MAX;
    let offenders = findings(is_long, |finding| match finding {
        Finding::Function { lines, name } if *lines > FUNCTION_LINES_MAX => {
            Some(format!("{name}, {lines} lines"))
        }
        _ => None,
    });

    assert_none("functions over 70 lines", &offenders);
}

#[test]
fn nothing_unwraps_or_is_left_undone_outside_tests() {
    let words = [".unwrap()", "todo!", "unimplemented!"];
    let has_word = |file: &Source| {
        let text = file.text_without_tests();
        words.iter().any(|word| text.contains(word))
    };
    let offenders = findings(has_word, |finding| match finding {
        Finding::Unwrap => Some("unwrap()".to_owned()),
        Finding::Undone(name) => Some(format!("{name}!")),
        _ => None,
    });

    assert_none("unwrap, todo or unimplemented outside tests", &offenders);
}

#[test]
fn unsafe_code_stands_where_it_may() {
    let has_word = |file: &Source| file.text.contains("unsafe");
    let offenders = findings(has_word, |finding| match finding {
        Finding::Unsafe => Some("unsafe".to_owned()),
        _ => None,
    });
    let stray = offenders.into_iter().filter(|place| {
        let mut folders = UNSAFE_FOLDERS.iter();
        !folders.any(|folder| place.starts_with(folder))
    });

    let rule = "unsafe code outside mpc/kernel, enclave/platform and hsm";
    assert_none(rule, &stray.collect::<Vec<_>>());
}

#[test]
fn a_test_is_named_by_what_it_shows() {
    let prefix = concat!("fn te", "st_");
    let named = rust().into_iter().filter(|file| {
        let lines = file.text.lines().map(str::trim_start);
        lines
            .map(|line| line.trim_start_matches("async "))
            .any(|line| line.starts_with(prefix))
    });
    let offenders: Vec<_> = named.map(|file| file.path).collect();

    assert_none("tests named test_...: say what holds", &offenders);
}

#[test]
fn the_search_sees_what_it_looks_for() {
    let text = "fn a() { b.unwrap(); todo!() }\n\
                #[test]\nfn c() { b.unwrap() }\n\
                #[cfg(test)]\nmod d { fn e() { b.unwrap() } }\n\
                fn f() { unsafe { g() } }\n";
    let search = Search::of(&syn::parse_file(text).expect("it is Rust"), false);

    let function = |name: &str| Finding::Function {
        name: name.to_owned(),
        lines: 1,
    };
    let expected = [
        (1, function("a")),
        (1, Finding::Unwrap),
        (1, Finding::Undone("todo".to_owned())),
        (6, function("f")),
        (6, Finding::Unsafe),
    ];
    assert_eq!(search.found, expected);
}

#[test]
fn modules_of_tests_are_found_with_what_is_inside() {
    let (path, text) = (
        "a/src/b.rs".to_owned(),
        "#[cfg(test)]\nmod c;\nmod d;\n".to_owned(),
    );
    let modules = modules_of_tests(&[Source { path, text }]);

    assert!(is_inside("a/src/b/c.rs", &modules) && is_inside("a/src/b/c/e.rs", &modules));
    assert!(!is_inside("a/src/b/d.rs", &modules) && !is_inside("a/src/b/cc.rs", &modules));
}

/// Something that a rule may judge.
#[derive(Debug, PartialEq, Eq)]
enum Finding {
    /// A function outside tests.
    Function { name: String, lines: usize },
    /// `unwrap()` outside tests.
    Unwrap,
    /// `todo!` or `unimplemented!` outside tests.
    Undone(String),
    /// An unsafe block, function or implementation, wherever it is.
    Unsafe,
}

/// Gives, with their places, the findings that `judge` names, in the files that may hold them:
/// parsing all takes a while.
fn findings(
    may_hold: impl Fn(&Source) -> bool,
    judge: impl Fn(&Finding) -> Option<String>,
) -> Vec<String> {
    let files = rust();
    let modules = modules_of_tests(&files);
    let mut offenders = vec![];
    for file in files.iter().filter(|file| may_hold(file)) {
        let in_test = file.is_test() || is_inside(&file.path, &modules);
        for (line, finding) in Search::of(&parse(file), in_test).found {
            let named = judge(&finding);
            offenders.extend(named.map(|name| format!("{}:{line}: {name}", file.path)));
        }
    }
    offenders
}

fn parse(file: &Source) -> syn::File {
    let parsed = syn::parse_file(&file.text);
    assert!(parsed.is_ok(), "{} is not Rust", file.path);
    parsed.expect("it was just found to be Rust")
}

/// The modules in files of their own that are compiled for tests alone: paths without `.rs`.
fn modules_of_tests(files: &[Source]) -> Vec<String> {
    let mut modules = vec![];
    for file in files {
        let folder = file.path.strip_suffix(file.name()).unwrap_or_default();
        let stem = file.name().trim_end_matches(".rs");
        let declared = file.text.split("#[cfg(test)]").skip(1);
        for name in declared.filter_map(declared_module) {
            modules.push(format!("{folder}{name}"));
            modules.push(format!("{folder}{stem}/{name}"));
        }
    }
    modules
}

/// The name in `mod name;`, if that is what a text begins with.
fn declared_module(text: &str) -> Option<&str> {
    let line = text.trim_start().lines().next()?;
    let (_, name) = line.strip_suffix(';')?.split_once("mod ")?;
    Some(name)
}

/// Whether a file is one of the modules, or a module within one.
fn is_inside(path: &str, modules: &[String]) -> bool {
    let rests = modules
        .iter()
        .filter_map(|module| path.strip_prefix(module.as_str()));
    let mut rests = rests.filter(|rest| *rest == ".rs" || rest.starts_with('/'));
    rests.next().is_some()
}

/// A walk over one file.
struct Search {
    /// Whether the code at hand is compiled for tests alone.
    in_test: bool,
    /// What was found, with its line.
    found: Vec<(usize, Finding)>,
}

impl Search {
    fn of(file: &syn::File, in_test: bool) -> Self {
        let mut search = Self {
            in_test,
            found: vec![],
        };
        search.visit_file(file);
        search
    }

    fn add(&mut self, place: Span, finding: Finding) {
        self.found.push((place.start().line, finding));
    }

    fn add_outside_tests(&mut self, place: Span, finding: Finding) {
        if !self.in_test {
            self.add(place, finding);
        }
    }

    fn function(&mut self, attributes: &[Attribute], signature: &Signature, block: &Block) {
        let name = signature.ident.to_string();
        let place = signature.fn_token.span;
        let lines = block.brace_token.span.close().end().line - place.start().line + 1;
        if !is_test(attributes) {
            self.add_outside_tests(place, Finding::Function { name, lines });
        }
        if signature.unsafety.is_some() {
            self.add(place, Finding::Unsafe);
        }
    }

    /// Walks on inside an item that has these attributes.
    fn inside(&mut self, attributes: &[Attribute], walk: impl FnOnce(&mut Self)) {
        let outside = self.in_test;
        self.in_test |= is_test(attributes);
        walk(self);
        self.in_test = outside;
    }
}

impl<'ast> Visit<'ast> for Search {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.attrs, &item.sig, &item.block);
        self.inside(&item.attrs, |search| visit::visit_item_fn(search, item));
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.attrs, &item.sig, &item.block);
        self.inside(&item.attrs, |search| {
            visit::visit_impl_item_fn(search, item)
        });
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.function(&item.attrs, &item.sig, block);
        }
        self.inside(&item.attrs, |search| {
            visit::visit_trait_item_fn(search, item)
        });
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.inside(&item.attrs, |search| visit::visit_item_mod(search, item));
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if let Some(unsafety) = &item.unsafety {
            self.add(unsafety.span, Finding::Unsafe);
        }
        self.inside(&item.attrs, |search| visit::visit_item_impl(search, item));
    }

    fn visit_expr_unsafe(&mut self, block: &'ast syn::ExprUnsafe) {
        self.add(block.unsafe_token.span, Finding::Unsafe);
        visit::visit_expr_unsafe(self, block);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if call.method == "unwrap" && call.args.is_empty() {
            self.add_outside_tests(call.method.span(), Finding::Unwrap);
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        let name = call.path.segments.last().map(|segment| &segment.ident);
        if let Some(name) = name.filter(|name| *name == "todo" || *name == "unimplemented") {
            self.add_outside_tests(name.span(), Finding::Undone(name.to_string()));
        }
        visit::visit_macro(self, call);
    }
}

/// Whether an item is a test, or compiled for tests alone.
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::Path(path) => path
            .segments
            .last()
            .is_some_and(|last| last.ident == "test"),
        Meta::List(list) if list.path.is_ident("cfg") => {
            let condition = list.tokens.to_string();
            condition == "test"
                || condition.starts_with("all (test")
                || condition.starts_with("all(test")
        }
        Meta::List(list) => list
            .path
            .segments
            .last()
            .is_some_and(|last| last.ident == "test"),
        Meta::NameValue(_) => false,
    })
}
