//! Chromium, driven over WebDriver (W3C) by the program chromedriver: plain HTTP with JSON.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{PATIENCE, terminate, until};

/// The member that names an element, as WebDriver has it.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser with one tab; ends with the value.
pub(crate) struct Browser {
    driver: Child,
    port: u16,
    session: String,
    pid: Option<u64>,
    // Everything that either leaves behind.
    _folder: TempDir,
}

/// Where that program is.
fn program(name: &str) -> String {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&paths).map(|path| path.join(name));
    let found = found.into_iter().find(|path| path.is_file());
    let found = found.unwrap_or_else(|| panic!("{name} is not installed: run scripts/setup.sh"));
    found.to_str().expect("a path in UTF-8").to_owned()
}

impl Browser {
    pub(crate) fn start() -> Self {
        Self::with(&[])
    }

    /// With further arguments.
    pub(crate) fn with(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        // It wants the same port of IPv4 and of IPv6, and ends where one of them is taken.
        let (driver, port) = (0..20)
            .find_map(|_| start_driver(folder.path()))
            .expect("a port for chromedriver");
        let mut browser = Self {
            driver,
            port,
            session: String::new(),
            pid: None,
            _folder: folder,
        };
        let mut all = vec![
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--no-proxy-server",
            "--window-size=1000,1400",
            // The browser ends when its driver does, however that happens.
            "--remote-debugging-pipe",
        ];
        all.extend(arguments);
        let wishes = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"binary": program("chromium"), "args": all},
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let begun = browser.call("POST", "/session", &wishes);
        browser.session = text(&begun["sessionId"]);
        browser.pid = begun["capabilities"]["goog:processID"].as_u64();
        assert!(browser.pid.is_some(), "no process: {begun}");
        browser
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = exchange(self.port, method, path, body)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}"));
        assert_eq!(status, 200, "{method} {path} {body}: {answer}");
        answer
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.call("POST", &format!("/session/{}{path}", self.session), body)
    }

    fn get(&self, path: &str) -> Value {
        self.call(
            "GET",
            &format!("/session/{}{path}", self.session),
            &Value::Null,
        )
    }

    /// Goes to an address and waits until it is loaded.
    pub(crate) fn open(&self, url: &str) {
        self.post("/url", &json!({ "url": url }));
    }

    /// Loads the page again.
    pub(crate) fn reload(&self) {
        self.post("/refresh", &json!({}));
    }

    /// The page's address.
    pub(crate) fn url(&self) -> String {
        text(&self.get("/url"))
    }

    /// The elements that a selector names.
    fn find(&self, selector: &str) -> Vec<String> {
        let wish = json!({"using": "css selector", "value": selector});
        let found = self.post("/elements", &wish);
        let found = found.as_array().expect("elements");
        found.iter().map(|one| text(&one[ELEMENT])).collect()
    }

    fn only(&self, selector: &str) -> String {
        let mut found = self.find(selector);
        assert_eq!(found.len(), 1, "elements {selector}");
        found.remove(0)
    }

    /// How many elements there are.
    pub(crate) fn count(&self, selector: &str) -> usize {
        self.find(selector).len()
    }

    /// Clicks where the element is; fails if something lies upon it.
    pub(crate) fn click(&self, selector: &str) {
        let element = self.only(selector);
        self.post(&format!("/element/{element}/click"), &json!({}));
    }

    /// Puts text in the place of what an input has.
    pub(crate) fn fill(&self, selector: &str, text: &str) {
        let element = self.only(selector);
        self.post(&format!("/element/{element}/clear"), &json!({}));
        self.post(
            &format!("/element/{element}/value"),
            &json!({ "text": text }),
        );
    }

    /// Types, wherever the focus is. U+E004 is the Tab key, U+E007 Enter.
    pub(crate) fn type_keys(&self, keys: &str) {
        let press = |key: char| {
            let key = key.to_string();
            [
                json!({"type": "keyDown", "value": key}),
                json!({"type": "keyUp", "value": key}),
            ]
        };
        let presses: Vec<Value> = keys.chars().flat_map(press).collect();
        let source = json!({"type": "key", "id": "keyboard", "actions": presses});
        self.post("/actions", &json!({"actions": [source]}));
    }

    /// The text of the first such element as it is rendered; nothing where it is hidden, or not there yet.
    pub(crate) fn text(&self, selector: &str) -> String {
        let script = "const one = document.querySelector(arguments[0]); \
                      return one && one.checkVisibility() ? one.innerText : ''";
        let wish = json!({"script": script, "args": [selector]});
        text(&self.post("/execute/sync", &wish))
    }

    /// A property of an element.
    pub(crate) fn property(&self, selector: &str, name: &str) -> Value {
        let element = self.only(selector);
        self.get(&format!("/element/{element}/property/{name}"))
    }

    /// Whether an element is shown.
    pub(crate) fn shows(&self, selector: &str) -> bool {
        let element = self.only(selector);
        self.get(&format!("/element/{element}/displayed")) == json!(true)
    }

    /// Waits until an element's text has `part` in it; returns the text.
    pub(crate) fn wait_for(&self, selector: &str, part: &str) -> String {
        until(&format!("{part:?} in {selector}"), || {
            Some(self.text(selector)).filter(|text| text.contains(part))
        })
    }

    /// Runs a function's body in the page.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({"script": script, "args": []}))
    }

    /// Takes the network away, or gives it back.
    pub(crate) fn set_offline(&self, offline: bool) {
        let conditions = json!({"offline": offline, "latency": 0, "download_throughput": -1, "upload_throughput": -1});
        let wish = json!({ "network_conditions": conditions });
        self.post("/chromium/network_conditions", &wish);
    }

    /// Has a script run before those of each page to come.
    pub(crate) fn prepare(&self, script: &str) {
        let name = "Page.addScriptToEvaluateOnNewDocument";
        let wish = json!({"cmd": name, "params": {"source": script}});
        self.post("/goog/cdp/execute", &wish);
    }

    /// The cookies that the page's server set.
    pub(crate) fn cookies(&self) -> Vec<Value> {
        self.get("/cookie").as_array().expect("cookies").clone()
    }

    /// Opens another tab and goes to it; returns the handle of the one before.
    pub(crate) fn open_tab(&self) -> String {
        let before = text(&self.get("/window"));
        let tab = self.post("/window/new", &json!({"type": "tab"}));
        self.switch(&text(&tab["handle"]));
        before
    }

    /// Goes to a tab.
    pub(crate) fn switch(&self, handle: &str) {
        self.post("/window", &json!({ "handle": handle }));
    }

    /// Makes the window that large.
    pub(crate) fn resize(&self, width: u32, height: u32) {
        self.post("/window/rect", &json!({"width": width, "height": height}));
    }

    /// What the browser has to say about the page since the last call: errors, and violations of its policy.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let lines = self.post("/se/log", &json!({"type": "browser"}));
        let lines = lines.as_array().expect("lines");
        lines.iter().map(|line| text(&line["message"])).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let path = format!("/session/{}/execute/sync", self.session);
            let wish = json!({"script": "return document.body.innerText", "args": []});
            let page = exchange(self.port, "POST", &path, &wish).map(|(_, page)| page);
            let _ = writeln!(std::io::stderr(), "--- the page ---\n{page:?}");
        }
        // It may be gone already, and is ended by number below in any case.
        let path = format!("/session/{}", self.session);
        let _ = exchange(self.port, "DELETE", &path, &Value::Null);
        terminate(&mut self.driver);
        if let Some(pid) = self.pid {
            let pid = pid.to_string();
            let kill = |signal: &str| {
                Command::new("kill")
                    .args([signal, &pid])
                    .stderr(Stdio::null())
                    .status()
            };
            let lives = || kill("-0").is_ok_and(|status| status.success());
            for _ in 0..100 {
                if !lives() {
                    return;
                }
                std::thread::park_timeout(Duration::from_millis(20));
            }
            let _ = kill("-KILL");
        }
    }
}

/// A chromedriver and its port; `None`: it has found no port, and ended.
fn start_driver(folder: &Path) -> Option<(Child, u16)> {
    let mut driver = Command::new(program("chromedriver"))
        .arg("--port=0")
        .env("TMPDIR", folder)
        .env("HOME", folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("chromedriver can be run");
    let output = driver.stdout.take().expect("its output");
    let port = port(output);
    if port.is_none() {
        terminate(&mut driver);
        std::thread::park_timeout(Duration::from_millis(200));
    }
    Some((driver, port?))
}

/// The port that chromedriver prints, if it has one.
fn port(output: impl Read + Send + 'static) -> Option<u16> {
    let mut lines = BufReader::new(output).lines();
    let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
        let port = line.split_once("successfully on port ")?.1;
        port.trim_end_matches('.').parse().ok()
    });
    // Whatever else it prints must not fill the pipe.
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
    port
}

/// One request to chromedriver; returns the status and the member `value`.
fn exchange(port: u16, method: &str, path: &str, body: &Value) -> std::io::Result<(u16, Value)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(PATIENCE * 2))?;
    let body = match body {
        Value::Null => String::new(),
        body => body.to_string(),
    };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes())?;
    let mut reader = BufReader::new(stream);
    let (mut status, mut length) = (0, 0);
    for number in 0.. {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim_end();
        if number == 0 {
            let word = line.split(' ').nth(1).and_then(|word| word.parse().ok());
            status = word.ok_or_else(|| std::io::Error::other(format!("no answer: {line:?}")))?;
        } else if line.is_empty() {
            break;
        } else if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().map_err(std::io::Error::other)?;
        }
    }
    let mut answer = vec![0; length];
    reader.read_exact(&mut answer)?;
    let mut answer: Value = serde_json::from_slice(&answer)?;
    Ok((status, answer["value"].take()))
}

fn text(value: &Value) -> String {
    let text = value.as_str();
    text.unwrap_or_else(|| panic!("a text, not {value}"))
        .to_owned()
}

#[test]
#[should_panic(expected = "no-such-browser is not installed: run scripts/setup.sh")]
fn without_a_browser_nothing_passes() {
    program("no-such-browser");
}
