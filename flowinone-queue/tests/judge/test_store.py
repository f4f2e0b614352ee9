"""Pictures into S3, by a local stand-in: `moto`'s server, which is not Amazon's."""

import hashlib
import subprocess
import sys

import pytest

from conftest import free_port, pictures, prompts, run, status, report, wait_for

boto3 = pytest.importorskip("boto3", reason="boto3 is not installed")
pytest.importorskip("moto.server", reason="moto[server] is not installed")

SMALL = ["--no-upscale"]
QUICK = ["--steps", "2"]


@pytest.fixture
def s3(tmp_path):
    port = free_port()
    log = open(tmp_path / "moto.log", "w")
    server = subprocess.Popen([sys.executable, "-m", "moto.server", "-p", str(port)],
                              stdout=log, stderr=log)
    env = {"AWS_ENDPOINT": f"http://127.0.0.1:{port}", "AWS_ALLOW_HTTP": "true",
           "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"}
    client = boto3.client("s3", endpoint_url=env["AWS_ENDPOINT"], region_name="us-east-1",
                          aws_access_key_id="key", aws_secret_access_key="secret")

    def made():
        try:
            return client.create_bucket(Bucket="pictures")
        except Exception:
            return None

    wait_for(made, 30, "the stand-in for S3")
    yield client, env
    server.kill()
    server.wait()


def test_pictures_in_s3_are_those_of_batch(redis, crew, s3, tmp_path):
    client, env = s3
    store = redis()
    lines = prompts(tmp_path / "p.jsonl", 24)
    said = run("work", "--queue", store.url, "--output", "s3://pictures/run", *SMALL, "--until-empty",
               env=env, check=False)
    if "queue-cloud" in said.stderr:
        pytest.skip("the program is built without queue-cloud")
    alone = tmp_path / "alone"
    run("batch", lines, "-o", alone, "--batch-size", 8, *SMALL, *QUICK)
    expected = pictures(alone)

    run("enqueue", lines, "--queue", store.url, *QUICK)
    workers = crew(store, "s3://pictures/run", *SMALL, "--batch-size", "4", "--until-empty", env=env)
    ends = [workers.start() for _ in range(2)]
    assert [end.wait(60) for end in ends] == [0, 0], workers.said()

    def bucket():
        listed = client.list_objects_v2(Bucket="pictures", Prefix="run/").get("Contents", [])
        return {entry["Key"].removeprefix("run/"):
                client.get_object(Bucket="pictures", Key=entry["Key"])["Body"].read() for entry in listed}

    def digests(found):
        return sorted(hashlib.sha256(png).hexdigest() for png in found.values())

    made = bucket()
    assert digests(made) == digests(expected)
    assert all(made[name] == expected[name] for name in expected if "/" in name)
    told = report(store, tmp_path / "report.jsonl")
    assert {line["status"] for line in told} == {"done"}
    assert all(line["output"].startswith("s3://pictures/run/") for line in told)

    # Forgotten and enqueued anew, what is there is not made again: also what a line named.
    run("queue", "report", "--queue", store.url, "-o", tmp_path / "old.jsonl", "--forget")
    run("enqueue", lines, "--queue", store.url, *QUICK)
    assert workers.start().wait(60) == 0
    assert (status(store)["skipped"], status(store)["done"]) == (24, 0)
    assert bucket() == made


def test_a_bucket_that_is_not_there_is_told(redis, s3, tmp_path):
    store = redis()
    for output, reason in [("s3://absent-bucket/run", "absent-bucket"), ("s3://", "no bucket"),
                           ("ftp://host/run", "s3://")]:
        said = run("work", "--queue", store.url, "--output", output, *SMALL, "--until-empty",
                   env=s3[1], check=False)
        if "queue-cloud" in said.stderr:
            pytest.skip("the program is built without queue-cloud")
        assert said.returncode == 1 and reason in said.stderr, said.stderr
