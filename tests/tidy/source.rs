//! What one source file says: the paths it names, its functions, how long they are, which parts are tests.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

use crate::names::{self, Named};

/// One parsed file of `src/`.
#[derive(Debug)]
pub(crate) struct Source {
    /// Where it is, from the root of the repository: `src/wire/ack.rs`.
    pub(crate) file: String,
    pub(crate) text: String,
    /// The module it holds, from the crate's root: `["wire", "ack"]`; nothing for `lib.rs`.
    pub(crate) module: Vec<String>,
    /// Whether all of it is test code.
    pub(crate) is_test: bool,
    /// Every path and macro outside its tests.
    pub(crate) names: Vec<Named>,
    /// The same within its tests.
    pub(crate) test_names: Vec<Named>,
    /// Every function with a body outside its tests.
    pub(crate) functions: Vec<Function>,
    /// The functions and machines that it declares at its top: see `layers::leaf_violations`.
    pub(crate) decisions: BTreeSet<String>,
    /// The types that it has `impl` blocks for.
    pub(crate) implements: BTreeSet<String>,
    /// Modules that exist only in tests and lie in files of their own.
    pub(crate) test_modules: Vec<Vec<String>>,
    /// How many lines of code it has outside its tests: no blank lines, no comments, no docs.
    pub(crate) lines: usize,
}

/// A function with a body.
#[derive(Debug, PartialEq)]
pub(crate) struct Function {
    /// With its type, if it has one: `Rng::fork`.
    pub(crate) name: String,
    pub(crate) line: usize,
    /// How many lines of code it has, from its signature to its closing brace.
    pub(crate) lines: usize,
}

impl Source {
    /// Parses `text`, which lies at `file`.
    pub(crate) fn parse(file: &str, text: &str) -> Self {
        Self::parse_as(file, text, file.ends_with("/tests.rs") || file.contains("/tests/"))
    }

    /// Parses a file that is a test although its name does not say so.
    pub(crate) fn parse_test(file: &str, text: &str) -> Self {
        Self::parse_as(file, text, true)
    }

    fn parse_as(file: &str, text: &str, is_test: bool) -> Self {
        let ast = syn::parse_file(text).unwrap_or_else(|e| {
            panic!("{file}:{}: does not parse: {e}", e.span().start().line);
        });
        let tokens = text.parse().unwrap_or_else(|e| panic!("{file}: {e}"));
        let module = module_of(file);
        let mut outline = Outline::new(module.clone());
        outline.visit_file(&ast);
        let in_test = |line: &usize| is_test || outline.tests.iter().any(|t| t.contains(line));
        let code: BTreeSet<usize> =
            names::code_lines(&tokens).into_iter().filter(|l| !in_test(l)).collect();
        let (test_names, named) =
            names::names(tokens, &outline.inline).into_iter().partition(|n| in_test(&n.line));
        let functions = outline.functions.into_iter();
        Self {
            file: file.to_owned(),
            text: text.to_owned(),
            module,
            is_test,
            names: named,
            test_names,
            functions: functions
                .filter(|_| !is_test)
                .map(|(name, span)| Function {
                    name,
                    line: *span.start(),
                    lines: code.range(span).count(),
                })
                .collect(),
            decisions: outline.decisions,
            implements: outline.implements,
            test_modules: outline.test_modules,
            lines: code.len(),
        }
    }

    /// The top-level module that the file belongs to: `lib` for the root, `bin` for the command line.
    pub(crate) fn top(&self) -> &str {
        self.module.first().map_or("lib", String::as_str)
    }

    /// `file:line`.
    pub(crate) fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.file)
    }
}

fn module_of(file: &str) -> Vec<String> {
    let path = file.trim_start_matches("src/").trim_end_matches(".rs");
    let mut module: Vec<String> = path.split('/').map(str::to_owned).collect();
    if matches!(module.last().map(String::as_str), Some("mod" | "lib")) {
        module.pop();
    }
    module
}

/// Walks the items of a file.
#[derive(Default)]
struct Outline {
    module: Vec<String>,
    /// The type whose methods are being visited.
    owner: Option<String>,
    tests: Vec<RangeInclusive<usize>>,
    inline: Vec<(RangeInclusive<usize>, Vec<String>)>,
    functions: Vec<(String, RangeInclusive<usize>)>,
    decisions: BTreeSet<String>,
    implements: BTreeSet<String>,
    test_modules: Vec<Vec<String>>,
    /// Blocks and modules around the item being visited.
    depth: usize,
}

impl Outline {
    fn new(module: Vec<String>) -> Self {
        Self { inline: vec![(1..=usize::MAX, module.clone())], module, ..Self::default() }
    }

    fn function(&mut self, vis: Option<&syn::Visibility>, sig: &syn::Signature, body: &syn::Block) {
        let start = match vis {
            // The span of no visibility lies nowhere.
            None | Some(syn::Visibility::Inherited) => sig.span().start().line,
            Some(vis) => vis.span().start().line,
        };
        let name = match &self.owner {
            Some(owner) => format!("{owner}::{}", sig.ident),
            None => sig.ident.to_string(),
        };
        self.functions.push((name, start..=body.span().end().line));
    }

    fn nested(&mut self, visit: impl FnOnce(&mut Self)) {
        self.depth += 1;
        visit(self);
        self.depth -= 1;
    }

    fn owned(&mut self, owner: Option<String>, visit: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.owner, owner);
        self.nested(visit);
        self.owner = outer;
    }
}

/// Skips what exists only in tests, and remembers where it was.
macro_rules! outside_tests {
    ($self:ident, $node:ident) => {
        if is_test(&$node.attrs) {
            $self.tests.push(lines($node));
            return;
        }
    };
}

impl<'ast> Visit<'ast> for Outline {
    fn visit_item_fn(&mut self, node: &'ast syn::ItemFn) {
        outside_tests!(self, node);
        if self.depth == 0 {
            self.decisions.insert(node.sig.ident.to_string());
        }
        self.function(Some(&node.vis), &node.sig, &node.block);
        self.owned(None, |this| visit::visit_item_fn(this, node));
    }

    fn visit_impl_item_fn(&mut self, node: &'ast syn::ImplItemFn) {
        outside_tests!(self, node);
        self.function(Some(&node.vis), &node.sig, &node.block);
        self.nested(|this| visit::visit_impl_item_fn(this, node));
    }

    fn visit_trait_item_fn(&mut self, node: &'ast syn::TraitItemFn) {
        outside_tests!(self, node);
        if let Some(body) = &node.default {
            self.function(None, &node.sig, body);
        }
        self.nested(|this| visit::visit_trait_item_fn(this, node));
    }

    fn visit_item_impl(&mut self, node: &'ast syn::ItemImpl) {
        outside_tests!(self, node);
        let owner = type_name(&node.self_ty);
        self.implements.extend(owner.clone());
        if self.depth == 0 && node.trait_.is_none() && node.items.iter().any(is_verb) {
            self.decisions.extend(owner.clone());
        }
        self.owned(owner, |this| visit::visit_item_impl(this, node));
    }

    fn visit_item_trait(&mut self, node: &'ast syn::ItemTrait) {
        outside_tests!(self, node);
        self.owned(Some(node.ident.to_string()), |this| visit::visit_item_trait(this, node));
    }

    fn visit_item_mod(&mut self, node: &'ast syn::ItemMod) {
        self.module.push(node.ident.to_string());
        if is_test(&node.attrs) {
            self.tests.push(lines(node));
            if node.content.is_none() {
                self.test_modules.push(self.module.clone());
            }
        } else if node.content.is_some() {
            self.inline.push((lines(node), self.module.clone()));
            self.nested(|this| visit::visit_item_mod(this, node));
        }
        self.module.pop();
    }

    fn visit_item_use(&mut self, node: &'ast syn::ItemUse) {
        outside_tests!(self, node);
    }

    fn visit_item_struct(&mut self, node: &'ast syn::ItemStruct) {
        outside_tests!(self, node);
        visit::visit_item_struct(self, node);
    }

    fn visit_item_enum(&mut self, node: &'ast syn::ItemEnum) {
        outside_tests!(self, node);
        visit::visit_item_enum(self, node);
    }

    fn visit_item_const(&mut self, node: &'ast syn::ItemConst) {
        outside_tests!(self, node);
        visit::visit_item_const(self, node);
    }

    fn visit_item_macro(&mut self, node: &'ast syn::ItemMacro) {
        outside_tests!(self, node);
    }
}

fn lines(node: &impl syn::spanned::Spanned) -> RangeInclusive<usize> {
    node.span().start().line..=node.span().end().line
}

/// Whether one of the attributes is `#[test]` or a `#[cfg]` that holds in tests only.
fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::Path(path) => path.is_ident("test"),
        syn::Meta::List(list) if list.path.is_ident("cfg") => {
            let condition = list.tokens.to_string();
            condition == "test" || condition.replace(' ', "").starts_with("all(test,")
        }
        _ => false,
    })
}

/// Whether an item is one of the verbs that make a type a machine.
fn is_verb(item: &syn::ImplItem) -> bool {
    let syn::ImplItem::Fn(method) = item else { return false };
    let name = method.sig.ident.to_string();
    let is_verb = ["handle", "poll"].contains(&name.as_str())
        || ["on_", "handle_", "poll_"].iter().any(|verb| name.starts_with(verb));
    let receiver = method.sig.receiver().map(|r| &r.kind);
    is_verb && matches!(receiver, Some(syn::ReceiverKind::Reference(_, _, Some(_mut))))
}

fn type_name(ty: &syn::Type) -> Option<String> {
    match ty {
        syn::Type::Path(path) => path.path.segments.last().map(|s| s.ident.to_string()),
        syn::Type::Reference(reference) => type_name(&reference.elem),
        _ => None,
    }
}

mod tests {
    use super::{Function, Source};

    const FILE: &str = "\
//! Doc.

use a::B; // why

/// Doc of a function.
pub fn first(
    x: u64,
) -> u64 {

    // A comment.
    let text = \"two
lines\"; /* and
    more */
    x
}

impl Thing {
    #[inline]
    fn second(&self) {}
}

#[cfg(test)]
mod tests {
    fn third() {}
}

#[cfg(not(test))]
fn fourth() {}

#[cfg(test)]
mod helper;
";

    #[test]
    fn counts_code_and_nothing_else() {
        let source = Source::parse("src/a/b.rs", FILE);
        let function = |name: &str, line, lines| Function { name: name.to_owned(), line, lines };
        assert_eq!(
            source.functions,
            [function("first", 6, 7), function("Thing::second", 19, 1), function("fourth", 28, 1)]
        );
        assert_eq!(source.lines, 1 + 7 + 4 + 2);
        assert_eq!(source.module, ["a", "b"]);
        assert_eq!(source.test_modules, [["a", "b", "helper"]]);
        assert_eq!(Source::parse("src/a/tests.rs", FILE).lines, 0);
    }

    #[test]
    fn finds_machines() {
        let text = "
            fn decide() {}
            impl Machine { fn on_ack(&mut self) {} }
            impl Value { fn on(&mut self) {} fn handle(&self) {} }
            impl Copy for Other { fn poll(&mut self) {} }
            mod inner { fn deep() {} }";
        let source = Source::parse("src/a/mod.rs", text);
        assert!(source.decisions.iter().eq(["Machine", "decide"]), "{:?}", source.decisions);
        assert!(source.implements.iter().eq(["Machine", "Other", "Value"]));
    }
}
