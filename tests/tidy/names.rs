//! The paths that a file names, wherever they stand: in `use` trees, expressions, types and macros' arguments.
//!
//! Tokens and not syntax trees, because the arguments of `matches!` or `assert!` are no tree to `syn`.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// A path with two segments or more, an identifier, `name!` for a macro, `#[name]` for an attribute.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Named {
    /// As it is written, except that a `use` tree is spelled out and `core` and `alloc` are `std`.
    pub(crate) path: Vec<String>,
    /// The same from the crate's root, if it begins with `crate`, `self` or `super`.
    pub(crate) inner: Option<Vec<String>>,
    pub(crate) line: usize,
}

/// Everything that `tokens` names. `modules` are the modules by their lines, outer ones first.
pub(crate) fn names(tokens: TokenStream, modules: &Modules) -> Vec<Named> {
    let mut scan = Scan { modules, found: Vec::new() };
    scan.any(tokens);
    scan.found
}

/// Which lines belong to which inline module.
pub(crate) type Modules = [(RangeInclusive<usize>, Vec<String>)];

/// The lines that hold code: comments and docs are none.
pub(crate) fn code_lines(tokens: &TokenStream) -> BTreeSet<usize> {
    let mut lines = BTreeSet::new();
    collect_lines(tokens.clone(), &mut lines);
    lines
}

fn collect_lines(tokens: TokenStream, lines: &mut BTreeSet<usize>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        if let Some((attribute, next)) = attribute(&tokens, at)
            && is_doc(attribute)
        {
            at = next;
            continue;
        }
        if let TokenTree::Group(group) = token {
            lines.extend([group.span_open().start().line, group.span_close().end().line]);
            collect_lines(group.stream(), lines);
        } else {
            lines.extend(token.span().start().line..=token.span().end().line);
        }
        at += 1;
    }
}

/// What may stand before a path that begins with `::`.
const KEYWORDS: &[&str] = &["use", "as", "dyn", "for", "impl", "in", "mut", "return"];

struct Scan<'m> {
    modules: &'m Modules,
    found: Vec<Named>,
}

impl Scan<'_> {
    fn any(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at = match token {
                _ if attribute(&tokens, at).is_some() => self.attribute(&tokens, at),
                TokenTree::Ident(_) => self.path(&tokens, at, &[]),
                TokenTree::Group(group) => {
                    self.any(group.stream());
                    at + 1
                }
                _ => at + 1,
            };
        }
    }

    /// The path that begins at `at`; returns where it ends.
    fn path(&mut self, tokens: &[TokenTree], mut at: usize, prefix: &[String]) -> usize {
        let mut path = prefix.to_vec();
        let line = tokens[at].span().start().line;
        loop {
            match tokens.get(at) {
                Some(TokenTree::Ident(ident)) => path.push(ident.to_string()),
                Some(TokenTree::Punct(star)) if star.as_char() == '*' => path.push("*".to_owned()),
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                    self.use_group(group, &path);
                    return at + 1;
                }
                _ => break,
            }
            at += 1;
            let is_path = !path.last().is_some_and(|p| KEYWORDS.contains(&p.as_str()));
            if !(is_path && is_punct(tokens, at, ':') && is_punct(tokens, at + 1, ':')) {
                break;
            }
            at += 2;
        }
        if is_punct(tokens, at, '!') && matches!(tokens.get(at + 1), Some(TokenTree::Group(_))) {
            path.last_mut().expect("a path has a segment").push('!');
        }
        let is_renamed = matches!(tokens.get(at), Some(TokenTree::Ident(i)) if *i == "as");
        if path == ["crate"] && is_renamed {
            path.push("*".to_owned());
        }
        self.push(path, line);
        at
    }

    fn use_group(&mut self, group: &Group, prefix: &[String]) {
        let tokens: Vec<TokenTree> = group.stream().into_iter().collect();
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at = match token {
                TokenTree::Ident(ident) if *ident == "self" => {
                    self.push(prefix.to_vec(), ident.span().start().line);
                    at + 1
                }
                // The new name after `as` says nothing.
                TokenTree::Ident(ident) if *ident == "as" => at + 2,
                TokenTree::Punct(comma) if comma.as_char() == ',' => at + 1,
                _ => self.path(&tokens, at, prefix).max(at + 1),
            };
        }
    }

    /// `#[name(..)]`, and each attribute within a `cfg_attr`.
    fn attribute(&mut self, tokens: &[TokenTree], at: usize) -> usize {
        let Some((group, next)) = attribute(tokens, at) else { return at + 1 };
        if is_doc(group) {
            return next;
        }
        let mut list: Vec<TokenTree> = group.stream().into_iter().collect();
        if let [TokenTree::Ident(name), TokenTree::Group(arguments)] = list.as_slice()
            && *name == "cfg_attr"
        {
            list = arguments.stream().into_iter().collect();
        }
        let mut is_start = true;
        for token in &list {
            if let TokenTree::Ident(name) = token
                && is_start
            {
                self.push(vec![format!("#[{name}]")], name.span().start().line);
            }
            is_start = matches!(token, TokenTree::Punct(comma) if comma.as_char() == ',');
        }
        self.any(group.stream());
        next
    }

    fn push(&mut self, mut path: Vec<String>, line: usize) {
        if path.len() > 1 && ["core", "alloc"].contains(&path[0].as_str()) {
            "std".clone_into(&mut path[0]);
        }
        let around = self.modules.iter().rfind(|(lines, _)| lines.contains(&line));
        let inner = resolve(around.map_or(&[], |(_, module)| module), &path);
        self.found.push(Named { path, inner, line });
    }
}

/// The path from the crate's root.
fn resolve(module: &[String], path: &[String]) -> Option<Vec<String>> {
    let supers = path.iter().take_while(|s| *s == "super").count();
    let (base, rest) = match path[0].as_str() {
        "crate" => (&[][..], &path[1..]),
        "self" => {
            let supers = path[1..].iter().take_while(|s| *s == "super").count();
            (&module[..module.len().saturating_sub(supers)], &path[1 + supers..])
        }
        "super" => (&module[..module.len().saturating_sub(supers)], &path[supers..]),
        _ => return None,
    };
    Some([base, rest].concat())
}

/// The attribute at `at`, and what comes after it.
fn attribute(tokens: &[TokenTree], at: usize) -> Option<(&Group, usize)> {
    if !is_punct(tokens, at, '#') {
        return None;
    }
    let at = at + 1 + usize::from(is_punct(tokens, at + 1, '!'));
    match tokens.get(at) {
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Bracket => {
            Some((group, at + 1))
        }
        _ => None,
    }
}

/// Whether the attribute is what a doc comment is to the compiler.
fn is_doc(attribute: &Group) -> bool {
    let mut tokens = attribute.stream().into_iter();
    matches!(tokens.next(), Some(TokenTree::Ident(name)) if name == "doc")
        && matches!(tokens.next(), Some(TokenTree::Punct(equals)) if equals.as_char() == '=')
}

fn is_punct(tokens: &[TokenTree], at: usize, char: char) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == char)
}

mod tests {
    use super::{Named, names};

    fn paths(text: &str) -> Vec<String> {
        let whole = (1..=100, vec!["a".to_owned(), "b".to_owned()]);
        let found = names(text.parse().expect("tokens"), &[whole]);
        let show = |n: &Named| match &n.inner {
            Some(inner) => format!("/{}", inner.join("::")),
            None => n.path.join("::"),
        };
        found
            .iter()
            .filter(|n| n.path.len() > 1 || n.path[0].contains(['!', '#']))
            .map(show)
            .collect()
    }

    #[test]
    fn spells_use_trees_out() {
        assert_eq!(
            paths(
                "use x::{y::{self, Z as W, v::*}, u}; use ::core::fmt; pub(crate) use super::super::c::D as _;"
            ),
            ["x::y", "x::y::Z", "x::y::v::*", "x::u", "std::fmt", "/c::D"]
        );
        assert_eq!(
            paths("use crate::*; use crate as root; use super::*; use self::c;"),
            ["/*", "/*", "/a::*", "/a::b::c"]
        );
        assert_eq!(paths("use {crate::c::D, std::fs};"), ["/c::D", "std::fs"]);
    }

    #[test]
    fn sees_expressions_types_and_macros() {
        assert_eq!(
            paths(
                "fn f(x: crate::c::D) { matches!(x, crate::c::E { y: 1 }); Vec::<std::fs::File>::new() }"
            ),
            ["/c::D", "matches!", "/c::E", "std::fs::File"]
        );
        assert_eq!(paths("x != y; if !(a) {} a::b!(c::d)"), ["if!", "a::b!", "c::d"]);
    }

    #[test]
    fn sees_attributes_but_not_docs() {
        assert_eq!(
            paths(
                "/// crate::c\n#[doc = \"a::b\"] #![allow(x)] #[cfg_attr(y, allow(z), path = \"w\")]"
            ),
            ["#[allow]", "#[y]", "#[allow]", "#[path]"]
        );
    }
}
