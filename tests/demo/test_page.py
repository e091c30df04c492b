"""The page in a browser: inputs of its models, their outputs, and what is shown."""

import json
import pathlib
import shutil
import subprocess
import threading

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

from mosaickd_tf import demo
from mosaickd_tf.data.images import resize
from mosaickd_tf.demo.site import PAGE
from mosaickd_tf.errors import RunError
from mosaickd_tf.utils import files
from tests.demo import write_run
from tests.demo.browser import CHROMIUM, Browser

NODE = shutil.which("node")
EVIL = "<img src=x onerror=alert(1)>"
SETTLED = """
    new Promise((done) => {
      const look = setInterval(() => {
        if (document.documentElement.dataset.state === "loading") return;
        if (!(%s)) return;
        clearInterval(look);
        done(document.documentElement.dataset.state);
      }, 20);
    })
"""
OUTPUTS = """
    [...document.querySelectorAll("[data-file]")].map((column) => [
      column.dataset.file,
      [...column.querySelectorAll("[data-output]")].map((row) => Number(row.dataset.output)),
    ])
"""
RESIZING = """
    import {{ toImage }} from "{}";
    import fs from "fs";
    const asked = JSON.parse(fs.readFileSync(0));
    const answers = asked.map((one) => [...toImage(one.rgba, one.width, one.height, one.result)]);
    console.log(JSON.stringify(answers));
"""
SIZES = [
    (16, 16, (16, 16, 1)),
    (7, 9, (8, 8, 3)),
    (100, 61, (16, 16, 1)),
    (61, 100, (32, 32, 3)),
    (5, 5, (32, 32, 3)),
    (90, 1, (8, 8, 1)),
    (40, 40, (12, 20, 3)),
    (61, 100, (20, 12, 1)),
    (24, 12, (8, 16, 3)),
]


@pytest.mark.skipif(NODE is None, reason="no node")
def test_an_image_is_resized_as_python_resizes_it(tmp_path):
    """Sizes that grow and shrink, of both shapes, gray and color; within one level of 255."""
    shutil.copy(PAGE / "image.js", tmp_path / "image.mjs")
    rng = np.random.default_rng(0)
    asked, wanted = [], []
    for width, height, shape in SIZES:
        pixels = rng.integers(0, 256, (height, width, 4), np.uint8)
        wanted.append(resize(Image.fromarray(pixels[..., :3]), shape))
        result = dict(zip(("height", "width", "channels"), shape, strict=True))
        one = {"width": width, "height": height, "result": result}
        asked.append({"rgba": pixels.ravel().tolist(), **one})
    script = RESIZING.format((tmp_path / "image.mjs").as_uri())
    done = subprocess.run(
        [NODE, "--input-type=module", "-e", script],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    for image, answer in zip(wanted, json.loads(done.stdout), strict=True):
        received = np.reshape(answer, image.shape)
        assert np.abs(received - image.astype(int)).max() <= 1


@pytest.fixture(scope="module")
def litert_js(tmp_path_factory):
    """Returns LiteRT.js: the user's own, or fetched for these tests."""
    cache = files.cache_folder("litert_js")
    home = pathlib.Path("~/.cache/mosaickd_tf/litert_js").expanduser()
    if home.is_dir():
        shutil.copytree(home, cache, dirs_exist_ok=True)
    if shutil.which("npm") is None:
        pytest.skip("no npm")
    try:
        return demo.runtime()
    except RunError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Writes a run of digits, one class of which has a name with markup."""
    folder = tmp_path_factory.mktemp("run")
    shown = write_run(folder)
    predictions = files.read_json(folder / "test_predictions.json")
    predictions["label_names"][5] = EVIL
    files.write_json(folder / "test_predictions.json", predictions)
    return folder, shown


@pytest.fixture(scope="module")
def browser(run, litert_js, tmp_path_factory):
    """Starts a browser that has loaded the page of the run."""
    if CHROMIUM is None:
        pytest.skip("no chromium")
    with demo.DemoServer(demo.site(run[0], litert_js)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            with Browser(tmp_path_factory.mktemp("profile")) as made:
                made.send("Page.navigate", url=server.address)
                assert settled(made, "document.querySelector('.bars')") == "ready"
                yield made
        finally:
            server.shutdown()
            thread.join()


def settled(browser, condition):
    """Returns the state of the page as soon as a condition, a script, is true."""
    return browser.run(SETTLED % condition)


def shows(browser, what):
    """Waits until the page shows the description of an image."""
    asked = json.dumps(what)
    assert settled(browser, f"document.getElementById('what').textContent === {asked}") == "ready"


def outputs(browser):
    """Returns the outputs of each file, as the page has them."""
    return dict(browser.run(OUTPUTS))


def python_outputs(path, image):
    """Returns the outputs of LiteRT in Python."""
    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image[np.newaxis])
    interpreter.invoke()
    return interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0]


def check_outputs(browser, folder, image):
    received = outputs(browser)
    assert set(received) == {"student_float32.tflite", "student_int8.tflite"}
    for name, row in received.items():
        expected = python_outputs(folder / "export" / name, image)
        if expected.dtype == np.uint8:
            assert row == expected.tolist()
        else:
            np.testing.assert_allclose(row, expected, rtol=0, atol=1e-5)


@pytest.mark.slow
def test_a_stored_digit_gives_the_class_and_the_outputs_that_python_gives(browser, run):
    folder, shown = run
    for number in (0, 7, 3):
        browser.run(f"document.querySelectorAll('#examples button')[{number}].click()")
        shows(browser, f"Synthetic; the teacher predicts {number}")
        assert browser.run("document.getElementById('answer').textContent") == str(number)
        check_outputs(browser, folder, shown[number])


@pytest.mark.slow
def test_a_photo_is_turned_upright_and_cut_and_resized_as_in_python(browser, run, tmp_path):
    """Chooses a rotated JPEG of an upright digit, with the orientation in its EXIF data."""
    standing = np.pad(run[1][4, ..., 0].repeat(5, axis=0).repeat(5, axis=1), ((20, 30), (0, 0)))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter
    lying = Image.fromarray(np.rot90(standing))
    lying.save(tmp_path / "photo.jpg", quality=95, exif=exif)
    with Image.open(tmp_path / "photo.jpg") as picture:
        wanted = resize(picture, (16, 16, 1))
    browser.give_file("#file", tmp_path / "photo.jpg")
    shows(browser, "photo.jpg")
    seen = browser.run(
        "[...document.getElementById('seen').getContext('2d').getImageData(0, 0, 16, 16).data]"
    )
    received = np.reshape(seen, (16, 16, 4))[..., :1]
    assert np.abs(received - wanted.astype(int)).max() <= 3  # two decoders of JPEG
    check_outputs(browser, run[0], received.astype(np.uint8))


@pytest.mark.slow
def test_a_file_that_is_no_image_is_reported(browser, tmp_path):
    (tmp_path / "words.png").write_text("words")
    browser.give_file("#file", tmp_path / "words.png")
    failed = "document.documentElement.dataset.state === 'failed'"
    assert settled(browser, failed) == "failed"
    assert "no image" in browser.run("document.getElementById('status').textContent")


@pytest.mark.slow
def test_a_drawing_is_answered(browser):
    """Draws a one: a stroke from top to bottom, which is moved to the center of the frame."""
    box = browser.run("(({x, y, width}) => [x, y, width])(pad.getBoundingClientRect())")
    left, top, side = box
    browser.mouse("mousePressed", left + 0.2 * side, top + 0.2 * side)
    browser.mouse("mouseMoved", left + 0.2 * side, top + 0.6 * side)
    browser.mouse("mouseReleased", left + 0.2 * side, top + 0.6 * side)
    shows(browser, "Your drawing")
    seen = browser.run(
        "[...document.getElementById('seen').getContext('2d').getImageData(0, 0, 16, 16).data]"
    )
    image = np.reshape(seen, (16, 16, 4))[..., 0]
    assert image[8, 7:9].min() > 200
    assert image[:, :4].max() == image[:, 12:].max() == 0
    assert abs(image[:8].sum() / image[8:].sum() - 1) < 0.05


@pytest.mark.slow
def test_names_from_outside_are_text_and_nothing_broke_the_policy(browser):
    assert EVIL in browser.run("document.getElementById('models').innerText")
    assert browser.run("document.querySelectorAll('[onerror], [src=x]').length") == 0
    assert browser.complaints == []
    resources = browser.run("performance.getEntriesByType('resource').map((one) => one.name)")
    assert len(resources) > 8
    assert {name.split("/")[2] for name in resources} == {browser.run("location.host")}


@pytest.mark.slow
@pytest.mark.parametrize("width", [320, 360, 1200])
def test_nothing_is_wider_than_the_window(browser, width):
    browser.send(
        "Emulation.setDeviceMetricsOverride",
        width=width, height=800, deviceScaleFactor=1, mobile=width < 1000,
    )  # fmt: skip
    root = "document.documentElement"
    assert browser.run(f"{root}.scrollWidth - {root}.clientWidth") == 0
    browser.send("Emulation.clearDeviceMetricsOverride")
