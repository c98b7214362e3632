//! A browser sends cookies and Digest credentials with whatever a page makes it send: what a page of another origin
//! caused is refused before it is looked at.

use crate::site::Site;

/// What would be run.
const MARK: &str = "CoreStatus";

#[test]
fn what_a_page_of_another_origin_causes_is_not_done() {
    let site = Site::with("", "corsorigin = https://desk.example\nwebpage = yes\n");
    let cookie = site.cookie_of("alice");
    let own = format!("Origin: http://127.0.0.1:{}", site.port);
    let own = own.as_str();
    let image = "Sec-Fetch-Site: cross-site";
    let ask = |path: &str, more: &[&str], headers: &[&str]| {
        let headers = headers.iter().flat_map(|header| ["-H", header]);
        let arguments: Vec<&str> = more.iter().copied().chain(headers).collect();
        site.curl(path, &arguments)
    };
    let digest = ["--digest", "-u", "alice:alice-secret"];
    let json = ["-H", "Content-Type: application/json", "-d"];
    let act = [&["-b", &cookie][..], &json, &[r#"{"Action":"CoreStatus"}"#]].concat();
    let basic = [
        &["-u", "alice:alice-secret"][..],
        &json,
        &[r#"{"Action":"CoreStatus"}"#],
    ]
    .concat();
    let login = [
        &json[..],
        &[r#"{"username":"alice","secret":"alice-secret"}"#],
    ]
    .concat();
    let requests: [(&str, &[&str]); 11] = [
        ("/rawman?action=CoreStatus", &["-b", &cookie]),
        ("/rawman?action=CoreStatus", &["-b", &cookie, "--head"]),
        ("/mxml", &["-b", &cookie, "-d", "action=CoreStatus"]),
        ("/manager?action=CoreStatus", &["-b", &cookie]),
        ("/arawman?action=CoreStatus", &digest),
        ("/amxml?action=CoreStatus", &digest),
        (
            "/rawman?action=login&username=alice&secret=alice-secret",
            &[],
        ),
        ("/action", &act),
        ("/action", &basic),
        ("/login", &login),
        ("/logout", &["-X", "POST", "-b", &cookie]),
    ];
    for (path, more) in requests {
        for headers in [
            &[image][..],
            &["Sec-Fetch-Site: same-site"],
            &["Origin: https://evil.example"],
            &["Origin: null"],
            &[own, image],
        ] {
            let answer = ask(path, more, headers);
            assert_eq!(answer.status, 403, "{path} {headers:?}: {answer:?}");
            assert_eq!(answer.header("Set-Cookie"), None, "{path} {headers:?}");
        }
    }
    let stream = ask("/events", &["-b", &cookie], &[image]);
    assert_eq!(stream.status, 403, "{stream:?}");
    assert!(!site.executed().contains(&MARK.to_owned()));
    site.logged(&["kind=early", "pages of this origin may not use"]);
    // The others are asked as ever; the last one ends the session.
    for (path, more) in requests {
        for headers in [
            &[][..],
            &[own],
            &["Sec-Fetch-Site: none"],
            &[own, "Sec-Fetch-Site: same-origin"],
            &["Origin: https://desk.example", image],
        ] {
            let expected = match path {
                "/logout" if headers.is_empty() => 204,
                "/logout" => 401,
                _ => 200,
            };
            let answer = ask(path, more, headers);
            assert_eq!(answer.status, expected, "{path} {headers:?}: {answer:?}");
        }
    }
    assert!(site.executed().contains(&MARK.to_owned()));
    // What changes nothing and is the same for everybody may be led to from anywhere.
    for path in ["/", "/openapi.json"] {
        assert_eq!(ask(path, &[], &[image]).status, 200, "{path}");
    }
}
