//! What `aside serve` says when it cannot start: one line that says what to change, an exit code, and no secret.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::Duration,
};

use aside::postgres;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::time::timeout;

use super::PATIENCE;
use crate::{
    application::Backend,
    proxy::{Proxy, Way},
    replica::{Replica, free_address},
    test_database::TestDatabase,
};

const SECRET: &str = "tr0ub4dor";

/// Runs `aside serve`, which fails; gives its exit code and what it wrote to standard error.
async fn serve(variables: HashMap<String, String>) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_aside"));
    command.arg("serve").env_clear().envs(variables).current_dir(std::env::temp_dir());
    let process = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let process = process.expect("the binary starts");
    let id = Pid::from_raw(i32::try_from(process.id()).expect("process ids are small"));
    let ended = tokio::task::spawn_blocking(move || process.wait_with_output());
    let Ok(ended) = timeout(PATIENCE, ended).await else {
        kill(id, Signal::SIGKILL).expect("it still runs");
        panic!("it has started");
    };
    let output = ended.expect("no panic").expect("its output");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!stdout.contains(SECRET) && !stderr.contains(SECRET), "it tells a secret: {stdout}{stderr}");
    assert!(!stderr.contains("at line"), "{stderr}");
    assert!(!stdout.contains("waiting for postgres"), "no waiting mends it: {stdout}");
    (output.status.code(), stderr.into_owned())
}

fn assert_one_line(text: &str, words: &[&str]) {
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.starts_with("error: "), "{text}");
    for word in words {
        assert!(text.contains(word), "{word} is not in {text}");
    }
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let backend = Backend::create().await;
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("it listens").to_string();

    for variable in ["LISTEN_ADDR", "ADMIN_ADDR"] {
        let (code, said) = serve(backend.variables(&[(variable, &address)])).await;

        assert_eq!(code, Some(1));
        assert_one_line(&said, &[variable, &address, "in use"]);
    }
}

#[tokio::test]
async fn a_bad_setting_is_named_and_secrets_are_not_told() {
    let backend = Backend::create().await;
    let mysql = format!("mysql://aside:{SECRET}@127.0.0.1/aside");
    let no_port = format!("postgres://aside:{SECRET}@127.0.0.1:port/aside");
    let redis = format!("http://:{SECRET}@127.0.0.1");
    let settings = [
        ("DATABASE_URL", mysql.as_str()),
        ("DATABASE_URL", no_port.as_str()),
        ("REDIS_URL", redis.as_str()),
        ("CACHE_TTL", "soon"),
        ("LISTEN_ADDR", "localhost"),
    ];
    for (variable, value) in settings {
        let (code, said) = serve(backend.variables(&[(variable, value)])).await;

        assert_eq!(code, Some(2), "{variable}: {said}");
        assert_one_line(&said, &[variable, "expected"]);
    }
}

#[tokio::test]
async fn a_database_that_is_not_there_is_an_error_at_once() {
    let backend = Backend::create().await;
    let mut url = backend.database.url.clone();
    url.set_path("aside_test_none");

    let (code, said) = serve(backend.variables(&[("DATABASE_URL", url.as_str())])).await;

    assert_eq!(code, Some(1));
    assert_one_line(&said, &["postgres", "aside_test_none"]);
}

#[tokio::test]
async fn an_unknown_parameter_is_refused_by_name_and_its_value_is_not_told() {
    let backend = Backend::create().await;
    let database = |query: &str| format!("postgres://aside:{SECRET}@127.0.0.1/aside?{query}={SECRET}");
    let redis = |query: &str| format!("redis://:{SECRET}@127.0.0.1/0?{query}={SECRET}");
    for (variable, value, name) in [
        ("DATABASE_URL", database("api_key"), "\"api_key\""),
        ("DATABASE_URL", database("sslmode"), "\"sslmode\""),
        ("REDIS_URL", redis("api_key"), "\"api_key\""),
        ("REDIS_URL", format!("rediss://127.0.0.1#{SECRET}"), "#"),
        ("REDIS_URL", "rediss://127.0.0.1#insecure".to_owned(), "#"),
    ] {
        let (code, said) = serve(backend.variables(&[(variable, &value)])).await;

        assert_eq!(code, Some(2), "{said}");
        assert_one_line(&said, &[variable, name, "expected"]);
    }
}

#[tokio::test]
async fn a_url_under_a_misspelt_name_is_hinted_at_and_not_told() {
    let backend = Backend::create().await;
    let mut variables = backend.variables(&[("DATABSE_URL", &format!("postgres://aside:{SECRET}@127.0.0.1/aside"))]);
    variables.remove("DATABASE_URL");

    let (code, said) = serve(variables).await;

    assert_eq!(code, Some(2));
    assert_one_line(&said, &["DATABASE_URL is not set", "did you mean DATABASE_URL?"]);
}

#[tokio::test]
async fn a_password_is_not_told_at_the_chattiest() {
    let backend = Backend::create().await;
    let mut database = backend.database.url.clone();
    database.set_password(Some(SECRET)).expect("a URL with a host");
    database.set_path("aside_test_none");
    let redis = format!("redis://:{SECRET}@{}", free_address());

    // It looks for the secret in all that is written.
    let variables = [("DATABASE_URL", database.as_str()), ("REDIS_URL", &redis), ("RUST_LOG", "trace")];
    let (code, _said) = serve(backend.variables(&variables)).await;

    assert_eq!(code, Some(1));
}

#[tokio::test]
async fn postgres_variables_of_the_environment_are_not_read() {
    let backend = Backend::create().await;
    let replica = Replica::start(backend.variables(&[
        ("PGOPTIONS", "-c default_transaction_read_only=on"),
        ("PGHOST", "192.0.2.1"),
        ("PGSSLCERT", "/nowhere"),
    ]))
    .await;

    replica.api().register("ada").await;
}

/// `aside` with this command, while it runs.
struct Running {
    process: Child,
    output: BufReader<std::process::ChildStdout>,
}

impl Running {
    fn start(command: &str, variables: HashMap<String, String>) -> Self {
        let mut started = Command::new(env!("CARGO_BIN_EXE_aside"));
        started.arg(command).env_clear().envs(variables).current_dir(std::env::temp_dir()).stdin(Stdio::null());
        let mut process = started.stdout(Stdio::piped()).spawn().expect("the binary starts");
        let output = BufReader::new(process.stdout.take().expect("its output"));
        Self { process, output }
    }

    /// The next line that has this in it. Its lines end when the process does.
    fn line_with(&mut self, text: &str) -> String {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            assert_ne!(self.output.read_line(&mut line).expect("text"), 0, "it ended without saying {text}");
        }
        line
    }

    fn interrupt(&self) {
        let id = Pid::from_raw(i32::try_from(self.process.id()).expect("process ids are small"));
        kill(id, Signal::SIGTERM).expect("it runs");
    }

    /// What else it says, and whether it ended well.
    fn end(mut self) -> (String, bool) {
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).expect("text");
        (rest, self.process.wait().expect("it ends").success())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _gone_already = self.process.kill();
        let _reaped = self.process.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_waits_names_address_and_cause_and_says_nothing_false_when_it_is_interrupted() {
    let backend = Backend::create().await;
    let refused = free_address().to_string();
    for address in ["nowhere.invalid:5433", &refused] {
        let url = format!("postgres://aside:{SECRET}@{address}/aside");
        let mut running = Running::start("serve", backend.variables(&[("DATABASE_URL", &url), ("RUST_LOG", "info")]));

        let line = running.line_with("waiting for postgres");
        running.interrupt();
        let (rest, ended_well) = running.end();

        assert!(line.contains(&format!("at {address}: ")) && !line.contains(SECRET), "{line}");
        assert!(!rest.contains("serving") && rest.contains("stopped"), "{rest}");
        assert!(ended_well);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn migrate_waits_for_a_postgres_that_is_not_there_yet() {
    let backend = Backend::create().await;
    let proxy = Proxy::start(&backend.database.url).await;
    proxy.set(Way::Cut);
    let url = proxy.url(&backend.database.url);
    let mut running = Running::start("migrate", backend.variables(&[("DATABASE_URL", url.as_str())]));

    running.line_with("waiting for postgres");
    proxy.set(Way::Open);
    let (_rest, ended_well) = tokio::task::spawn_blocking(move || running.end()).await.expect("no panic");

    assert!(ended_well);
}

#[tokio::test]
async fn a_start_gives_up_on_a_postgres_that_stays_away() {
    let backend = Backend::create().await;
    let url = format!("postgres://aside:{SECRET}@{}/aside", free_address());
    let database = postgres::database(backend.config(&[("DATABASE_URL", &url)]).database);

    let waited = timeout(PATIENCE, database.wait_until_usable(Duration::from_millis(1))).await;

    let error = waited.expect("it gives up").expect_err("no server listens there");
    assert!(!error.is_permanent(), "a server that starts later would mend it: {error}");
}

#[tokio::test]
async fn a_server_without_tls_and_another_service_end_the_start_at_once() {
    let backend = Backend::create().await;
    let mut without_tls = backend.database.url.clone();
    without_tls.set_query(Some("sslmode=require"));
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let other_service = listener.local_addr().expect("it listens");
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            let _gone = connection.and_then(|mut client| client.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n"));
        }
    });
    let wrong = format!("postgres://aside:{SECRET}@{other_service}/aside");
    let address = format!(":{}", without_tls.port().unwrap_or(5432));
    for (url, words) in
        [(without_tls.as_str(), [address.as_str(), "TLS"]), (&wrong, [&other_service.to_string(), "no PostgreSQL"])]
    {
        let (code, said) = serve(backend.variables(&[("DATABASE_URL", url)])).await;

        assert_eq!(code, Some(1), "{said}");
        assert_one_line(&said, &words);
    }
}

#[tokio::test]
async fn a_database_that_is_not_unicode_is_refused() {
    let backend = Backend::create().await;
    let database = TestDatabase::create_with("ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0").await;

    let (code, said) = serve(backend.variables(&[("DATABASE_URL", database.url.as_str())])).await;

    assert_eq!(code, Some(1));
    assert_one_line(&said, &["SQL_ASCII", "UTF8"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_not_there_is_named_once_with_its_address() {
    let backend = Backend::create().await;
    let (address, public, admin) = (free_address().to_string(), free_address(), free_address());
    let url = format!("redis://:{SECRET}@{address}");
    let mut running = Running::start(
        "serve",
        backend.variables(&[
            ("REDIS_URL", &url),
            ("RUST_LOG", "info"),
            ("LISTEN_ADDR", &public.to_string()),
            ("ADMIN_ADDR", &admin.to_string()),
        ]),
    );

    let line = running.line_with(&address);
    let mut before_serving = String::new();
    while !before_serving.contains("mode=Near") {
        assert_ne!(running.output.read_line(&mut before_serving).expect("text"), 0, "{before_serving}");
    }
    running.interrupt();
    let (rest, ended_well) = running.end();

    assert!(line.contains("redis") && line.contains("refused") && !line.contains(SECRET), "{line}");
    assert!(!before_serving.contains(&address) && !rest.contains(&address), "{before_serving}{rest}");
    assert!(ended_well);
}
