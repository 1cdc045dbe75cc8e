//! The rules of the house that a machine can check: layers, purity, sizes, and documents that agree with the code.
//!
//! Every rule is a small function over parsed text, with a test of its own that shows that it can fail.
//! An exception stands in a table beside its rule, with its reason; one that is no longer needed fails too.

mod documents;
mod layers;
mod names;
mod purity;
mod sizes;
mod source;
mod tree;

use std::sync::LazyLock;

use tree::Tree;

static TREE: LazyLock<Tree> = LazyLock::new(Tree::load);

/// Fails with one line per violation: where it is, which rule it breaks, what to do.
fn none<const RULES: usize>(violations: &[Vec<String>; RULES]) {
    let violations = violations.concat();
    let text = violations.join("\n");
    assert!(violations.is_empty(), "\n{text}\n{} violation(s)", violations.len());
}

#[test]
fn modules_import_only_what_is_below_them() {
    none(&[TREE.each(layers::import_violations), layers::unused_exceptions(&TREE.sources)]);
}

#[test]
fn modules_form_no_cycle() {
    none(&[layers::cycle_violations(&TREE.sources)]);
}

#[test]
fn leaves_do_not_call_their_parents() {
    none(&[layers::leaf_violations(&TREE.sources)]);
}

#[test]
fn below_the_drivers_the_outside_world_does_not_exist() {
    none(&[TREE.each(purity::world_violations), purity::unused_exceptions(&TREE.sources)]);
}

#[test]
fn code_keeps_to_the_words_of_the_house() {
    none(&[
        TREE.each(purity::word_violations),
        purity::manifest_violations(&tree::expect("Cargo.toml")),
    ]);
}

#[test]
fn files_and_functions_fit_their_sizes() {
    none(&[
        sizes::size_violations(&TREE.sources, sizes::EXCEPTIONS),
        sizes::width_violations(&TREE.sources, sizes::WIDE),
        TREE.each(sizes::doc_violations),
    ]);
}

#[test]
fn the_readme_agrees_with_the_package() {
    let Some(readme) = tree::read("README.md") else {
        return println!("skipped: there is no README.md yet");
    };
    none(&[
        documents::version_violations(&tree::expect("Cargo.toml"), &readme),
        documents::command_violations(&readme, &tree::expect(".ci/run")),
    ]);
}

#[test]
fn every_page_is_linked_and_every_link_leads_somewhere() {
    let pages = tree::pages();
    if !pages.contains_key("README.md") {
        return println!("skipped: there is no README.md yet");
    }
    none(&[
        documents::orphan_violations(&pages),
        documents::link_violations(&pages, |target| tree::root().join(target).exists()),
    ]);
}

#[test]
fn every_cited_requirement_exists() {
    let Some(protocol) = tree::read("docs/PROTOCOL.md") else {
        return println!("skipped: there is no docs/PROTOCOL.md yet");
    };
    none(&[documents::requirement_violations(
        &protocol,
        &tree::rust_files(&["src", "tests", "fuzz"]),
    )]);
}

#[test]
fn the_top_level_holds_only_what_belongs_there() {
    none(&[documents::top_level_violations(&tree::names(""))]);
}
