//! The whole router over the built-in model, without a socket.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use flowinone_prompts::ClassToImage;
use flowinone_tasks::device::{self, Choice};
use flowinone_tasks::{Dtype, Session};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::ServiceExt;

use crate::app::{App, Shared};
use crate::config::Config;
use crate::engine::{Engine, ModelInfo};
use crate::log::Log;
use crate::metrics;
use crate::router::{router, routes};
use crate::store::Store;

/// A server without a socket.
pub(crate) struct Bench {
    app: Shared,
    router: Router,
    _folder: TempDir,
}

fn session() -> Session {
    let device = device::open(Choice::Cpu).unwrap();
    Session::open("built-in:mini", &device, Dtype::F32).unwrap()
}

fn bench() -> Bench {
    bench_of(|_| {})
}

fn bench_of(change: impl FnOnce(&mut Config)) -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::new(folder.path());
    change(&mut config);
    let session = session();
    let info = ModelInfo {
        config: session.config().clone(),
        digest: session.digest().to_string(),
        size: [64; 2],
        dtype: "f32".into(),
        devices: vec!["cpu".into()],
    };
    let store = Store::open(&config.data, 0).unwrap();
    let (metrics, log) = (
        Arc::new(metrics::none()),
        Arc::new(Log::new(Box::new(|_| {}), false)),
    );
    let engine = Engine::start(
        &config,
        store,
        info,
        vec![session],
        Arc::clone(&metrics),
        Arc::clone(&log),
    );
    let app = App::new(engine, config, metrics, log);
    Bench {
        router: router(&app),
        app,
        _folder: folder,
    }
}

impl Bench {
    async fn send(&self, request: Request<Body>) -> Response<Body> {
        self.router.clone().oneshot(request).await.unwrap()
    }

    async fn get(&self, path: &str) -> (StatusCode, Vec<u8>) {
        let response = self
            .send(Request::get(path).body(Body::empty()).unwrap())
            .await;
        let status = response.status();
        (
            status,
            response
                .into_body()
                .collect()
                .await
                .unwrap()
                .to_bytes()
                .to_vec(),
        )
    }

    async fn ask(&self, method: &str, path: &str, body: &Value) -> (StatusCode, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json");
        let response = self
            .send(request.body(Body::from(body.to_string())).unwrap())
            .await;
        let status = response.status();
        let bytes = response.into_body().collect().await.unwrap().to_bytes();
        (
            status,
            serde_json::from_slice(&bytes).unwrap_or(Value::Null),
        )
    }

    /// Asks for a picture and waits until the job is over.
    async fn made(&self, request: &Value) -> Value {
        let (status, job) = self.ask("POST", "/api/v1/jobs", request).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{job}");
        let id = job["id"].as_str().unwrap().to_string();
        if let Some(mut over) = self.app.engine.until_over(&id) {
            over.wait_for(|over| *over).await.unwrap();
        }
        self.ask("GET", &format!("/api/v1/jobs/{id}"), &Value::Null)
            .await
            .1
    }
}

/// The PNG that the library itself makes.
fn library(name: &str, seed: u64) -> Vec<u8> {
    let session = session();
    let jobs = [session.job(ClassToImage::new(name)).seed(seed)];
    for event in session.run(jobs, &session.config().sampling) {
        if let flowinone_tasks::Event::Done {
            picture, record, ..
        } = event.unwrap()
        {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("a.png");
            flowinone_tasks::write_png(&file, &picture, &record).unwrap();
            return std::fs::read(file).unwrap();
        }
    }
    panic!("no picture");
}

#[tokio::test]
async fn a_job_becomes_the_bytes_that_the_library_makes() {
    let bench = bench();
    let job = bench
        .made(&json!({"task": "class-to-image", "name": "apple", "seed": 7}))
        .await;
    assert_eq!(
        (&job["state"], &job["width"]),
        (&json!("done"), &json!(64)),
        "{job}"
    );
    let (status, png) = bench
        .get(&format!("/{}", job["links"]["picture"].as_str().unwrap()))
        .await;
    assert_eq!(status, StatusCode::OK);
    assert!(png == library("apple", 7), "the bytes differ");
    // What was asked for, asked for again, is the same picture; so is what the picture says.
    let again = bench.made(&job["request"]).await;
    let (_, bytes) = bench
        .get(&format!("/{}", again["links"]["picture"].as_str().unwrap()))
        .await;
    assert!(bytes == png);
    let replay = Request::post("/api/v1/replay")
        .body(Body::from(png))
        .unwrap();
    let replay = bench
        .send(replay)
        .await
        .into_body()
        .collect()
        .await
        .unwrap()
        .to_bytes();
    let replay: Value = serde_json::from_slice(&replay).unwrap();
    assert_eq!(
        (&replay["same_model"], &replay["missing"]),
        (&json!(true), &json!([]))
    );
    let replayed = bench.made(&replay["request"]).await;
    let (_, bytes) = bench
        .get(&format!(
            "/{}",
            replayed["links"]["picture"].as_str().unwrap()
        ))
        .await;
    assert!(bytes == library("apple", 7));
}

#[tokio::test]
async fn every_documented_route_is_there_and_every_route_is_documented() {
    let bench = bench();
    let document = crate::server::document();
    let paths = document["paths"].as_object().unwrap();
    assert!(paths.len() > 15);
    for route in routes() {
        let method = route.method.as_str();
        let operation = &paths[route.path][method.to_lowercase()];
        assert!(
            operation["operationId"].is_string(),
            "{method} {}",
            route.path
        );
        let path = route
            .path
            .replace("{id}", "0")
            .replace("{sha256}", "0")
            .replace("{model}", "mini");
        let request = Request::builder()
            .method(route.method.clone())
            .uri(&path)
            .body(Body::empty())
            .unwrap();
        let response = bench.send(request).await;
        let (status, streaming) = (response.status(), path.ends_with("events"));
        if status.is_client_error() || !streaming {
            let body = response.into_body().collect().await.unwrap().to_bytes();
            let body = String::from_utf8_lossy(&body).into_owned();
            assert!(
                !body.contains("nothing at this path"),
                "{method} {path}: {body}"
            );
        }
        assert_ne!(status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
        let loading = path == "/health/ready"; // the model may not be loaded yet
        assert!(
            loading || !status.is_server_error(),
            "{method} {path}: {status}"
        );
    }
    let text = String::from_utf8(bench.get("/openapi.json").await.1).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), document);
}

#[tokio::test]
async fn no_path_and_no_file_of_the_server_is_read_for_a_client() {
    let bench = bench();
    let file = std::fs::canonicalize("Cargo.toml").unwrap();
    for picture in [
        json!("/etc/passwd"),
        json!("../journal.sqlite"),
        json!(file),
        json!("picture:../../journal.sqlite"),
        json!("job:../x"),
        json!("data:image/png;base64,AAAA"),
        json!("http://example.org/a.png"),
    ] {
        let request = json!({"task": "text-in-image", "picture": picture, "instruction": "go"});
        let (status, answer) = bench.ask("POST", "/api/v1/jobs", &request).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{picture}: {answer}");
        assert!(
            answer["error"]["code"]
                .as_str()
                .unwrap()
                .ends_with("_picture"),
            "{answer}"
        );
    }
    let svg = json!({"task": "doodle", "picture": {"plain": "#ffffff"}, "drawings": [{"svg": "/etc/passwd"}]});
    let (status, answer) = bench.ask("POST", "/api/v1/jobs", &svg).await;
    assert_eq!(
        (status, &answer["error"]["param"]),
        (StatusCode::BAD_REQUEST, &json!("drawings"))
    );
    for path in [
        "/page/..%2fCargo.toml",
        "/page/%2e%2e%2fmain.rs",
        "/api/v1/pictures/..%2f..%2fjournal.sqlite",
        "/api/v1/jobs/..%2f..%2fetc/picture",
    ] {
        assert_eq!(bench.get(path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn wrong_requests_are_refused_by_the_name_of_what_is_wrong() {
    let bench = bench();
    let name = || json!({"task": "class-to-image", "name": "apple"});
    for (field, value, said) in [
        ("sides", json!(3), "sides"),
        ("side", json!(5), "side"),
        ("frames", json!(3), "no motion"),
        ("seed", json!(-1), "seed"),
        ("settings", json!({"steps": 0}), "steps"),
        ("settings", json!({"steps": 5000}), "5000 steps"),
        (
            "settings",
            json!({"solver": "heun", "grid": "reference"}),
            "euler",
        ),
        ("settings", json!({"stepz": 1}), "stepz"),
        ("output", json!("../a"), "name of a file"),
        ("task", json!("paint"), "paint"),
        ("name", json!(""), "empty"),
    ] {
        let mut request = name();
        request[field] = value;
        let (status, answer) = bench.ask("POST", "/api/v1/jobs", &request).await;
        let message = answer["error"]["message"].as_str().unwrap_or("");
        assert!(
            status == StatusCode::BAD_REQUEST && message.contains(said),
            "{request}: {answer}"
        );
    }
    let bad = Request::post("/api/v1/jobs")
        .header("content-type", "application/json")
        .body(Body::from("{"));
    assert_eq!(
        bench.send(bad.unwrap()).await.status(),
        StatusCode::BAD_REQUEST
    );
    let kind = Request::post("/api/v1/jobs")
        .header("content-type", "text/plain")
        .body(Body::from("{}"));
    assert_eq!(
        bench.send(kind.unwrap()).await.status(),
        StatusCode::UNSUPPORTED_MEDIA_TYPE
    );
    let large = Request::post("/api/v1/jobs")
        .header("content-length", "99999999")
        .body(Body::empty());
    assert_eq!(
        bench.send(large.unwrap()).await.status(),
        StatusCode::PAYLOAD_TOO_LARGE
    );
    let (status, answer) = bench.ask("PUT", "/api/v1/jobs", &json!({})).await;
    assert_eq!(
        (status, &answer["error"]["code"]),
        (StatusCode::METHOD_NOT_ALLOWED, &json!("method_not_allowed"))
    );
}

#[tokio::test]
async fn strangers_are_refused_and_told_the_option_that_helps() {
    let bench = bench_of(|config| {
        config.token = Some("a long token".into());
        config.host_names = vec!["pictures.example.org".into()];
        config.origins = vec!["https://app.example.org".into()];
    });
    let status = async |method: &str, headers: &[(&str, &str)]| {
        let mut request = Request::builder().method(method).uri("/api/v1/jobs");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = bench.send(request.body(Body::empty()).unwrap()).await;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8_lossy(&body).into_owned())
    };
    let token = ("authorization", "Bearer a long token");
    assert_eq!(status("GET", &[token]).await.0, 200);
    assert_eq!(status("GET", &[]).await.0, 401);
    assert_eq!(
        status("GET", &[("authorization", "Bearer a long tokem")])
            .await
            .0,
        401
    );
    for (host, expected) in [
        ("localhost:7860", 200),
        ("127.0.0.1", 200),
        ("[::1]:80", 200),
        ("pictures.example.org", 200),
        ("evil.example.com:7860", 403),
        ("127.0.0.1.evil.example.com", 403),
    ] {
        let (code, said) = status("GET", &[token, ("host", host)]).await;
        assert_eq!(code, expected, "{host}: {said}");
        assert!(code == 200 || said.contains("--host-name"), "{said}");
    }
    for (origin, expected) in [
        ("http://localhost", 415),
        ("https://app.example.org", 415), // past the guard, and then without a body
        ("https://evil.example.com", 403),
        ("null", 403),
    ] {
        let (code, said) =
            status("POST", &[token, ("host", "localhost"), ("origin", origin)]).await;
        assert_eq!(code, expected, "{origin}: {said}");
    }
    let (code, _) = bench
        .ask("POST", "/login", &json!({"token": "wrong one"}))
        .await;
    assert_eq!(code, StatusCode::UNAUTHORIZED);
    let login = Request::post("/login").header("content-type", "application/json");
    let login = bench
        .send(
            login
                .body(Body::from(r#"{"token":"a long token"}"#))
                .unwrap(),
        )
        .await;
    let cookie = login.headers()["set-cookie"].to_str().unwrap().to_string();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
        "{cookie}"
    );
    let cookie = cookie.split(';').next().unwrap();
    assert_eq!(status("GET", &[("cookie", cookie)]).await.0, 200);
    assert_eq!(
        bench.get("/").await.0,
        StatusCode::OK,
        "the page itself is open"
    );
}

#[tokio::test]
async fn openai_requests_are_answered_as_its_client_reads_them() {
    let bench = bench();
    let (status, answer) = bench
        .ask(
            "POST",
            "/v1/images/generations",
            &json!({"prompt": "apple on yellow", "n": 2, "seed": 3, "size": "64x64"}),
        )
        .await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let pictures = answer["data"].as_array().unwrap();
    assert_eq!(pictures.len(), 2);
    assert_ne!(
        pictures[0]["b64_json"], pictures[1]["b64_json"],
        "items have noise of their own"
    );
    assert_eq!(
        (
            &answer["size"],
            &answer["quality"],
            &answer["output_format"]
        ),
        (&json!("64x64"), &json!("medium"), &json!("png"))
    );
    assert!(answer["usage"]["total_tokens"].as_u64().unwrap() > 0);
    for (field, value, status, code) in [
        ("colour", json!("red"), 400, "unknown_parameter"),
        ("model", json!("dall-e-3"), 404, "model_not_found"),
        ("size", json!("1024x1024"), 400, "invalid_value"),
        ("n", json!(11), 400, "invalid_value"),
        ("background", json!("transparent"), 400, "invalid_value"),
        ("output_format", json!("svg"), 400, "invalid_value"),
        ("prompt", json!(""), 400, "invalid_prompt"),
    ] {
        let mut request = json!({"prompt": "apple"});
        request[field] = value;
        let (told, answer) = bench.ask("POST", "/v1/images/generations", &request).await;
        assert_eq!(
            (told.as_u16(), answer["error"]["code"].as_str()),
            (status, Some(code)),
            "{request}: {answer}"
        );
    }
}

#[tokio::test]
async fn all_eight_tasks_are_reached_through_both_doors() {
    let bench = bench();
    let picture = json!({"plain": "#7b68c8"});
    let [a, b, c] = [[100, 120], [300, 200], [400, 380]].map(|point| json!(point));
    let words: [(&str, Value); 8] = [
        ("class-to-image", json!({"name": "apple"})),
        ("text-to-image", json!({"text": "apple on yellow"})),
        (
            "text-in-image",
            json!({"picture": picture, "instruction": "gray background"}),
        ),
        (
            "text-box",
            json!({"picture": picture, "box": [100, 100, 200, 200], "text": "put an apple"}),
        ),
        (
            "visual-marker",
            json!({"picture": picture, "marks": [{"circle": {"centre": a, "radius": 50}}], "instruction": "remove"}),
        ),
        (
            "doodle",
            json!({"picture": picture, "drawings": [{"strokes": [{"points": [a, b, c]}]}]}),
        ),
        (
            "force",
            json!({"picture": picture, "arrows": [{"at": {"from": a, "to": b}}]}),
        ),
        (
            "trajectory",
            json!({"picture": picture, "paths": [{"points": [a, b, c]}]}),
        ),
    ];
    for (task, mut request) in words {
        request["task"] = task.into();
        let job = bench.made(&request).await;
        assert_eq!(job["state"], "done", "{job}");
        let (status, own) = bench
            .get(&format!("/{}", job["links"]["picture"].as_str().unwrap()))
            .await;
        assert_eq!(status, StatusCode::OK);
        let prompt = request["name"]
            .as_str()
            .or(request["text"].as_str())
            .or(request["instruction"].as_str())
            .unwrap_or("");
        let openai = json!({"prompt": prompt, "seed": 0, "flowinone": request});
        let (status, answer) = bench.ask("POST", "/v1/images/generations", &openai).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        assert_eq!(
            answer["data"][0]["b64_json"],
            crate::wire::base64(&own),
            "{task}"
        );
    }
}

#[tokio::test]
async fn a_motion_is_served_as_an_animation() {
    let bench = bench();
    let request = json!({
        "task": "trajectory", "picture": {"plain": "#7b68c8"}, "frames": 3,
        "paths": [{"points": [[100, 100], [300, 300]]}],
    });
    let job = bench.made(&request).await;
    let motion = format!("/{}", job["links"]["motion"].as_str().unwrap());
    for (kind, head) in [("webp", b"RIFF"), ("gif", b"GIF8"), ("apng", b"\x89PNG")] {
        let (status, bytes) = bench.get(&format!("{motion}?format={kind}")).await;
        assert!(
            status == StatusCode::OK && bytes.starts_with(head),
            "{kind}"
        );
    }
    let forgotten = bench
        .ask(
            "DELETE",
            &format!("/{}", job["links"]["picture"].as_str().unwrap()),
            &Value::Null,
        )
        .await;
    assert_eq!(forgotten.1, json!({"forgotten": true}));
    assert_eq!(bench.get(&motion).await.0, StatusCode::NOT_FOUND);
}
