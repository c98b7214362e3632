//! A browser sends cookies and Digest credentials with whatever a page makes it send: what a page of another origin
//! caused is refused before it is looked at.

use crate::site::Site;

/// What a browser says of an image in a foreign page.
const IMAGE: &str = "Sec-Fetch-Site: cross-site";

/// What would be run.
const MARK: &str = "CoreStatus";

#[test]
fn what_a_page_of_another_origin_causes_is_not_done() {
    let site = Site::with("", "corsorigin = https://desk.example\nwebpage = yes\n");
    let cookie = site.cookie_of("alice");
    let own = format!("Origin: http://127.0.0.1:{}", site.port);
    let own = own.as_str();
    let ask = |path: &str, more: &[&str], headers: &[&str]| {
        let headers = headers.iter().flat_map(|header| ["-H", header]);
        let arguments: Vec<&str> = more.iter().copied().chain(headers).collect();
        site.curl(path, &arguments)
    };
    let mark = r#"{"Action":"CoreStatus"}"#;
    let login = r#"{"username":"alice","secret":"alice-secret"}"#;
    let json = |body: &'static str, more: &[&'static str]| {
        let typed = ["-H", "Content-Type: application/json", "-d", body];
        [&typed[..], more].concat()
    };
    let with_cookie = [&["-b", &cookie][..], &json(mark, &[])].concat();
    let with_secret = json(mark, &["-u", "alice:alice-secret"]);
    let login = json(login, &[]);
    let digest = ["--digest", "-u", "alice:alice-secret"];
    let by_query = "/rawman?action=login&username=alice&secret=alice-secret";
    let requests: [(&str, &[&str]); 11] = [
        ("/rawman?action=CoreStatus", &["-b", &cookie]),
        ("/rawman?action=CoreStatus", &["-b", &cookie, "--head"]),
        ("/mxml", &["-b", &cookie, "-d", "action=CoreStatus"]),
        ("/manager?action=CoreStatus", &["-b", &cookie]),
        ("/arawman?action=CoreStatus", &digest),
        ("/amxml?action=CoreStatus", &digest),
        (by_query, &[]),
        ("/action", &with_cookie),
        ("/action", &with_secret),
        ("/login", &login),
        ("/logout", &["-X", "POST", "-b", &cookie]),
    ];
    for (path, more) in requests {
        for headers in [
            &[IMAGE][..],
            &["Sec-Fetch-Site: same-site"],
            &["Origin: https://evil.example"],
            &["Origin: null"],
            &[own, IMAGE],
        ] {
            let answer = ask(path, more, headers);
            assert_eq!(answer.status, 403, "{path} {headers:?}: {answer:?}");
            assert_eq!(answer.header("Set-Cookie"), None);
        }
    }
    assert_eq!(ask("/events", &["-b", &cookie], &[IMAGE]).status, 403);
    assert!(!site.executed().contains(&MARK.to_owned()));
    site.logged(&["kind=early", "pages of this origin may not use"]);
    // The others are asked as ever; the last one ends the session.
    for (path, more) in requests {
        for headers in [
            &[][..],
            &[own],
            &["Sec-Fetch-Site: none"],
            &[own, "Sec-Fetch-Site: same-origin"],
            &["Origin: https://desk.example", IMAGE],
        ] {
            let expected = match (path, headers) {
                ("/logout", []) => 204,
                ("/logout", _) => 401,
                _ => 200,
            };
            let answer = ask(path, more, headers);
            assert_eq!(answer.status, expected, "{path} {headers:?}: {answer:?}");
        }
    }
    assert!(site.executed().contains(&MARK.to_owned()));
    // What changes nothing and is the same for everybody may be led to from anywhere.
    for path in ["/", "/openapi.json"] {
        assert_eq!(ask(path, &[], &[IMAGE]).status, 200, "{path}");
    }
}
