//! Tests of sections, templates, appending and includes.

use proptest::prelude::*;

use super::*;
use crate::config::testing::Files;

/// The sections as `name{option=value,...}`, templates with `!`, and what was reported.
fn read_files(files: &[(&str, &str)]) -> (String, String) {
    let files = Files::new(files);
    let mut report = Report::default();
    let config = read(&files.path("main.conf"), &mut report);
    let section = |section: &RawSection| {
        let options: Vec<String> = section
            .options
            .iter()
            .map(|option| format!("{}={}", option.name, option.value.as_str()))
            .collect();
        let mark = if section.template { "!" } else { "" };
        format!("{}{mark}{{{}}}", section.name, options.join(","))
    };
    let sections: Vec<String> = config.sections.iter().map(section).collect();
    (sections.join(" "), files.text(&report))
}

fn sections(text: &str) -> String {
    let (sections, report) = read_files(&[("main.conf", text)]);
    assert_eq!(report, "", "{text}");
    sections
}

fn report(text: &str) -> String {
    read_files(&[("main.conf", text)]).1
}

/// Name, file, sections.
const HEADERS: &[(&str, &str, &str)] = &[
    ("plain", "[a]\nx=1\n[b]\nx=2", "a{x=1} b{x=2}"),
    ("same name twice", "[a]\nx=1\n[a]\nx=2", "a{x=1} a{x=2}"),
    ("template", "[a](!)\nx=1\n[b](a)\ny=2", "a!{x=1} b{x=1,y=2}"),
    (
        "a plain section as parent",
        "[a]\nx=1\n[b](a)",
        "a{x=1} b{x=1}",
    ),
    ("ignoring case", "[A](!)\nx=1\n[b](a)", "A!{x=1} b{x=1}"),
    (
        "two parents",
        "[a](!)\nx=1\n[b](!)\ny=2\n[c](a,b)",
        "a!{x=1} b!{y=2} c{x=1,y=2}",
    ),
    (
        "template of a template",
        "[a](!)\nx=1\n[b](!,a)\n[c](b)",
        "a!{x=1} b!{x=1} c{x=1}",
    ),
    (
        "copied at that point",
        "[a](!)\nx=1\n[b](a)\n[a](+TEMPLATES=include)\ny=2",
        "a!{x=1,y=2} b{x=1}",
    ),
    ("addition", "[a]\nx=1\n[b]\n[a](+)\ny=2", "a{x=1,y=2} b{}"),
    ("to the first", "[a]\n[a]\n[A](+)\ny=2", "a{y=2} a{}"),
    (
        "with filter",
        "[a]\nx=1\n[a]\nx=2\n[a](+x=2)\ny=3",
        "a{x=1} a{x=2,y=3}",
    ),
    (
        "filter contains",
        "[a]\nxy=12\n[a](+x=2)\nz=3",
        "a{xy=12,z=3}",
    ),
    (
        "anchored filter",
        "[a]\nx=12\n[a]\nx=2\n[a](+^x$=^2$)\ny=3",
        "a{x=12} a{x=2,y=3}",
    ),
    (
        "two terms",
        "[a]\nx=1\n[a]\nx=1\ny=2\n[a](+x=1&y=2)\nz=3",
        "a{x=1} a{x=1,y=2,z=3}",
    ),
    (
        "only templates",
        "[a]\n[a](!)\n[a](+TEMPLATES=restrict)\nz=3",
        "a{} a!{z=3}",
    ),
    (
        "addition with parent",
        "[t](!)\nx=1\n[a]\n[a](+,t)\ny=2",
        "t!{x=1} a{x=1,y=2}",
    ),
    (
        "parent, then addition",
        "[t](!)\nx=1\n[a]\n[a](t,+)\ny=2",
        "t!{x=1} a{x=1,y=2}",
    ),
    ("made a template later", "[a]\nx=1\n[a](!,+)", "a!{x=1}"),
    ("text after the bracket", "[a] (b)\nx=1", "a{x=1}"),
    ("blanks in names count", "[ a ]\nx=1", " a {x=1}"),
    ("escaped bracket", "[a]\n\\[x]=1", "a{[x]=1}"),
    ("objects", "[a]\nx => 1", "a{x=1}"),
    ("byte order mark", "\u{feff}[a]\nx=1", "a{x=1}"),
    ("CRLF", "[a]\r\nx=1\r\n", "a{x=1}"),
];

#[test]
fn templates_and_additions() {
    for &(name, text, expected) in HEADERS {
        assert_eq!(sections(text), expected, "{name}");
    }
}

#[test]
fn appending_to_values() {
    let cases = [
        ("with the blank", "[a]\nx=1\nx += 2", "a{x=1 2}"),
        ("without", "[a]\nx=1\nx+=,2", "a{x=1,2}"),
        ("nothing there", "[a]\nx += 2", "a{x=2}"),
        ("case counts", "[a]\nx=1\nX += 2", "a{x=1,X=2}"),
        ("last of the name", "[a]\nx=1\nx=2\nx+=3", "a{x=1,x=23}"),
        (
            "same value twice",
            "[a]\nx=1\ny=0\nx=1\nx+=2",
            "a{x=12,y=0,x=1}",
        ),
        ("inherited", "[t](!)\nx=1\n[a](t)\nx+=2", "t!{x=1} a{x=12}"),
        ("empty before", "[a]\nx=\nx+= 2", "a{x=2}"),
    ];
    for (name, text, expected) in cases {
        assert_eq!(sections(text), expected, "{name}");
    }
}

#[test]
fn what_is_fatal_and_what_is_not() {
    let cases = [
        (
            "x=1",
            "main.conf:1: error: the option 'x' stands before any section; write [general] or another section before it",
        ),
        (
            "[a",
            "main.conf:1: error: a section name has no closing ']'; write [name]",
        ),
        (
            "[a](b",
            "main.conf:1: error: the options of a section have no closing ')'; write [name](template)",
        ),
        (
            "[a](b)",
            "main.conf:1: error: the section 'b' to inherit from does not exist above this line; correct the name (blanks count), or move that section up",
        ),
        (
            "[b]\n[a]( b)",
            "main.conf:2: error: the section ' b' to inherit from does not exist above this line; correct the name (blanks count), or move that section up",
        ),
        (
            "[a]()",
            "main.conf:1: error: there is an empty name in the parentheses after the section name; write [name], [name](!) or [name](template)",
        ),
        (
            "[a]\nx=1\n[a](+x=1|2)",
            "main.conf:3: error: the filter '1|2' is a regular expression; write plain text, at most with '^' before and '$' after it",
        ),
        (
            "[a]\n\\ x",
            "main.conf:2: error: a backslash at the start of a line has no character after it; remove the backslash",
        ),
        (
            "[a]\nhunter2",
            "main.conf:2: error: the line has no '='; write name = value, or ';' before a comment",
        ),
        (
            "[a]\n= x",
            "main.conf:2: error: the line has no name before '='; write name = value",
        ),
        (
            "[a]\n;-- x\ny=1",
            "main.conf:2: error: a block comment begins here and does not end; end it with '--;'",
        ),
        (
            "[a]\n#exec /bin/true",
            "main.conf:2: error: #exec is not supported; write the command's output to a file and #include that",
        ),
        (
            "[a]\n#include",
            "main.conf:2: error: #include names no file; write #include \"file\"",
        ),
        (
            "[a]\n#include x*.conf",
            "main.conf:2: error: #include 'x*.conf' finds no file; correct the name, or write #tryinclude if it may be missing",
        ),
        ("[a]\n#tryinclude x*.conf", ""),
        (
            "[a]\n#define x",
            "main.conf:2: warning: the directive 'define' is unknown and ignored; write ';' before a comment",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(report(text), expected, "{text}");
    }
    let missing = report("[a](+)");
    assert!(missing.starts_with("main.conf:1: error: the section 'a' to add to does not exist"));
    let template = report("[a](!)\n[a](+)");
    assert!(template.starts_with("main.conf:2: error: the section 'a' to add to does not exist"));
}

#[test]
fn all_problems_are_reported_and_reading_goes_on() {
    let (sections, report) =
        read_files(&[("main.conf", "[a\nx=1\n[b]\ny\nz=2\n[c](d)\nx=1\n[e]\nx=1")]);
    assert_eq!(sections, "b{z=2} e{x=1}");
    let lines: Vec<&str> = report
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(lines, ["main.conf:1:", "main.conf:4:", "main.conf:6:"]);
}

#[test]
fn long_names_are_cut() {
    let long = "n".repeat(80);
    let (sections, report) = read_files(&[("main.conf", &format!("[{long}]\n[a]({long})"))]);
    assert_eq!(sections, format!("{}{{}} a{{}}", "n".repeat(79)));
    assert!(
        report.contains("main.conf:1: warning: the section name 'nnn"),
        "{report}"
    );
    assert_eq!(cut_name(&"é".repeat(40)), "é".repeat(39));
}

#[test]
fn includes_carry_sections_over_and_come_back() {
    let (sections, report) = read_files(&[
        (
            "main.conf",
            "[a]\n#include \"d/one.conf\"\nz=3\n#tryinclude none.conf\n#include <d/*.inc>",
        ),
        ("d/one.conf", "x=1\n[b]\ny=2"),
        ("d/2.inc", "[d]"),
        ("d/1.inc", "[c]\nu=1"),
        ("d/.hidden.inc", "[h]"),
    ]);
    assert_eq!(report, "");
    assert_eq!(sections, "a{x=1,z=3} b{y=2} c{u=1} d{}");
}

#[test]
fn an_include_after_one_with_sections_starts_in_the_last_of_them() {
    let (sections, report) = read_files(&[
        ("main.conf", "[a]\n#include one.conf\n#include two.conf"),
        ("one.conf", "[b]"),
        ("two.conf", "x=1"),
    ]);
    assert_eq!(sections, "a{} b{x=1}");
    assert_eq!(
        report,
        "two.conf:1: warning: the options at the start of this file belong to 'b', begun by an earlier include; \
         begin the file with a section"
    );
}

#[test]
fn nested_names_start_from_the_main_directory() {
    let (sections, report) = read_files(&[
        ("main.conf", "#include d/one.conf"),
        ("d/one.conf", "#include d/two.conf"),
        ("d/two.conf", "[b]"),
    ]);
    assert_eq!((sections.as_str(), report.as_str()), ("b{}", ""));
}

#[test]
fn includes_are_bounded() {
    let (_, report) = read_files(&[("main.conf", "#include main.conf")]);
    assert_eq!(
        report,
        "main.conf:1: error: 'main.conf' includes itself; include fewer files"
    );
    let chain = |last: usize| -> Vec<(String, String)> {
        let name = |number| match number {
            1 => "main.conf".to_owned(),
            _ => format!("{number}.conf"),
        };
        let next = |number| match number == last {
            true => "[end]".to_owned(),
            false => format!("#include {}", name(number + 1)),
        };
        (1..=last)
            .map(|number| (name(number), next(number)))
            .collect()
    };
    let read_chain = |last| {
        let files = chain(last);
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
            .collect();
        read_files(&files)
    };
    assert_eq!(read_chain(10), ("end{}".to_owned(), String::new()));
    let (_, report) = read_chain(11);
    assert_eq!(
        report,
        "10.conf:1: error: '11.conf' would be nested deeper than 10 files; include fewer files"
    );
}

#[test]
fn patterns_that_are_not_understood_are_refused() {
    for pattern in ["{a,b}.conf", "**/x", "[", "a\\*"] {
        let text = report(&format!("#include {pattern}"));
        assert!(
            text.contains("is not understood; use '*'"),
            "{pattern}: {text}"
        );
    }
}

#[test]
fn every_option_knows_its_place() {
    let files = Files::new(&[
        (
            "main.conf",
            "[t](!)\nx=1\n\n[a](t)\n#include inc.conf\nx+=2\nz=1",
        ),
        ("inc.conf", ";\ny=1"),
    ]);
    let mut report = Report::default();
    let config = read(&files.path("main.conf"), &mut report);
    assert!(!report.has_errors());
    let prefix = files.path("").display().to_string();
    let places: Vec<String> = config.sections[1]
        .options
        .iter()
        .map(|option| format!("{option:?}").replace(&prefix, ""))
        .collect();
    assert_eq!(
        places,
        ["x at main.conf:6", "y at inc.conf:2", "z at main.conf:7"]
    );
    assert_eq!(config.sections[0].options[0].location.line, 2);
}

#[test]
fn values_are_not_in_debug_output() {
    let files = Files::new(&[("main.conf", "[a]\nsecret = hunter2")]);
    let config = read(&files.path("main.conf"), &mut Report::default());
    assert_eq!(config.sections[0].options[0].value.as_str(), "hunter2");
    assert!(!format!("{config:?}").contains("hunter2"));
}

#[test]
fn a_missing_file_is_an_error() {
    let files = Files::new(&[]);
    let mut report = Report::default();
    read(&files.path("main.conf"), &mut report);
    assert_eq!(
        files.text(&report),
        "main.conf: error: cannot read 'main.conf': No such file or directory (os error 2); \
         check the name and the permissions"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_files_never_panic(
        lines in prop::collection::vec(
            prop_oneof![
                r"\[[ab]\](\((!|\+|a|b|\+x=1|,|TEMPLATES=include){0,4}\)?)?",
                r"[abx] ?\+?=>? ?[a-z0-9;\\]{0,6}",
                r"(;--|--;|;|\\|#include|#tryinclude|#exec|=|\[|\]|\(|\)| |x|\n){0,8}",
                r"\PC{0,20}",
            ],
            0..30
        )
    ) {
        let (_, report) = read_files(&[("main.conf", &lines.join("\n"))]);
        prop_assert!(report.len() < 1 << 20);
    }
}
