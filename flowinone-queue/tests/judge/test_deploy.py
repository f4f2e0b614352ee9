"""The files of deploy/: by the schemas of Kubernetes, by HAProxy's own check, and by bash."""

import pathlib
import shutil
import subprocess

import pytest

DEPLOY = pathlib.Path(__file__).parents[3] / "deploy"
yaml = pytest.importorskip("yaml", reason="pyyaml is not installed")


def documents():
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            yield path.name, document


def test_kubernetes_takes_its_files():
    validate = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed").validate
    checked = [validate(document, "1.31", strict=True) for _, document in documents()
               if not document["apiVersion"].startswith("keda.sh/")]
    assert len(checked) >= 5


def test_scalers_have_what_keda_reads_and_text_for_numbers():
    """KEDA's schemas are in no package; these are the fields that its own say."""
    scalers = [document for _, document in documents() if document["kind"] == "ScaledObject"]
    workloads = {document["metadata"]["name"] for _, document in documents() if document["kind"] == "Deployment"}
    for scaler in scalers:
        spec = scaler["spec"]
        assert set(spec) <= {"scaleTargetRef", "minReplicaCount", "maxReplicaCount", "cooldownPeriod", "triggers"}
        assert spec["scaleTargetRef"]["name"] in workloads
        for trigger in spec["triggers"]:
            assert set(trigger) <= {"type", "metadata", "authenticationRef"}
            assert all(isinstance(value, str) for value in trigger["metadata"].values())
    assert len(scalers) == 2


def test_haproxy_takes_its_file():
    if not shutil.which("haproxy"):
        pytest.skip("there is no haproxy on this machine (apt-get install haproxy)")
    done = subprocess.run(["haproxy", "-c", "-f", DEPLOY / "haproxy.cfg"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_scripts_are_scripts():
    for path in sorted((DEPLOY / "slurm").glob("*.sbatch")):
        subprocess.run(["bash", "-n", path], check=True)
        if shutil.which("shellcheck"):
            subprocess.run(["shellcheck", path], check=True)


def test_compose_waits_for_redis_and_lets_workers_finish():
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    assert services["worker"]["depends_on"]["redis"]["condition"] == "service_healthy"
    assert services["redis"]["healthcheck"] and services["worker"]["stop_grace_period"] == "45s"
