"""A server of its own for each group of tests, on loopback, with the built-in model."""

import json
import os
import signal
import subprocess
import time
import urllib.error
import urllib.request

import pytest

PROGRAM = os.environ.get("FLOWINONE", "target/debug/flowinone")


class Server:
    """`flowinone serve` in a folder; it can be ended, killed, and started again."""

    def __init__(self, folder, *options, env=None):
        log = [] if "--log" in options else ["--log", f"{folder}.log"]
        page = ["--page", os.environ["PAGE"]] if "PAGE" in os.environ else []
        self.folder, self.options, self.env = folder, [*log, *page, *options], env
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [PROGRAM, "serve", "--listen", getattr(self, "listen", "127.0.0.1:0"),
             "--data", str(self.folder), *self.options],
            stdout=subprocess.PIPE, text=True, env={**os.environ, **(self.env or {})},
        )
        self.url = self.process.stdout.readline().strip()
        assert self.url.startswith("http://"), "the server did not start"
        self.listen = self.url.removeprefix("http://").rstrip("/")  # the same port the next time
        for _ in range(400):
            try:
                if self.get("health/ready")["status"] == "ready":
                    return
            except urllib.error.HTTPError:
                time.sleep(0.05)
        raise TimeoutError("the server did not become ready")

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.process.wait(60)

    def ask(self, method, path, body=None, headers=None, raw=False):
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        kind = {"content-type": "application/json"} if data is not None and not isinstance(body, bytes) else {}
        request = urllib.request.Request(self.url + path, data, {**kind, **(headers or {})}, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            content = answer.read()
        return content if raw else json.loads(content)

    def get(self, path, raw=False):
        return self.ask("GET", path, raw=raw)

    def submit(self, **request):
        return self.ask("POST", "api/v1/jobs", request)["id"]

    def wait(self, job, seconds=60):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            view = self.get(f"api/v1/jobs/{job}")
            if view["finished"]:
                return view
            time.sleep(0.02)
        raise TimeoutError(f"{job} is still {view['state']}")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    made = Server(tmp_path_factory.mktemp("server"))
    yield made
    if made.process.poll() is None:
        made.process.kill()
        made.process.wait()


@pytest.fixture
def fresh(tmp_path):
    """Starts servers with options; all are killed at the end."""
    started = []

    def start(*options, **more):
        started.append(Server(tmp_path / f"server{len(started)}", *options, **more))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()
