"""Ends, crashes, attacks and load, from outside the process."""

import concurrent.futures
import io
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import zlib

import pytest

from conftest import PROGRAM

APPLE = {"task": "class-to-image", "name": "apple"}


def slow(seed, steps=1000):
    return {**APPLE, "seed": seed, "settings": {"steps": steps}}


def until_running(server, job):
    while server.get(f"api/v1/jobs/{job}")["state"] == "queued":
        time.sleep(0.01)


def resident(server):
    with open(f"/proc/{server.process.pid}/status") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read())[1]) * 1024


def test_kill_loses_no_accepted_job(fresh):
    server = fresh("--batch-size", "2")
    jobs = [server.submit(**slow(0, 300))] + [server.submit(**APPLE, seed=seed) for seed in range(20)]
    until_running(server, jobs[0])
    server.end(signal.SIGKILL)
    server.start()
    assert [server.wait(job)["state"] for job in jobs] == ["done"] * 21
    assert all(server.get(f"api/v1/jobs/{job}/picture", raw=True).startswith(b"\x89PNG") for job in jobs)


def test_a_job_that_kills_twice_is_failed_and_others_go_on(fresh):
    server = fresh("--batch-size", "1")
    poison = server.submit(**slow(0))
    other = server.submit(**APPLE)
    for _ in range(2):
        until_running(server, poison)
        server.end(signal.SIGKILL)
        server.start()
    view = server.wait(poison)
    assert view["error"]["code"] == "killed"
    assert server.wait(other)["state"] == "done"


def test_the_end_is_in_order(fresh):
    server = fresh("--batch-size", "1", "--drain-delay", "1")
    jobs = [server.submit(**slow(seed, 300)) for seed in range(4)]
    stream = urllib.request.urlopen(server.url + "api/v1/events")
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    with pytest.raises(urllib.error.HTTPError) as refused:
        server.get("health/ready")
    assert refused.value.code == 503
    jobs.append(server.submit(**APPLE))  # until a balancer has noticed, what it sends is taken
    time.sleep(1.2)
    with pytest.raises(urllib.error.HTTPError) as refused:
        server.submit(**APPLE)
    assert refused.value.code == 503 and refused.value.headers["retry-after"]
    assert b"event: draining" in stream.read()
    assert server.process.wait(60) == 0
    server.start()
    assert [server.get(f"api/v1/jobs/{job}")["state"] for job in jobs] == ["done"] * 5


def test_what_is_not_done_in_time_waits_for_the_next_start(fresh):
    server = fresh("--batch-size", "1", "--drain-timeout", "0")
    jobs = [server.submit(**slow(seed, 200)) for seed in range(3)]
    until_running(server, jobs[0])
    assert server.end() == 0
    server.start()
    assert [server.wait(job)["state"] for job in jobs] == ["done"] * 3


def test_a_full_disk_refuses_new_jobs(fresh):
    server = fresh("--least-free", str(1 << 40))
    with pytest.raises(urllib.error.HTTPError) as refused:
        server.submit(**APPLE)
    assert refused.value.code == 507
    assert json.load(refused.value)["error"]["code"] == "disk_full"


def test_others_need_a_token_or_a_word():
    def start(*options):
        return subprocess.run([PROGRAM, "serve", *options], capture_output=True, text=True, timeout=60)
    refused = start("--listen", "0.0.0.0:0", "--data", "/tmp/never")
    assert refused.returncode == 1 and "--no-auth" in refused.stderr


def test_a_unix_socket(tmp_path):
    path = tmp_path / "socket"
    process = subprocess.Popen([PROGRAM, "serve", "--listen", f"unix:{path}", "--data", str(tmp_path / "d"), "--log", "-"],
                               stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline().strip() == f"unix:{path}"
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        connection.sendall(b"GET /health/live HTTP/1.1\r\nhost: anything\r\nconnection: close\r\n\r\n")
        assert b"200 OK" in connection.makefile("rb").read()
    process.terminate()
    assert process.wait(30) == 0 and not path.exists()


def test_half_open_requests_do_not_keep_others_out(server):
    address = ("127.0.0.1", int(server.listen.split(":")[1]))
    before = resident(server)
    open_ones = []
    try:
        for _ in range(1000):
            connection = socket.create_connection(address)
            connection.sendall(b"POST /api/v1/jobs HTTP/1.1\r\nhost: localhost\r\n")
            open_ones.append(connection)
        for _ in range(20):
            assert server.get("health/live")["status"] == "live"
        assert server.wait(server.submit(**APPLE))["state"] == "done"
        assert resident(server) - before < 64 << 20
    finally:
        for connection in open_ones:
            connection.close()


def test_slow_bodies_are_cut(fresh):
    server = fresh("--patience", "1")
    with socket.create_connection(("127.0.0.1", int(server.listen.split(":")[1]))) as connection:
        head = b"POST /api/v1/jobs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n"
        connection.sendall(head + b"{")
        began = time.monotonic()
        answer = connection.recv(4096)
        assert b" 408 " in answer and time.monotonic() - began < 5


def bomb(width, height):
    """A PNG whose header claims more pixels than its bytes hold."""
    def chunk(kind, data):
        whole = kind + data
        return len(data).to_bytes(4, "big") + whole + zlib.crc32(whole).to_bytes(4, "big")
    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(100_000)))
            + chunk(b"IEND", b""))


def test_bombs_are_refused_by_their_header(server):
    before = resident(server)
    for picture in [bomb(16_000, 16_000), bomb(2**31 - 1, 2**31 - 1), bomb(0, 0), b"GIF89a" + bytes(20), b""]:
        with pytest.raises(urllib.error.HTTPError) as refused:
            server.ask("POST", "api/v1/pictures", picture, {"content-type": "application/octet-stream"})
        assert refused.value.code == 400, picture[:20]
    deep = b"[" * 1_000_000
    with pytest.raises(urllib.error.HTTPError) as refused:
        server.ask("POST", "api/v1/jobs", deep, {"content-type": "application/json"})
    assert refused.value.code == 400
    assert resident(server) - before < 96 << 20


def test_hosts_and_origins(server):
    def status(path, method="GET", **headers):
        try:
            server.ask(method, path, b"{}" if method == "POST" else None,
                       {name.replace("_", "-"): value for name, value in headers.items()}, raw=True)
            return 200
        except urllib.error.HTTPError as refused:
            return refused.code
    assert status("api/v1/jobs", host="evil.example.com") == 403
    assert status("api/v1/jobs", "POST", origin="https://evil.example.com", content_type="text/plain") == 403
    assert status("api/v1/jobs", "POST", origin=server.url.rstrip("/"), content_type="text/plain") == 415
    for path in ["page/../Cargo.toml", "page/..%2f..%2fCargo.toml", "api/v1/pictures/..%2fjournal.sqlite"]:
        assert status(path) == 404


def test_the_log_holds_no_prompts(server):
    secret = "penguin on yellow"
    server.wait(server.submit(task="text-to-image", text=secret))
    with open(f"{server.folder}.log") as lines:
        log = [json.loads(line) for line in lines]
    assert {"accepted", "done", "request"} <= {line["event"] for line in log}
    assert not any(secret in json.dumps(line) for line in log)


@pytest.mark.parametrize("seconds", [float(os.environ.get("LOAD_SECONDS", "8"))])
def test_load(fresh, seconds):
    """64 clients: nothing but 200 and 429, memory flat, and the engine is kept busy."""
    server = fresh("--queue", "96", "--batch-size", "8", "--log", "-")
    body = json.dumps({"prompt": "apple", "seed": 1}).encode()
    codes, times, lock = {}, [], threading.Lock()
    end = time.monotonic() + seconds

    def client():
        while time.monotonic() < end:
            began = time.monotonic()
            request = urllib.request.Request(server.url + "v1/images/generations", body, {"content-type": "application/json"})
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    answer.read()
                    code = answer.status
            except urllib.error.HTTPError as refused:
                code = refused.code
            with lock:
                codes[code] = codes.get(code, 0) + 1
                times.append(time.monotonic() - began)

    warm = None
    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        clients = [pool.submit(client) for _ in range(64)]
        time.sleep(seconds / 2)
        warm = resident(server)
        for one in clients:
            one.result()
    times.sort()
    after = resident(server)
    metrics = server.get("metrics", raw=True).decode()
    value = lambda name: float(re.search(rf"^{name} (\S+)$", metrics, re.M)[1])
    batches, pictures = value("flowinone_batch_size_count"), value("flowinone_batch_size_sum")
    print(f"\nload: {codes}, {codes.get(200, 0) / seconds:.1f} pictures a second, p50 {times[len(times) // 2]:.3f} s, "
          f"p99 {times[int(len(times) * 0.99)]:.3f} s, {pictures / batches:.1f} a batch, "
          f"memory {warm >> 20} then {after >> 20} MiB")
    assert set(codes) <= {200, 429} and codes[200] > 0
    assert after < warm * 1.10 + (8 << 20)
    assert pictures / batches > 4


def test_schemathesis_finds_no_fault(fresh, tmp_path):
    """Requests made of the document, valid and not: no crash, and every answer as the document says."""
    server = fresh("--max-steps", "10", "--queue", "512", "--log", "-")
    done = subprocess.run(
        [os.path.join(os.path.dirname(sys.executable), "schemathesis"), "run", server.url + "openapi.json",
         "--exclude-operation-id", "events", "--exclude-operation-id", "job_events",  # these do not end
         "--checks", "not_a_server_error,status_code_conformance,content_type_conformance,"
         "response_headers_conformance,response_schema_conformance,use_after_free",
         "--phases", "examples,coverage,fuzzing", "--max-examples", os.environ.get("EXAMPLES", "25"),
         "--seed", "1", "--request-timeout", "60", "--workers", "1", "--no-color"],
        cwd=tmp_path, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stdout[:9000]
    assert server.get("health/live")["status"] == "live" and server.wait(server.submit(**APPLE))["state"] == "done"


@pytest.mark.parametrize("program, file, result", [
    (sys.executable, "client.py", "pushed.png"), ("node", "client.mjs", "house.png"), ("bash", "client.sh", "box.png")])
def test_the_examples_run(server, tmp_path, program, file, result):
    if not shutil.which(program):
        pytest.skip(f"there is no {program}")
    scene = server.get("page/scene.png", raw=True)
    (tmp_path / "scene.png").write_bytes(scene)
    example = pathlib.Path(__file__).parents[2] / "examples" / file
    first = ["scene.png"] if program == "bash" else []
    done = subprocess.run([program, example, *first, server.url], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert result in done.stdout and (tmp_path / result).read_bytes().startswith(b"\x89PNG")
