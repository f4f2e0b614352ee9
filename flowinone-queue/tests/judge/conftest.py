"""A Redis, workers and a stand-in for S3 of each test's own, all on loopback."""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

import pytest

PROGRAM = os.environ.get("FLOWINONE", "target/debug/flowinone")
# One thread each: the machine's cores are for the workers.
ENV = {**os.environ, "RAYON_NUM_THREADS": "1"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise TimeoutError(f"{what}: not within {seconds} s")


def run(*words, env=None, check=True):
    """A command of the program; what it says on both outputs."""
    done = subprocess.run([PROGRAM, *map(str, words)], env={**ENV, **(env or {})},
                          capture_output=True, text=True, timeout=120)
    if check:
        assert done.returncode == 0, done.stderr
    return done


class Redis:
    """A `redis-server` with an append-only file; it can be killed and started again."""

    def __init__(self, folder, *options):
        self.folder, self.port, self.options = folder, free_port(), options
        self.url = f"redis://127.0.0.1:{self.port}"
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
             "--appendonly", "yes", "--dir", str(self.folder), *self.options],
            stdout=subprocess.DEVNULL)
        wait_for(lambda: self.ask("PING", check=False) in ("PONG", "NOAUTH Authentication required."),
                 20, "Redis")

    def ask(self, *words, check=True):
        done = subprocess.run(["redis-cli", "-p", str(self.port), *words],
                              capture_output=True, text=True)
        assert not check or done.returncode == 0, done.stderr
        return done.stdout.strip()

    def kill(self):
        self.process.kill()
        self.process.wait()


class Crew:
    """Workers of a queue that come and go."""

    def __init__(self, redis, output, folder, *options, env=None):
        self.redis, self.output, self.folder = redis, output, folder
        self.options, self.env = options, env
        self.workers = []

    def start(self, *options):
        log = open(self.folder / f"worker{len(self.workers)}.log", "w")
        worker = subprocess.Popen(
            [PROGRAM, "work", "--queue", self.redis.url, "--output", str(self.output),
             *self.options, *options], env={**ENV, **(self.env or {})}, stdout=log, stderr=log)
        worker.log = pathlib.Path(log.name)
        self.workers.append(worker)
        return worker

    def alive(self):
        return [worker for worker in self.workers if worker.poll() is None]

    def end(self):
        """Ends all in order; their exit statuses."""
        ended = self.alive()
        for worker in ended:
            worker.send_signal(signal.SIGTERM)
        return [worker.wait(60) for worker in ended]

    def kill(self):
        for worker in self.alive():
            worker.kill()
            worker.wait()

    def said(self):
        return "".join(worker.log.read_text() for worker in self.workers)


def status(redis):
    return json.loads(run("queue", "status", "--queue", redis.url, "--json").stdout)


def report(redis, path):
    """The lines of a queue's report."""
    run("queue", "report", "--queue", redis.url, "-o", path)
    return [json.loads(line) for line in path.read_text().splitlines()]


def pictures(folder):
    """The bytes of all pictures below a folder, by name."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.png")}


WORDS = ["apple", "castle", "penguin", "rocket", "sailboat", "volcano", "cactus", "guitar"]


def prompts(path, count):
    """A batch file: every other line names its picture itself."""
    lines = []
    for number in range(count):
        word = WORDS[number % len(WORDS)]
        line = {"task": "text-to-image", "text": f"a {word} on {'red' if number % 3 else 'blue'}", "item": number}
        if number % 2:
            line["output"] = f"{word}/{number}"
        lines.append(json.dumps(line))
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def redis(tmp_path):
    if not shutil.which("redis-server"):
        pytest.skip("there is no redis-server on this machine (apt-get install redis-server)")
    started = []

    def start(*options):
        folder = tmp_path / f"redis{len(started)}"
        folder.mkdir()
        started.append(Redis(folder, *options))
        return started[-1]

    yield start
    for one in started:
        one.kill()


@pytest.fixture
def crew(tmp_path):
    crews = []

    def of(redis, output, *options, env=None):
        crews.append(Crew(redis, output, tmp_path, *options, env=env))
        return crews[-1]

    yield of
    for one in crews:
        one.kill()
