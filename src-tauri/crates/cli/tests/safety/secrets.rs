//! Secrets that servers repeat: in error bodies, in good answers, in redirects. They are searched for in everything that
//! a check leaves and says, and in the process list while it runs.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use holdpoint_agentverse::KnownSecrets;
use serde_json::{Value, json};

use crate::support::{Rehearsal, holdpoint, text};

/// A request as it came.
struct Request {
    head: String,
    body: Vec<u8>,
}

impl Request {
    fn read(stream: &TcpStream) -> Option<Self> {
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if line == "\r\n" {
                break;
            }
            let (name, value) = line.split_once(':').unwrap_or((&line, ""));
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().ok()?;
            }
            if !name.eq_ignore_ascii_case("connection") && !name.eq_ignore_ascii_case("host") {
                head.push_str(&line);
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        Some(Self { head, body })
    }

    fn line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    /// Everything a server knows of its caller, as a careless one writes it into its answer.
    fn repeated(&self, more: &str) -> String {
        format!("refused: {} {} {more}", self.head.replace("\r\n", " "), String::from_utf8_lossy(&self.body))
    }
}

fn answer(stream: &mut TcpStream, status: &str, headers: &str, body: &str) {
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
}

/// Serves on this computer for as long as the test lives; `serve` answers one request of a connection.
fn serving(serve: impl Fn(TcpStream, Request) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serve = Arc::new(serve);
    std::thread::spawn(move || {
        for stream in listener.incoming().take(5000).flatten() {
            let serve = Arc::clone(&serve);
            std::thread::spawn(move || {
                if let Some(request) = Request::read(&stream) {
                    serve(stream, request);
                }
            });
        }
    });
    url
}

/// Hands a request on and its answer back.
fn pass_on(to: &str, request: &Request, stream: &mut TcpStream) {
    let Ok(mut server) = TcpStream::connect(to) else { return };
    let head = format!("{}host: {to}\r\nconnection: close\r\n\r\n", request.head);
    let sent = server.write_all(head.as_bytes()).and_then(|()| server.write_all(&request.body));
    if sent.is_ok() {
        let _ = std::io::copy(&mut server, stream);
    }
}

fn authority(url: &Value) -> String {
    let url = url.as_str().unwrap().trim_start_matches("http://");
    url.split('/').next().unwrap().to_owned()
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files
}

/// Names of secrets that a text holds in any form.
fn found(secrets: &[(String, KnownSecrets)], text: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(text);
    let mut names: Vec<String> =
        secrets.iter().filter(|(_, secret)| secret.are_in(&text)).map(|(name, _)| name.clone()).collect();
    if text.contains("eyJ0eXAi") || text.contains("eyJhbGci") {
        names.push("the API's token".to_owned());
    }
    names
}

/// Arguments and environments of every process of this computer that we may look at.
fn processes(secrets: &[(String, KnownSecrets)]) -> Vec<String> {
    let mut seen = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        for file in ["cmdline", "environ"] {
            let text = std::fs::read(entry.path().join(file)).unwrap_or_default();
            for name in found(secrets, &text) {
                seen.push(format!("{name} is in {file} of {}", entry.file_name().display()));
            }
        }
    }
    seen
}

#[test]
fn what_servers_repeat_of_secrets_is_found_nowhere() {
    let rehearsal = Rehearsal::start("healthy");
    let good = rehearsal.json();
    let named = ["password", "ops_key", "s3_access_key", "s3_secret_key", "railway_token"];
    let value = |name: &str| good["secrets"][name].as_str().unwrap().to_owned();
    let secrets: Vec<(String, KnownSecrets)> =
        named.iter().map(|name| ((*name).to_owned(), KnownSecrets::new([value(name).as_str()]))).collect();
    // What a careless server also writes down: other forms, and secrets of other services.
    let more = Arc::new(format!(
        "secret={} key {} {:?} token:{}",
        value("s3_secret_key"),
        value("s3_access_key"),
        value("password"),
        value("railway_token")
    ));

    // Somebody else's server, where redirects lead to.
    let strayed: Arc<Mutex<Vec<String>>> = Arc::default();
    let heard = Arc::clone(&strayed);
    let elsewhere = serving(move |mut stream, request| {
        heard.lock().unwrap().push(request.head);
        answer(&mut stream, "200 OK", "", "{}");
    });
    let (api, told) = (authority(&good["api_url"]), Arc::clone(&more));
    let front = serving(move |mut stream, request| {
        let line = request.line().to_owned();
        let repeated = request.repeated(&told);
        if line.contains("/calibration/auto-tune") {
            answer(&mut stream, "500 Internal Server Error", "", &json!({"detail": repeated}).to_string());
        } else if line.contains("/calibration/jobs") && line.starts_with("POST") {
            answer(&mut stream, "400 Bad Request", "", &repeated);
        } else if line.contains("/health/storage-test") {
            let body = json!({"status": "failed", "message": repeated, "storage_bucket": told.as_str()});
            answer(&mut stream, "200 OK", "", &body.to_string());
        } else {
            pass_on(&api, &request, &mut stream);
        }
    });
    let mut environment = good.clone();
    environment["api_url"] = json!(front);

    // A wrong Railway token whose refusal repeats it, then checks that reach the tests.
    let wrong = "0badc0de-1111-4222-8333-444455556666";
    let mut secrets = secrets;
    secrets.push(("the refused token".to_owned(), KnownSecrets::new([wrong])));
    let railway = serving(move |mut stream, request| {
        let body = json!({"errors": [{"message": format!("Not Authorized: {}", request.repeated(""))}], "data": null});
        answer(&mut stream, "200 OK", "", &body.to_string());
    });
    let mut refused = good.clone();
    refused["railway"]["url"] = json!(format!("{railway}/graphql/v2"));
    refused["secrets"]["railway_token"] = json!(wrong);

    let root = tempfile::tempdir().unwrap();
    let files = tempfile::tempdir().unwrap();
    // The storage probe fails in `front`, so a preflight ends there; without it the tests are reached.
    let cases = [
        ("refused", refused, "C1"),
        ("not-ready", environment.clone(), "L1"),
        ("tests", reaching_tests(&good, &more, &elsewhere), "L2,L3,REP,BUCKET"),
    ];
    let mut problems = Vec::new();
    for (name, environment, tests) in cases {
        let file = files.path().join(format!("{name}.json"));
        std::fs::write(&file, environment.to_string()).unwrap();
        let mut child = holdpoint()
            .args(["check", "--events", "--test", tests, "--environment"])
            .arg(&file)
            .arg("--out")
            .arg(root.path().join(name))
            .env("HOME", root.path())
            .env("HOLDPOINT_LOG", "trace")
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(root.path().join(format!("{name}.stderr"))).unwrap())
            .spawn()
            .unwrap();
        let mut printed = String::new();
        for (number, line) in BufReader::new(child.stdout.take().unwrap()).lines().enumerate() {
            printed.push_str(&line.unwrap());
            if number % 40 == 10 {
                problems.extend(processes(&secrets));
            }
        }
        child.wait().unwrap();
        std::fs::write(root.path().join(format!("{name}.stdout")), &printed).unwrap();
        let out = root.path().join(name);
        for arguments in [["report", "show"], ["report", "markdown"]] {
            let shown = text(&holdpoint().args(arguments).arg(&out).output().unwrap());
            std::fs::write(root.path().join(format!("{name}.{}", arguments[1])), shown).unwrap();
        }
        let exported = root.path().join(format!("{name}-export"));
        holdpoint()
            .args(["report", "export"])
            .arg(&out)
            .args(["--name", "x", "--to"])
            .arg(exported)
            .output()
            .unwrap();
        for command in
            [&["services", "health"][..], &["services", "storage-test"], &["services", "logs", "api"]]
        {
            let said = text(&holdpoint().args(command).arg("--environment").arg(&file).output().unwrap());
            std::fs::write(root.path().join(format!("{name}.{}", command[1])), said).unwrap();
        }
    }
    let all = files_below(root.path());
    assert!(all.len() > 20, "{all:?}");
    let mut hidden = 0;
    for file in &all {
        let content = std::fs::read(file).unwrap();
        hidden += String::from_utf8_lossy(&content).matches("[secret]").count();
        for name in found(&secrets, &content) {
            problems.push(format!("{name} is in {}", file.strip_prefix(root.path()).unwrap().display()));
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
    assert!(hidden > 10, "the servers did repeat secrets, and {hidden} were taken out");
    assert!(strayed.lock().unwrap().is_empty(), "a redirect was followed: {:?}", strayed.lock().unwrap());
}

/// As the rehearsal, but its answers repeat secrets where a check goes on all the same.
fn reaching_tests(good: &Value, more: &Arc<String>, elsewhere: &str) -> Value {
    let (api, told) = (authority(&good["api_url"]), Arc::clone(more));
    let location = format!("location: {elsewhere}/exports\r\n");
    let front = serving(move |mut stream, request| {
        let line = request.line().to_owned();
        let repeated = request.repeated(&told);
        if line.contains("/calibration/auto-tune") {
            answer(&mut stream, "500 Internal Server Error", "", &json!({"detail": repeated}).to_string());
        } else if line.contains("/calibration/jobs") && line.starts_with("POST") {
            answer(&mut stream, "400 Bad Request", "", &repeated);
        } else if line.contains("/calibration/run") {
            answer(
                &mut stream,
                "422 Unprocessable Entity",
                "",
                &json!({"detail": [{"msg": repeated}]}).to_string(),
            );
        } else if line.contains("/exports") {
            answer(
                &mut stream,
                "307 Temporary Redirect",
                &location,
                &json!({"message": repeated}).to_string(),
            );
        } else {
            pass_on(&api, &request, &mut stream);
        }
    });
    let mut environment = good.clone();
    environment["api_url"] = json!(front);
    environment
}
