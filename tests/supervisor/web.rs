//! HTTP.

use super::*;

#[test]
fn http_is_switched_on_changed_and_off_while_ami_goes_on() {
    let asterisk = Simulated::start();
    let pbx = [("pbx", asterisk.port)];
    let plain = with("", &pbx, ALICE);
    let running = Running::start(&plain);
    let mut alice = running.client("alice");
    let port = free_ports(1);
    let http = |lines: &str| {
        let http =
            format!("[http]\nenabled = yes\nbindaddr = 127.0.0.1\nbindport = {port}\n{lines}\n");
        with("webenabled = yes", &pbx, ALICE) + &http
    };
    let get = |path: &str, cookie: &str| {
        let url = format!("http://127.0.0.1:{port}{path}");
        let run = std::process::Command::new("curl")
            .args(["-s", "-i", "-b", cookie, &url])
            .output();
        String::from_utf8_lossy(&run.expect("curl").stdout).into_owned()
    };
    running.reload(&http(""));
    let login = get(
        "/rawman?action=login&username=alice&secret=alice-secret",
        "",
    );
    assert!(login.contains("Authentication accepted"), "{login}");
    let cookie = login.split("mansession_id=").nth(1).expect(&login);
    let cookie = format!(
        "mansession_id={}",
        cookie.split(';').next().unwrap_or_default()
    );
    let ping = |path: &str| get(&format!("{path}/rawman?action=ping"), &cookie);
    assert!(ping("").contains("Ping: Pong"));
    running.reload(&http("prefix = pre\nservername = other/1"));
    let answer = ping("/pre");
    assert!(
        answer.contains("Ping: Pong") && answer.contains("Server: other/1"),
        "{answer}"
    );
    assert!(ping("").contains("404"));
    running.reload(&plain);
    until("HTTP is not served", || {
        TcpStream::connect(("127.0.0.1", port))
            .is_err()
            .then_some(())
    });
    assert!(is_alive(&mut alice));
    running.reload(&http(""));
    assert!(
        !ping("").contains("Ping: Pong"),
        "its sessions went with it"
    );
    let (reply, answer) = oneshot::channel();
    let filter = "debug".to_owned();
    let order = Order::SetLog { filter, reply };
    running
        .orders
        .blocking_send(order)
        .expect("an amimux that obeys");
    assert_eq!(
        answer.blocking_recv().expect("an answer").as_deref(),
        Ok("info")
    );
}

/// Credentials that are sent with each request are worth what they are worth now.
#[test]
fn a_secret_that_has_changed_opens_nothing_over_http() {
    let asterisk = Simulated::start();
    let pbx = [("pbx", asterisk.port)];
    let port = free_ports(1);
    let text = |secret: &str| {
        let alice = ALICE.replace("alice-secret", secret);
        let http = format!("[http]\nenabled = yes\nbindaddr = 127.0.0.1\nbindport = {port}\n");
        with("webenabled = yes", &pbx, &alice) + &http
    };
    let running = Running::start(&text("alice-secret"));
    let status = |kind: &str, path: &str, secret: &str| {
        let json = [
            "-H",
            "Content-Type: application/json",
            "-d",
            "{\"Action\":\"Ping\"}",
        ];
        let body = if kind == "--basic" { &json[..] } else { &[] };
        let url = format!("http://127.0.0.1:{port}{path}");
        let user = format!("alice:{secret}");
        let arguments = [
            "-s",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            kind,
            "-u",
            &user,
            &url,
        ];
        let run = std::process::Command::new("curl")
            .args(arguments)
            .args(body)
            .output();
        String::from_utf8_lossy(&run.expect("curl").stdout).into_owned()
    };
    let kinds = [("--basic", "/action"), ("--digest", "/arawman?action=ping")];
    for (kind, path) in kinds {
        assert_eq!(status(kind, path, "alice-secret"), "200", "{kind}");
    }
    running.reload(&text("new-secret"));
    for (kind, path) in kinds {
        assert_eq!(status(kind, path, "alice-secret"), "401", "{kind}");
        assert_eq!(status(kind, path, "new-secret"), "200", "{kind}");
    }
}
