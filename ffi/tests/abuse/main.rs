//! Calls every function of the header wrongly, one argument at a time, from a C program that is
//! made of the header's own signatures.
#![allow(clippy::unwrap_used, reason = "a failed test says enough")]

mod arguments;
mod signatures;

use std::fmt::Write;
use std::process::Command;

use conformance::cc::{Language, compile};
use conformance::{models, tell};

use arguments::{FAIL, good, wrong, wrong_member};
use signatures::{Function, Named, functions, structs};

const HEADER: &str = include_str!("../../../include/spectralgpt.h");

/// Collects the cases, each a block of C.
struct Cases(String);

impl Cases {
    /// Adds a call, one argument replaced, with something done before it.
    fn add(
        &mut self,
        function: &Function,
        what: &str,
        replaced: (&str, &str),
        must: &str,
        first: &str,
    ) {
        let argument = |parameter: &Named| {
            let good = || good(&function.name, parameter);
            if parameter.name == replaced.0 { replaced.1.to_owned() } else { good() }
        };
        let arguments: Vec<String> = function.parameters.iter().map(argument).collect();
        let call = format!("{}({})", function.name, arguments.join(", "));
        let name = &function.name;
        self.0 += "  {\n    world *w = make_world(argv);\n";
        self.0 += first;
        if function.returns == "sgpt_status" && name != "sgpt_error_status" {
            let after =
                if must == "PANICKED" { "    unsetenv(\"SGPT_TEST_PANIC\");\n" } else { "" };
            let quiet = replaced == ("error_out", "NULL");
            let judged = if quiet {
                "    survived();\n".to_owned()
            } else {
                format!("    judge(\"{name}: {what}\", {must}, status, w->error);\n")
            };
            let status = if quiet {
                format!("    {call};\n")
            } else {
                format!("    sgpt_status status = {call};\n")
            };
            self.0 += &(status + after + &judged);
        } else {
            // What a free function takes is gone.
            let owner = function.name.ends_with("_free").then(|| arguments[0].clone());
            let gone = owner.filter(|owner| owner.starts_with("w->"));
            let gone = gone.map_or(String::new(), |owner| format!("    {owner} = NULL;\n"));
            let _ = write!(
                self.0,
                "    {call};\n    unsetenv(\"SGPT_TEST_PANIC\");\n{gone}    survived();\n"
            );
        }
        self.0 += "    free_world(w);\n  }\n";
    }

    /// Adds the cases of a function.
    fn function(&mut self, function: &Function) {
        let name = function.name.as_str();
        let must = if FAIL.contains(&name) { "REFUSED" } else { "DONE" };
        self.add(function, "as it should be", ("", ""), must, "");
        let panic = "    setenv(\"SGPT_TEST_PANIC\", \"1\", 1);\n";
        self.add(function, "a panic", ("", ""), "PANICKED", panic);
        for parameter in &function.parameters {
            for (what, value, must) in wrong(name, parameter) {
                let what = format!("{} is {what}", parameter.name);
                self.add(function, &what, (&parameter.name, &value), must, "");
            }
        }
    }

    /// Adds the cases of a struct's members, passed to the function that takes it.
    fn members(&mut self, function: &Function, object: &str, members: &[Named]) {
        for member in members {
            let place = format!("w->{object}.{}", member.name);
            for (what, value, must) in wrong_member(object, member, &place) {
                let first = format!("    {place} = {value};\n");
                let what = format!("{object}.{} is {what}", member.name);
                self.add(function, &what, ("", ""), must, &first);
            }
        }
    }
}

/// Makes the program.
fn program() -> String {
    let functions = functions(HEADER);
    let mut cases = Cases(String::new());
    for function in &functions {
        cases.function(function);
    }
    let named = |name: &str| functions.iter().find(|function| function.name == name).unwrap();
    for (object, function) in [
        ("array", "sgpt_predict_arrays"),
        ("buffer", "sgpt_predict_arrays"),
        ("source", "sgpt_predict_callbacks"),
        ("sink", "sgpt_predict_callbacks"),
        ("watch", "sgpt_predict_callbacks"),
    ] {
        let structs = structs(HEADER);
        let found = structs.iter().find(|found| found.name == format!("sgpt_{object}")).unwrap();
        cases.members(named(function), object, &found.members);
    }
    let files = named("sgpt_predict_files");
    for value in ["NULL", "no_utf8", "long_text"] {
        let first = format!("    w->files[0] = {value};\n");
        cases.add(files, &format!("files[0] is {value}"), ("", ""), "REFUSED", &first);
    }
    assert!(functions.len() > 50, "{} functions were found", functions.len());
    format!(
        "#define _POSIX_C_SOURCE 200112L\n#include \"world.h\"\n\nint main(int argc, char **argv) {{\n  \
         if (argc != 4) return 2;\n  memset(long_text, 'x', LONG);\n{}  callbacks(argv);\n  \
         printf(\"%d cases, %d wrong\\n\", cases, wrong);\n  return wrong != 0;\n}}\n",
        cases.0
    )
}

#[test]
fn whatever_is_wrong_comes_back_as_an_error_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let model = folder.path().join("constant.onnx");
    models::constant(&model, &[1.0, 2.0]);
    std::fs::write(folder.path().join("world.h"), include_str!("world.h")).unwrap();
    let source = folder.path().join("abuse.c");
    std::fs::write(&source, program()).unwrap();
    let run = Command::new(compile(&source, Language::C99, folder.path()))
        .arg(&model)
        .args(["none.pth", "map.tif"].map(|name| folder.path().join(name)))
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{}\n{out}\n{err}", run.status);
    tell(&format!("abuse: {}", out.trim_end()));
}
