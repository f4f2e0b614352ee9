"""Three servers behind HAProxy by deploy/haproxy.cfg, under load: each ended in turn, one killed."""

import base64
import collections
import concurrent.futures
import json
import pathlib
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

import openai
import pytest

from conftest import Server

CONFIG = pathlib.Path(__file__).parents[3] / "deploy/haproxy.cfg"
CLIENTS = 12
pytestmark = pytest.mark.skipif(not shutil.which("haproxy"),
                                reason="there is no haproxy on this machine (apt-get install haproxy)")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Balanced:
    """Servers and a balancer; the configuration is the one that is shipped, with other ports."""

    def __init__(self, folder):
        self.folder, self.servers, self.front, self.process = folder, [], free_port(), None
        text = CONFIG.read_text()
        for number in range(3):
            server = Server.__new__(Server)
            server.listen = f"127.0.0.1:{free_port()}"
            Server.__init__(server, folder / f"server{number}", "--drain-delay", "2", "--no-upscale",
                            env={"RAYON_NUM_THREADS": "1"})
            self.servers.append(server)
            text = text.replace(f"127.0.0.1:{7861 + number}", server.listen)
        text = text.replace("127.0.0.1:7860", f"127.0.0.1:{self.front}")
        text = text.replace("127.0.0.1:8405", f"127.0.0.1:{free_port()}")
        config = folder / "haproxy.cfg"
        config.write_text(text)
        subprocess.run(["haproxy", "-c", "-f", config], check=True, capture_output=True)
        log = open(folder / "haproxy.log", "w")
        self.process = subprocess.Popen(["haproxy", "-f", config], stdout=log, stderr=log)
        self.url = f"http://127.0.0.1:{self.front}"
        try:
            self.settle()
        except BaseException:
            self.end()
            raise

    def settle(self):
        """Waits until every server is seen as up."""
        for _ in range(100):
            try:
                if self.ask(0) == 200:
                    time.sleep(1)
                    return
            except OSError:
                pass
            time.sleep(0.1)
        raise TimeoutError("no server behind HAProxy answers")

    def ask(self, seed):
        """One picture; the status of the answer."""
        body = json.dumps({"model": "mini", "prompt": "apple", "size": "auto"}).encode()
        request = urllib.request.Request(self.url + "/v1/images/generations", body,
                                         {"content-type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return 200 if json.load(answer)["data"] else 500
        except urllib.error.HTTPError as error:
            return error.code

    def load(self, meanwhile):
        """Asks with all clients until `meanwhile` is over; how often each status came."""
        over, counts = threading.Event(), collections.Counter()

        def client(number):
            mine = collections.Counter()
            while not over.is_set():
                try:
                    mine[self.ask(number)] += 1
                except OSError as error:
                    mine[type(error).__name__] += 1
            return mine

        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            clients = [pool.submit(client, number) for number in range(CLIENTS)]
            try:
                meanwhile()
            finally:
                over.set()
            for one in clients:
                counts += one.result()
        return counts

    def end(self):
        self.process.kill()
        self.process.wait()
        for server in self.servers:
            if server.process.poll() is None:
                server.process.kill()
                server.process.wait()


@pytest.fixture(scope="module")
def balanced(tmp_path_factory):
    made = Balanced(tmp_path_factory.mktemp("balanced"))
    yield made
    made.end()


def test_ending_each_server_in_turn_costs_no_client(balanced):
    def each():
        for server in balanced.servers:
            time.sleep(1)
            assert server.end() == 0
            server.start()
            time.sleep(2)  # until HAProxy has seen it

    counts = balanced.load(each)
    print(f"\nSIGTERM of each of three in turn, {CLIENTS} clients: {dict(counts)}")
    assert set(counts) == {200} and counts[200] > 3 * CLIENTS, counts


def test_a_killed_server_costs_what_it_computed_at_most(balanced):
    killed = balanced.servers[1]

    def kill():
        time.sleep(2)
        killed.process.kill()
        killed.process.wait()
        time.sleep(3)

    counts = balanced.load(kill)
    killed.start()
    bad = sum(number for status, number in counts.items() if status != 200)
    print(f"\nkill -9 of one of three, {CLIENTS} clients: {dict(counts)}")
    # What was in flight there: never more than the server's share of the clients.
    assert bad <= CLIENTS // 3 + 1 and counts[200] > CLIENTS, counts
    time.sleep(2)


def test_the_client_of_openai_does_not_notice_a_killed_server(balanced):
    client = openai.OpenAI(base_url=balanced.url + "/v1", api_key="none", timeout=120)
    over, made = threading.Event(), []

    def ask():
        while not over.is_set():
            picture = client.images.generate(model="mini", prompt="castle", size="auto",
                                             response_format="b64_json")
            made.append(base64.b64decode(picture.data[0].b64_json))

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        clients = [pool.submit(ask) for _ in range(6)]
        time.sleep(2)
        balanced.servers[2].process.kill()
        balanced.servers[2].process.wait()
        time.sleep(3)
        over.set()
        for one in clients:
            one.result()  # an error of the client's would come out here
    assert len(made) > 6
    balanced.servers[2].start()
