"""Workers on a real Redis: killed, drained, with a Redis that goes away, against `batch`."""

import hashlib
import json
import os
import random
import signal
import time
import urllib.error
import urllib.request

from conftest import free_port, pictures, prompts, report, run, status, wait_for

LINES = int(os.environ.get("QUEUE_LINES", 400))
# Pictures as small and as fast as the built-in model makes them.
SMALL = ["--no-upscale"]
QUICK = ["--steps", "4", "--seed", "7"]


def digests(found):
    return sorted(hashlib.sha256(png).hexdigest() for png in found.values())


def test_workers_that_are_killed_make_what_batch_makes(redis, crew, tmp_path):
    """4 workers, 400 lines, one killed for every 20 pictures, Redis killed and started again."""
    lines = prompts(tmp_path / "p.jsonl", LINES)
    alone = tmp_path / "alone"
    run("batch", lines, "-o", alone, "--batch-size", 8, *SMALL, *QUICK)
    expected = pictures(alone)
    assert len(expected) == LINES

    store, together = redis("--appendfsync", "everysec"), tmp_path / "together"
    run("enqueue", lines, "--queue", store.url, *QUICK)
    # Six tries: here it is the workers that die of something, not the jobs.
    workers = crew(store, together, *SMALL, "--batch-size", "4", "--lease", "2", "--tries", "6")
    for _ in range(4):
        workers.start()
    chance, killed, restarted, before = random.Random(22), 0, False, 0
    begin = time.monotonic()
    while True:
        state = status(store)
        if state["waiting"] == state["running"] == 0:
            break
        assert time.monotonic() - begin < 300, state
        # A death for every twentieth of the lines, in the midst of work.
        if state["done"] >= before + LINES // 20:
            before = state["done"]
            victim = chance.choice(workers.alive())
            victim.kill()
            victim.wait()
            killed += 1
            workers.start()
        if not restarted and state["done"] > LINES // 3:
            store.kill()
            time.sleep(0.5)
            store.start()
            restarted = True
        time.sleep(chance.uniform(0.1, 0.4))
    seconds = time.monotonic() - begin
    assert set(workers.end()) <= {0}
    assert killed >= 5 and restarted, (killed, restarted)

    made = pictures(together)
    named = {name for name in expected if "/" in name}
    assert {name for name in made if "/" in name} == named
    assert all(made[name] == expected[name] for name in named)
    assert digests(made) == digests(expected)
    told = report(store, tmp_path / "report.jsonl")
    assert sorted(line["line"] for line in told) == list(range(1, LINES + 1))
    assert {line["status"] for line in told} <= {"done", "skipped"}
    state = status(store)
    assert (state["waiting"], state["running"], state["failed"]) == (0, 0, 0)
    assert not [path for path in together.rglob(".flowinone-*") if time.time() - path.stat().st_mtime > 60]
    skipped = sum(line["status"] == "skipped" for line in told)
    print(f"\n{LINES} lines, {killed} workers killed, Redis killed once: {seconds:.0f} s, "
          f"{skipped} pictures were there when they were taken over")


def test_a_worker_drains_at_sigterm_and_tells_how_it_is(redis, crew, tmp_path):
    store, output = redis(), tmp_path / "out"
    run("enqueue", prompts(tmp_path / "p.jsonl", 60), "--queue", store.url, *QUICK)
    port = free_port()
    workers = crew(store, output, *SMALL, "--batch-size", "2", "--metrics", f"127.0.0.1:{port}")
    worker = workers.start()

    def get(path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, ""
        except OSError:
            return 0, ""

    wait_for(lambda: get("/health/ready")[0] == 200, 30, "the worker")
    wait_for(lambda: status(store)["done"] >= 4, 30, "pictures")
    text = wait_for(lambda: get("/metrics")[1], 5, "metrics")
    assert 'flowinone_jobs_total{outcome="done"}' in text and "flowinone_queue_length" in text
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0
    state = status(store)
    assert state["running"] == 0 and state["workers"] == []
    assert state["waiting"] == 60 - state["done"] > 0
    assert len(pictures(output)) == state["done"]

    # `queue drain` ends all workers, and none starts until it is taken back.
    workers.start()
    wait_for(lambda: status(store)["running"] > 0, 30, "work")
    run("queue", "drain", "--queue", store.url, "--wait", 30)
    wait_for(lambda: not workers.alive(), 30, "the end of the workers")
    late = workers.start("--until-empty")
    assert late.wait(30) == 0 and status(store)["waiting"] > 0
    run("queue", "resume", "--queue", store.url)
    assert workers.start("--until-empty").wait(60) == 0
    assert status(store)["done"] == 60


def test_what_is_not_finished_in_time_is_given_back(redis, crew, tmp_path):
    store = redis()
    run("enqueue", prompts(tmp_path / "p.jsonl", 1), "--queue", store.url, "--steps", "100000")
    workers = crew(store, tmp_path / "out", *SMALL, "--drain-timeout", "1")
    worker = workers.start()
    wait_for(lambda: status(store)["running"] == 1, 30, "work")
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(30) == 0
    state = status(store)
    assert (state["waiting"], state["running"], state["workers"]) == (1, 0, [])


def test_dead_letters_have_their_error_and_can_be_tried_again(redis, crew, tmp_path):
    store, output = redis(), tmp_path / "out"
    photo = tmp_path / "photo.png"
    lines = [
        {"task": "text-in-image", "picture": str(photo), "instruction": "Make it blue."},
        {"task": "class-to-image", "name": "cat", "output": "cat"},
        {"task": "paint"},
    ]
    file = tmp_path / "p.jsonl"
    file.write_text("\n".join(map(json.dumps, lines)))
    refused = run("enqueue", file, "--queue", store.url, *QUICK, check=False)
    assert refused.returncode == 1 and "line 3" in refused.stderr
    workers = crew(store, output, *SMALL)
    assert workers.start("--until-empty").wait(60) == 1
    state = status(store)
    assert (state["done"], state["failed"], state["waiting"], state["running"]) == (1, 2, 0, 0)
    told = report(store, tmp_path / "report.jsonl")
    assert [line["status"] for line in told] == ["failed", "done", "failed"]
    assert "photo.png" in told[0]["error"] and "paint" in told[2]["error"]
    assert workers.said().count("try ") == 2, "three tries, the last of which is told as failed"

    run("class", "apple", "-o", photo, *SMALL)
    run("queue", "retry", "--queue", store.url)
    assert workers.start("--until-empty").wait(60) == 0
    told = report(store, tmp_path / "report.jsonl")
    assert [line["status"] for line in told] == ["done", "done", "failed"]
    # What a line named is not replaced by a picture of other settings, unless that is asked for.
    file.write_text(json.dumps(lines[1]))
    run("enqueue", file, "--queue", store.url, "--steps", 3)
    assert workers.start("--until-empty", "--tries", "1").wait(60) == 1
    told = report(store, tmp_path / "report.jsonl")
    other = [line for line in told if line.get("error", "").endswith("with these settings")]
    assert len(other) == 1, told


def test_a_poisoned_job_ends_its_workers_three_times_and_no_neighbour(redis, crew, tmp_path):
    """What ends a worker is found as the one that was taken over alone."""
    store, output = redis(), tmp_path / "out"
    run("enqueue", prompts(tmp_path / "p.jsonl", 1), "--queue", store.url, "--steps", "100000")
    workers = crew(store, output, *SMALL, "--lease", "1")
    for attempt in range(3):
        worker = workers.start()
        wait_for(lambda: status(store)["running"] == 1, 30, "work")
        wait_for(lambda: worker.log.read_text().count("loaded"), 30, "the model")
        if attempt:
            wait_for(lambda: f"try {attempt + 1} of 3" in worker.log.read_text(), 30, "taking over")
        worker.kill()
        worker.wait()
    assert workers.start("--until-empty").wait(60) == 1
    told = report(store, tmp_path / "report.jsonl")
    assert told[0]["status"] == "failed" and "each time the worker ended" in told[0]["error"]


def test_wrong_places_are_told_at_once(redis, crew, tmp_path):
    store = redis("--requirepass", "right")
    port = store.port
    lines = prompts(tmp_path / "p.jsonl", 1)
    for url, reason in [
        (f"redis://127.0.0.1:{port}", "wants a password"),
        (f"redis://:wrong@127.0.0.1:{port}", "does not take the user or password"),
        (f"rediss://127.0.0.1:{port}", "TLS"),
        ("http://127.0.0.1", "redis://HOST:PORT"),
        (f"redis://127.0.0.1:{free_port()}", "cannot be reached"),
    ]:
        said = run("enqueue", lines, "--queue", url, "--patience", 1, check=False)
        assert said.returncode == 1 and reason in said.stderr, (url, said.stderr)
        assert "wrong@" not in said.stderr
    said = run("enqueue", lines, check=False)
    assert "FLOWINONE_QUEUE" in said.stderr
    url = f"redis://:right@127.0.0.1:{port}"
    run("enqueue", lines, env={"FLOWINONE_QUEUE": url})
    for output in ["/proc/nowhere", "s3:/bucket"]:
        said = run("work", "--queue", url, "--output", output, check=False)
        assert said.returncode == 1 and output in said.stderr, said.stderr
    said = run("enqueue", lines, "--queue", url, "--steps", 0, check=False)
    assert said.returncode == 1 and "0 steps" in said.stderr, said.stderr
    said = run("work", "--queue", url, "--output", tmp_path / "out", "--until-empty", "--no-upscale")
    said = run("work", "--queue", url, "--output", tmp_path / "out", "--dtype", "bf16", check=False)
    assert said.returncode == 1 and "made by mini" in said.stderr, said.stderr
