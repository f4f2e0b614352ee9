"""The unmodified client of OpenAI as judge."""

import base64
import io
import json
import threading
import time

import openai
import pytest
from PIL import Image, ImageDraw

SCENE = Image.new("RGB", (128, 128), (144, 111, 201))
ImageDraw.Draw(SCENE).ellipse((30, 30, 70, 70), fill=(230, 60, 40))


def png(picture):
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def opened(datum):
    return Image.open(io.BytesIO(base64.b64decode(datum.b64_json)))


@pytest.fixture
def client(server):
    return openai.OpenAI(base_url=server.url + "v1", api_key="none", max_retries=0)


def test_models(client):
    models = client.models.list().data
    assert [model.id for model in models] == ["mini"]
    assert client.models.retrieve("mini").owned_by == "flowinone"
    with pytest.raises(openai.NotFoundError) as refused:
        client.models.retrieve("dall-e-3")
    assert refused.value.code == "model_not_found"


def test_generate_is_repeatable_and_n_pictures_differ(client):
    make = lambda **more: client.images.generate(model="mini", prompt="apple on yellow", n=3,
                                                 extra_body={"seed": 5}, **more)
    first, again = make(), make(size="256x256", quality="medium")
    assert [d.b64_json for d in first.data] == [d.b64_json for d in again.data]
    assert len({d.b64_json for d in first.data}) == 3
    assert all(opened(d).size == (256, 256) for d in first.data)
    assert first.size == "256x256" and first.usage.total_tokens > 0 and first._request_id


def test_strict_validation_passes(server):
    strict = openai.OpenAI(base_url=server.url + "v1", api_key="none", _strict_response_validation=True)
    answer = strict.images.generate(prompt="castle", quality="low")
    assert answer.quality == "low" and answer.background == "opaque"


@pytest.mark.parametrize("output", ["png", "jpeg", "webp"])
def test_formats(client, output):
    answer = client.images.generate(prompt="key", output_format=output)
    assert opened(answer.data[0]).format.lower() == output and answer.output_format == output


def test_edit_mask_and_markup(client):
    plain = client.images.edit(image=png(SCENE), prompt="gray background", extra_body={"seed": 1})
    assert opened(plain.data[0]).size == (256, 256)
    listed = client.images.edit(image=[png(SCENE)], prompt="gray background", extra_body={"seed": 1})
    assert listed.data[0].b64_json == plain.data[0].b64_json

    mask = Image.new("RGBA", SCENE.size, (0, 0, 0, 255))
    mask.paste((0, 0, 0, 0), (76, 40, 116, 80))
    masked = client.images.edit(image=png(SCENE), mask=png(mask), prompt="put an apple", extra_body={"seed": 1})
    boxed = client.images.edit(image=png(SCENE), prompt="put an apple", extra_body={
        "seed": 1, "flowinone": json.dumps({"task": "text-box", "box": [76, 40, 40, 40]})})
    assert masked.data[0].b64_json == boxed.data[0].b64_json

    markup = Image.new("RGBA", SCENE.size, (0, 0, 0, 0))
    ImageDraw.Draw(markup).ellipse((26, 26, 74, 74), outline=(255, 108, 72, 255))
    marked = client.images.edit(image=png(SCENE), markup=png(markup), prompt="remove", extra_body={"seed": 1})
    assert opened(marked.data[0]).size == (256, 256)
    with pytest.raises(openai.BadRequestError) as refused:
        client.images.edit(image=png(SCENE), mask=png(mask.resize((64, 64))), prompt="put an apple")
    assert refused.value.param == "mask"


def test_motion_as_gif(client):
    own = {"task": "force", "arrows": [{"at": {"from": [50, 50], "to": [100, 60]}}]}
    answer = client.images.edit(image=png(SCENE), prompt="", output_format="gif",
                                extra_body={"frame_count": 4, "frame_duration_ms": 100, "flowinone": json.dumps(own)})
    moving = opened(answer.data[0])
    assert moving.format == "GIF" and moving.n_frames == 4 and moving.info["duration"] == 100


def test_stream(client):
    events = list(client.images.generate(prompt="penguin", stream=True, partial_images=2, extra_body={"seed": 2, "steps": 3}))
    assert [e.type for e in events] == ["image_generation.partial_image"] * 2 + ["image_generation.completed"]
    assert [e.partial_image_index for e in events[:2]] == [0, 1]
    whole = client.images.generate(prompt="penguin", extra_body={"seed": 2, "steps": 3})
    assert events[-1].b64_json == whole.data[0].b64_json and events[-1].usage.total_tokens > 0
    several = [e.type for e in client.images.generate(prompt="penguin", stream=True, n=3)]
    assert several == ["image_generation.completed"] * 3
    edited = list(client.images.edit(image=png(SCENE), prompt="gray background", stream=True))
    assert [e.type for e in edited] == ["image_edit.completed"]


def test_errors_are_objects_that_name_the_field(client):
    for wrong, param in [
        ({"extra_body": {"colour": "red"}}, "colour"),
        ({"size": "1024x1024"}, "size"),
        ({"n": 11}, "n"),
        ({"background": "transparent"}, "background"),
        ({"partial_images": 2}, "partial_images"),
        ({"extra_body": {"svg": {}}}, "svg"),
    ]:
        with pytest.raises(openai.BadRequestError) as refused:
            client.images.generate(prompt="apple", **wrong)
        assert refused.value.param == param and refused.value.code, refused.value
    for picture in [b"no picture", png(SCENE)[:60]]:
        with pytest.raises(openai.BadRequestError) as refused:
            client.images.edit(image=picture, prompt="go")
        assert refused.value.code == "invalid_picture"
    with pytest.raises(openai.BadRequestError) as refused:
        client.images.edit(image=[png(SCENE)] * 2, prompt="go")
    assert refused.value.param == "image"
    with pytest.raises(openai.APIError, match="glyph"):
        client.images.generate(prompt="猫")


def test_token(fresh, tmp_path):
    token = tmp_path / "token"
    token.write_text("a-long-token\n")
    server = fresh("--token-file", str(token))
    right = openai.OpenAI(base_url=server.url + "v1", api_key="a-long-token")
    wrong = openai.OpenAI(base_url=server.url + "v1", api_key="another-token")
    assert right.models.list().data
    with pytest.raises(openai.AuthenticationError) as refused:
        wrong.models.list()
    assert refused.value.code == "invalid_api_key"


def slow(seed):
    """A request that takes some seconds: the built-in model with many steps."""
    return {"task": "class-to-image", "name": "apple", "seed": seed, "settings": {"steps": 1000}}


def test_a_full_queue_is_tried_again_by_the_client(fresh):
    server = fresh("--queue", "1", "--batch-size", "1")
    running = server.submit(**slow(1))
    while server.get(f"api/v1/jobs/{running}")["state"] == "queued":
        time.sleep(0.01)
    waiting = server.submit(**slow(2))
    impatient = openai.OpenAI(base_url=server.url + "v1", api_key="none", max_retries=0)
    with pytest.raises(openai.RateLimitError) as refused:
        impatient.images.generate(prompt="apple")
    assert refused.value.code == "queue_full" and refused.value.response.headers["retry-after"]
    # Once there is room again, the client's own second try succeeds.
    threading.Timer(0.3, lambda: [server.ask("DELETE", f"api/v1/jobs/{job}") for job in (running, waiting)]).start()
    patient = openai.OpenAI(base_url=server.url + "v1", api_key="none", max_retries=2)
    assert patient.images.generate(prompt="apple").data


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("queued", [False, True])
def test_a_client_that_goes_away_cancels_its_own_job_only(fresh, stream, queued):
    server = fresh("--batch-size", "1")
    before = server.submit(**slow(1)) if queued else None
    if before:
        while server.get(f"api/v1/jobs/{before}")["state"] == "queued":
            time.sleep(0.01)
    hasty = openai.OpenAI(base_url=server.url + "v1", api_key="none", max_retries=0, timeout=0.4)
    with pytest.raises(openai.APITimeoutError):
        list(hasty.images.generate(prompt="apple", extra_body={"steps": 1000}, stream=stream))
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        jobs = server.get("api/v1/jobs")["jobs"]
        theirs = next(job for job in jobs if job["task"] == "text-to-image")
        if theirs["state"] == "cancelled":
            break
        time.sleep(0.02)
    assert theirs["state"] == "cancelled"
    if before:
        assert server.get(f"api/v1/jobs/{before}")["state"] == "running"


def test_an_idempotency_key_gives_the_same_pictures_once(server, client):
    headers = {"Idempotency-Key": "one"}
    ask = lambda prompt: client.images.generate(prompt=prompt, extra_headers=headers, extra_body={"seed": 3})
    before = len(server.get("api/v1/jobs?limit=200")["jobs"])
    assert ask("owl").data[0].b64_json == ask("owl").data[0].b64_json
    assert len(server.get("api/v1/jobs?limit=200")["jobs"]) == before + 1
    with pytest.raises(openai.BadRequestError) as refused:
        ask("lion")
    assert refused.value.code == "idempotency_mismatch"
