//! Reads functions and structs from the generated header.

/// A parameter or a member: its type as C spells it, and its name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Named {
    pub(crate) kind: String,
    pub(crate) name: String,
}

/// A function.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) returns: String,
    pub(crate) name: String,
    pub(crate) parameters: Vec<Named>,
}

/// A struct with members.
#[derive(Debug)]
pub(crate) struct Struct {
    pub(crate) name: String,
    pub(crate) members: Vec<Named>,
}

/// Removes comments and lines of the preprocessor.
fn code(header: &str) -> String {
    let mut rest = header;
    let mut code = String::new();
    while let Some((before, after)) = rest.split_once("/*") {
        code += before;
        rest = after.split_once("*/").map_or("", |(_, after)| after);
    }
    code += rest;
    let lines =
        code.lines().filter(|line| !line.starts_with('#') && !line.contains("extern \"C\""));
    lines.collect::<Vec<_>>().join(" ")
}

/// Splits `const char *path` into type and name.
fn named(text: &str) -> Option<Named> {
    let text = text.trim();
    let at = text.rfind(|c: char| !c.is_ascii_alphanumeric() && c != '_')? + 1;
    let kind = text[..at].split_whitespace().filter(|word| *word != "struct");
    let kind = kind.collect::<Vec<_>>().join(" ").replace(" *", "*");
    Some(Named { kind, name: text[at..].to_owned() })
}

/// Lists the functions of a header.
pub(crate) fn functions(header: &str) -> Vec<Function> {
    let code = code(header);
    let function = |statement: &str| {
        let (head, tail) = statement.split_once('(')?;
        let head = named(head).filter(|_| !statement.contains("typedef"))?;
        let list = tail.trim_end().strip_suffix(')')?;
        let parameters = if list.trim() == "void" {
            Vec::new()
        } else {
            list.split(',').map(named).collect::<Option<_>>()?
        };
        Some(Function { returns: head.kind, name: head.name, parameters })
    };
    code.split(';').filter_map(function).collect()
}

/// Lists the structs whose members a program fills or reads.
pub(crate) fn structs(header: &str) -> Vec<Struct> {
    let code = code(header);
    let parts = code.split("typedef struct ").skip(1);
    let one = |part: &str| {
        let (name, body) = part.split_once('{')?;
        let members = body.split_once('}')?.0.split(';').filter_map(named).collect();
        let name = name.trim().to_owned();
        (!name.contains(';')).then_some(Struct { name, members })
    };
    parts.filter_map(one).collect()
}
