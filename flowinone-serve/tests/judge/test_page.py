"""The page in a browser: drawn by mouse, pen, finger and keys."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
from playwright.sync_api import expect, sync_playwright

from conftest import PROGRAM

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
SHOTS = os.environ.get("SCREENSHOTS")


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(browser):
    """Opens pages; every error that one logs fails the test."""
    contexts, errors = [], []

    def open_page(server, width=1280, height=900, expected=(), **more):
        context = browser.new_context(viewport={"width": width, "height": height}, **more)
        contexts.append(context)
        context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.url.rstrip("/"))
        page = context.new_page()
        page.set_default_timeout(15_000)
        refused = "status of 400"  # of a prompt that is not finished yet, or a picture without settings
        bad = lambda text: None if any(one in text for one in [refused, *expected]) else errors.append(text)
        page.on("console", lambda message: bad(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(server.url)
        expect(page.locator("#model")).to_contain_text("mini")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not errors


def task(page, name):
    page.locator(f"[data-task={name}]").click()


def scene(page):
    page.locator("#sources [data-do=scene]").click()
    expect(page.locator("#canvas image")).to_have_count(1)


def at(page, x, y):
    """The place on the screen of a place in the scene of 128 x 128 pixels."""
    return page.evaluate(
        """([x, y]) => { const svg = document.getElementById('canvas');
            const p = new DOMPoint(x, y).matrixTransform(svg.getScreenCTM()); return [p.x, p.y]; }""", [x, y])


def drag(page, *points):
    first, *rest = [at(page, *point) for point in points]
    page.mouse.move(*first)
    page.mouse.down()
    for point in rest:
        page.mouse.move(*point, steps=8)
    page.mouse.up()


def make(page, server):
    """Presses the button and waits for the picture; the job."""
    known = {job["id"] for job in server.get("api/v1/jobs?limit=200")["jobs"]}
    page.locator("#make").click()
    expect(page.locator("#actions [data-act=again]")).to_be_visible()
    new = [job for job in server.get("api/v1/jobs?limit=200")["jobs"] if job["id"] not in known]
    assert len(new) == 1, [page.locator("#toasts").inner_text(), new]
    return server.wait(new[0]["id"])


def copied(page, form):
    if not page.locator("#copies button").count() or not page.locator("#copy[open]").count():
        page.locator("#copy summary").click()
    page.locator(f"[data-copy='{form}']").click()
    expect(page.locator("#toasts")).to_contain_text("Copied")
    return page.evaluate("navigator.clipboard.readText()")


DRAWN = {
    "class-to-image": ("apple", []),
    "text-to-image": ("penguin on yellow", []),
    "text-in-image": ("remove the cat", []),
    "text-box": ("put an apple", [("box", [(74, 52), (118, 92)])]),
    "visual-marker": ("remove", [
        ("circle", [(40, 35), (66, 35)]), ("arrow", [(96, 72), (60, 44)]), ("cross", [(30, 30), (44, 44)]),
        ("highlight", [(18, 13), (62, 56)]), ("pen", [(20, 20), (60, 30), (20, 40), (60, 50)]),
    ]),
    "doodle": ("", [("pen", [(40, 60), (64, 30), (88, 60), (88, 96), (40, 96), (40, 60)]), ("pen", [(58, 96), (58, 76), (70, 76)])]),
    "force": ("", [("arrow", [(40, 35), (92, 48)])]),
    "trajectory": ("", [("path", [(40, 35), (52, 70), (92, 76)])]),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_task_drawn_by_mouse_is_the_command_lines_to_the_byte(opened, server, tmp_path, name):
    words, marks = DRAWN[name]
    page = opened(server)
    task(page, name)
    if name not in ("class-to-image", "text-to-image"):
        scene(page)
    for tool, points in marks:
        page.locator(f"[data-tool={tool}]").click()
        drag(page, *points)
    if words:
        page.locator("#text").fill(words)
    job = make(page, server)
    assert job["state"] == "done" and job["task"] == name
    # The command that the page itself says, with the picture where the server has it.
    command = copied(page, "Command line")
    stored = None
    lines = [line for line in command.splitlines() if not line.startswith("curl")]
    if "picture" in job["request"]:
        [stored] = Path(server.folder, "inputs").glob(job["request"]["picture"].removeprefix("picture:") + ".*")
    script = "\n".join(lines).replace("input.png", str(stored)).replace("flowinone ", f"{PROGRAM} ")
    program = Path(PROGRAM).resolve()
    script = script.replace(f"{PROGRAM} ", f"{program} ") + " --save-prompt line.json"
    done = subprocess.run(["bash", "-ec", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, script + done.stderr
    line = json.loads((tmp_path / "line.json").read_text())
    said = {key: value for key, value in job["request"].items() if key in line and key not in ("item", "side")}
    drawn = {key: value for key, value in line.items() if key in said}
    if stored:
        assert Path(tmp_path, drawn.pop("picture")).resolve() == Path(stored).resolve()
        said.pop("picture")
    for own in ("style", "canvas"):  # the line is in the model's style, the request as it was said
        said.pop(own, None), drawn.pop(own, None)
    if not words:
        said.pop("instruction", None), drawn.pop("instruction", None)
    assert said == drawn
    picture = server.get(f"api/v1/jobs/{job['id']}/picture", raw=True)
    assert (tmp_path / "picture.png").read_bytes() == picture


def test_other_words_for_a_request_work(opened, server, tmp_path):
    page = opened(server)
    task(page, "class-to-image")
    page.locator("#text").fill("owl")
    job = make(page, server)
    expected = server.get(f"api/v1/jobs/{job['id']}/picture", raw=True)
    answer = subprocess.run(["bash", "-c", copied(page, "curl").replace("curl ", "curl -s ")], capture_output=True, text=True)
    again = server.wait(json.loads(answer.stdout)["id"])
    assert server.get(f"api/v1/jobs/{again['id']}/picture", raw=True) == expected
    (tmp_path / "lines.jsonl").write_text(copied(page, "Batch line"))
    subprocess.run([Path(PROGRAM).resolve(), "batch", "lines.jsonl", "-o", "."], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "picture.png").read_bytes() == expected
    subprocess.run([os.sys.executable, "-c", copied(page, "Python")], cwd=tmp_path, check=True)
    assert (tmp_path / "picture.png").stat().st_size > 500


def test_fifty_steps_back_and_forth(opened, server):
    page = opened(server)
    task(page, "force")
    scene(page)
    count = page.locator("[data-mark]")
    for i in range(50):
        drag(page, (20, 20 + i), (100, 30 + i))
        page.keyboard.press("Escape")  # or the next drag would take hold of this one
    expect(count).to_have_count(50)
    page.locator("#canvas").focus()
    for _ in range(50):
        page.keyboard.press("Control+z")
    expect(count).to_have_count(0)
    for _ in range(50):
        page.keyboard.press("Control+Shift+Z")
    expect(count).to_have_count(50)


def test_marks_are_moved_and_points_dragged_and_put_in(opened, server):
    page = opened(server)
    task(page, "trajectory")
    scene(page)
    drag(page, (30, 30), (100, 30))
    mark = lambda: json.loads(page.evaluate("localStorage.flowinone"))["doc"]["marks"]["trajectory"][0]["points"]
    page.locator("[data-tool=select]").click()
    drag(page, (65, 30), (65, 60))
    assert all(abs(y - 60) < 2 for _, y in mark())
    drag(page, (100, 60), (110, 90))
    assert abs(mark()[-1][0] - 110) < 2 and abs(mark()[-1][1] - 90) < 2
    page.mouse.dblclick(*at(page, 70, 75))
    assert len(mark()) == 3
    page.locator("#numbers input").fill("10,10 20,90 90,90")
    page.locator("#numbers input").blur()
    assert mark() == [[10, 10], [20, 90], [90, 90]]


def test_pressure_of_a_pen_and_two_fingers(opened, server):
    page = opened(server, has_touch=True)
    task(page, "doodle")
    page.locator("#empty [data-do=sheet]").click()
    devtools = page.context.new_cdp_session(page)
    for force, row in [(0.2, 100), (0.9, 300)]:
        for kind, x in [("mousePressed", 100), ("mouseMoved", 200), ("mouseMoved", 380), ("mouseReleased", 380)]:
            px, py = at(page, x, row)
            devtools.send("Input.dispatchMouseEvent", {"type": kind, "x": px, "y": py, "button": "left", "buttons": 1,
                                                       "clickCount": 1, "pointerType": "pen", "force": force})
    marks = json.loads(page.evaluate("localStorage.flowinone"))["doc"]["marks"]["doodle"]
    assert len(marks) == 2 and marks[0]["width"] < 6 and marks[1]["width"] > 14, marks
    before = page.locator("#canvas").get_attribute("viewBox")
    (ax, ay), (bx, by) = at(page, 200, 250), at(page, 300, 250)
    touch = lambda kind, points: devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [
        {"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]})
    touch("touchStart", [(ax, ay), (bx, by)])
    for step in range(1, 8):
        touch("touchMove", [(ax - 8 * step, ay), (bx + 8 * step, by)])
    touch("touchEnd", [])
    after = page.locator("#canvas").get_attribute("viewBox")
    side = lambda box: float(box.split()[2])
    assert side(after) < 0.8 * side(before)
    assert page.locator("[data-mark]").count() == 2, "two fingers draw nothing"


def long(server, seed=0, steps=1000):
    return server.submit(task="class-to-image", name="apple", seed=seed, settings={"steps": steps})


def test_cancel_of_a_queued_and_a_running_job(opened, fresh):
    server = fresh("--batch-size", "1")
    first = long(server)
    page = opened(server, expected=["ERR_"])  # the server ends before the page
    task(page, "class-to-image")
    page.locator("#settings summary").click()
    page.locator("[data-set=steps]").fill("1000")
    page.locator("#text").fill("owl")
    page.locator("#make").click()
    expect(page.locator("#caption")).to_contain_text("Next in line")
    page.locator("[data-act=cancel]").click()
    expect(page.locator("#caption")).to_have_text("Cancelled")
    assert server.get(f"api/v1/jobs/{first}")["state"] == "running"
    server.ask("DELETE", f"api/v1/jobs/{first}")
    page.locator("#make").click()
    expect(page.locator("#caption")).to_contain_text("Step")
    expect(page.locator("#picture.unfinished")).to_be_visible()
    page.locator("[data-act=cancel]").click()
    expect(page.locator("#caption")).to_have_text("Cancelled")


def test_a_reload_and_a_dead_server_lose_nothing(opened, fresh):
    server = fresh("--batch-size", "1")
    page = opened(server, expected=["ERR_CONNECTION", "ERR_INCOMPLETE", "ERR_EMPTY", "Failed to load"])
    task(page, "force")
    scene(page)
    drag(page, (40, 35), (90, 50))
    page.locator("#settings summary").click()
    page.locator("[data-set=steps]").fill("800")
    page.locator("[data-set=steps]").blur()
    page.locator("#make").click()
    expect(page.locator("#caption")).to_contain_text("Step")
    page.reload()
    expect(page.locator("#caption")).to_contain_text("Step")
    expect(page.locator("[data-mark]")).to_have_count(1)
    server.end(signal.SIGKILL)
    expect(page.locator("#toasts")).to_contain_text("does not answer")
    server.start()
    expect(page.locator("[data-act=again]")).to_be_visible(timeout=180_000)
    expect(page.locator("#caption")).to_contain_text("seed 0")


def test_by_keys_alone(opened, server):
    page = opened(server)
    page.locator("[data-task=class-to-image]").focus()
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    assert page.evaluate("document.body.dataset.now") == "force"
    page.locator("#sources [data-do=scene]").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#canvas image")).to_have_count(1)
    page.locator("#canvas").focus()
    page.keyboard.press("a")
    page.keyboard.press("Enter")
    expect(page.locator("[data-mark]")).to_have_count(1)
    before = page.locator("[data-mark]").get_attribute("aria-label")
    for key in ["ArrowUp", "Shift+ArrowLeft"]:
        page.keyboard.press(key)
    assert page.locator("[data-mark]").get_attribute("aria-label") != before
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.dataset.number") == "0"
    page.keyboard.press("Escape")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#caption")).to_contain_text("seed 0")
    expect(page.locator("#live")).to_have_text("The picture is finished")


def test_a_picture_made_here_brings_its_settings(opened, server, tmp_path):
    page = opened(server)
    task(page, "trajectory")
    scene(page)
    drag(page, (40, 35), (60, 80), (100, 80))
    page.locator("#settings summary").click()
    page.locator("[data-set=seed]").fill("41")
    page.locator("[data-set=seed]").blur()
    job = make(page, server)
    file = tmp_path / "ours.png"
    file.write_bytes(server.get(f"api/v1/jobs/{job['id']}/picture", raw=True))
    page.evaluate("localStorage.clear()")
    page.reload()
    expect(page.locator("[data-mark]")).to_have_count(0)
    bytes_ = list(file.read_bytes())
    page.evaluate("""(bytes) => { const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], 'ours.png', {type: 'image/png'}));
        document.body.dispatchEvent(new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true})); }""", bytes_)
    expect(page.locator("#toasts")).to_contain_text("Settings loaded")
    again = make(page, server)
    assert again["request"] == job["request"]
    plain = tmp_path / "plain.png"
    plain.write_bytes(server.get("page/scene.png", raw=True))
    page.locator("#file").set_input_files(plain)
    expect(page.locator("#canvas image")).to_have_count(1)


def test_gallery(opened, server):
    page = opened(server)
    task(page, "class-to-image")
    page.locator("#text").fill("castle")
    make(page, server)
    page.locator("[data-act=vary]").click()
    expect(page.locator("#caption")).not_to_contain_text("seed 0")
    page.locator("[data-act=use]").click()
    expect(page.locator("#canvas image")).to_have_count(1)
    with page.expect_download() as download:
        page.locator("#actions a").first.click()
    assert download.value.suggested_filename.endswith(".png")
    thumbs = page.locator("#gallery button")
    before = thumbs.count()
    page.locator("[data-act=forget]").click()
    expect(thumbs).to_have_count(before - 1)


def test_motion_is_played(opened, server):
    page = opened(server)
    task(page, "force")
    page.locator("[data-example='0']").click()
    expect(page.locator("[data-act=again]")).to_be_visible()
    page.locator("#settings summary").click()
    page.locator("[data-set=frames]").fill("4")
    page.locator("[data-set=frames]").blur()
    page.locator("#make").click()
    expect(page.locator("#picture")).to_have_attribute("src", re.compile("motion"))
    still = opened(server, reduced_motion="reduce")
    expect(still.locator("#model")).to_contain_text("mini")


@pytest.mark.parametrize("width", [360, 768, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_out_of_reach_at_any_width(opened, server, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = opened(server, width, 800, color_scheme=scheme, device_scale_factor=1.5 if SHOTS else 1)
    for name in ["class-to-image", "visual-marker", "doodle", "trajectory"]:
        task(page, name)
        page.locator("[data-example='0']").click()
        expect(page.locator("[data-act=again]")).to_be_visible()
        expect(page.locator("#seen-picture")).to_be_visible()
        if SHOTS:
            expect(page.locator("#progress")).to_be_hidden()
            page.wait_for_timeout(500)
            page.screenshot(path=f"{SHOTS}/{name}-{width}-{scheme}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        found = axe.Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
        assert not found, [(one["id"], [node["html"][:120] for node in one["nodes"][:3]]) for one in found]


def test_a_token_is_asked_for(fresh, tmp_path, browser):
    token = tmp_path / "token"
    token.write_text("a-long-token")
    server = fresh("--token-file", str(token))
    page = browser.new_page()
    page.goto(server.url)
    page.locator("#token").fill("a-long-token")
    page.keyboard.press("Enter")
    expect(page.locator("#model")).to_contain_text("mini")
    page.locator("#text").fill("apple")
    page.locator("#make").click()
    expect(page.locator("#caption")).to_contain_text("seed 0")
    page.close()
