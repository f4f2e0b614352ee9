//! What this server can do: its model and what that knows, tasks, settings, limits.

use axum::extract::State;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use axum::routing::get;
use flowinone_prompts::{Colour, Doodle, Force, Task, Trajectory};
use flowinone_sampler::{Grid, Solver};
use flowinone_tasks::Adjustment;
use serde_json::{Value, json};

use super::answer::json;
use crate::app::{App, Shared};
use crate::operation::Operation;
use crate::route::Route;

pub(crate) fn routes() -> Vec<Route> {
    let operation = Operation::new("capabilities", "What this server can do").json(
        200,
        "Its model, tasks, settings and limits.",
        json!({"type": "object"}),
    );
    vec![Route::new(
        Method::GET,
        "/api/v1/capabilities",
        get(capabilities),
        operation,
    )]
}

async fn capabilities(State(app): State<Shared>) -> Response {
    json(StatusCode::OK, &told(&app))
}

/// The sizes of pictures that can be made, `WIDTHxHEIGHT`: the one that the sessions make.
pub(crate) fn sizes(app: &App) -> Vec<String> {
    let [width, height] = app.engine.info.size;
    vec![format!("{width}x{height}")]
}

fn told(app: &App) -> Value {
    let info = &app.engine.info;
    let style = &info.config.prompts;
    let fast = Adjustment {
        fast: true,
        ..Adjustment::default()
    };
    let sentence = |task: Task| {
        let published = match task {
            Task::Doodle => Doodle::INSTRUCTION,
            Task::Force => Force::INSTRUCTION,
            Task::Trajectory => Trajectory::INSTRUCTION,
            _ => return None,
        };
        Some(style.sentences.get(&task).map_or(published, String::as_str))
    };
    let tasks = Task::ALL.map(|task| {
        json!({"name": task.name(), "picture": task.keeps_structure(), "sentence": sentence(task)})
    });
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "model": {
            "name": info.config.name,
            "digest": info.digest,
            "trained": info.config.trained,
            "dtype": info.dtype,
            "devices": info.devices,
            "side": info.config.picture_side,
            "prompt_side": style.side,
            "classes": style.classes,
            "synonyms": style.synonyms,
            "words": style.words,
        },
        "tasks": tasks,
        "sizes": sizes(app),
        "settings": {
            "default": Adjustment::of(&info.config.sampling),
            "fast": Adjustment::of(&fast.preset(&info.config)),
            "solvers": Solver::ALL.map(|solver| solver.to_string()),
            "grids": Grid::ALL.map(|grid| grid.to_string()),
        },
        "colours": {
            "box": Colour::BOX,
            "marker": Colour::MARKER,
            "force": Colour::FORCE,
            "trajectory": Colour::TRAJECTORY,
        },
        "limits": {
            "queue": app.config.queue,
            "batch": app.config.batch_size,
            "body": app.config.most_body,
            "pixels": app.config.most_pixels,
            "steps": app.config.most_steps,
            "frames": app.config.most_frames,
        },
    })
}
