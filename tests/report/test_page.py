"""The page of a run: every number as result.json has it, nothing from elsewhere, in a browser."""

import html
import html.parser
import re
import shlex
import shutil
import subprocess

import pytest

from mosaickd_tf.errors import RequestError
from mosaickd_tf.report import page
from mosaickd_tf.workdir.finished import FinishedRun
from tests.report import result, rows, write_run

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr", "--v=0",
]  # fmt: skip
EVIL = "<script>alert(1)</script>"
# What a run can lack, and how it can be larger.
RUNS = {
    "whole": ({}, {}),
    "no labels": ({"labels": False}, {}),
    "no baselines": ({"baselines": ()}, {"channels": 3}),
    "kd alone": ({"method": "kd", "baselines": ()}, {}),
    "kd alone, no labels": ({"method": "kd", "baselines": (), "labels": False}, {}),
    "120 classes": ({}, {"label_names": tuple(f"class {n}" for n in range(120)), "channels": 3}),
    "large images": ({"image_size": 150}, {"channels": 3}),
    "hostile names": (
        {"ood_dataset": f"folder:/tmp/{EVIL}", "target_dataset": f'"><img src=x>{EVIL}'},
        {"label_names": (EVIL, "'\"&amp;", "猫\udcff", "a" * 300)},
    ),
    "no rows": ({}, {"metrics": []}),
    "unknown terms": ({}, {"metrics": rows(my_term=[3.0, 3.0, 3.0], my_count=[10, 10**6, 0])}),
}


@pytest.fixture(params=RUNS.values(), ids=RUNS)
def run(request, tmp_path):
    """Writes a run; returns its folder and its result."""
    about, files = request.param
    content = result(**about)
    write_run(tmp_path / "a run", content, **files)
    return tmp_path / "a run", content


class Reader(html.parser.HTMLParser):
    """The tags of a page, the addresses in it and its text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.addresses, self.words, self.open = [], [], [], []
        self.feed(text)
        self.close()
        self.text = re.sub(r"\s+", " ", " ".join(self.words))

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [v for n, v in attrs if n in ("src", "href", "data", "action", "srcset")]
        assert not [n for n, _ in attrs if n.startswith("on")]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)


def expected(content):
    """Words that a page of this result must have."""
    networks = [content["teacher"], content["student"], *content["baselines"]]
    shares = [network["accuracy"] for network in networks]
    shares += [content["agreement"], *(entry["accuracy"] for entry in content["exports"])]
    words = [f"{100 * share:.2f} %" for share in shares if share is not None]
    words += [f"{network['parameters']:,}" for network in networks]
    words += [f"{network['macs']:,}" for network in networks]
    words += [f"{entry['bytes']:,}" for entry in content["exports"]]
    return [*words, "0.077", "5.4e-07", content["selection"], "57"]


def test_every_run_has_its_page_with_the_numbers_of_its_result(run):
    folder, content = run
    text = page.write(folder).read_text(encoding="ascii")
    reader = Reader(text)
    assert reader.open == []
    assert [word for word in expected(content) if word not in reader.text] == []
    words = ["bin/distill", f"--flagfile={folder}/flags.cfg", f"--workdir={folder}-again"]
    command = html.unescape(re.search('<pre class="command"[^>]*>([^<]*)', text).group(1))
    assert shlex.split(command.replace("\\\n", "")) == words


def test_a_page_fetches_and_runs_nothing(run):
    folder, _ = run
    text = page.write(folder).read_text(encoding="ascii")
    reader = Reader(text)
    assert not {"script", "link", "iframe", "object", "base", "form"} & set(reader.tags)
    assert all(address.startswith("data:image/png;base64,") for address in reader.addresses)
    assert "http:" not in text and "https:" not in text
    assert "url(" not in text and "@import" not in text
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert html.unescape(policy) == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def test_names_from_outside_are_text(tmp_path):
    about, files = RUNS["hostile names"]
    write_run(tmp_path / EVIL.replace("/", "-"), result(**about), **files)
    text = page.write(tmp_path / EVIL.replace("/", "-")).read_text(encoding="ascii")
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    reader = Reader(text)
    for word in (EVIL, "'\"&amp;", "猫", f"folder:/tmp/{EVIL}", f'"><img src=x>{EVIL}'):
        assert word in reader.text


@pytest.mark.parametrize(
    "ood_dataset, transfer_set, agreement",
    [
        ("folder:/x", "with images of folder:/x.", "agreement on OOD images"),
        ("", "without any real images.", "agreement on synthetic images"),
    ],
)
def test_what_the_student_learned_from_is_reported(tmp_path, ood_dataset, transfer_set, agreement):
    write_run(tmp_path, result(labels=False, ood_dataset=ood_dataset))
    text = Reader(page.write(tmp_path).read_text()).text
    assert transfer_set in text
    assert f"{agreement} 95.00 %" in text


def test_the_page_is_written_from_the_folder_alone_again_and_again(tmp_path):
    write_run(tmp_path, result())
    before = page.write(tmp_path).read_text()
    shutil.copytree(tmp_path, tmp_path / "copy")
    again = page.write(tmp_path / "copy").read_text()
    assert again.replace(f"{tmp_path}/copy", str(tmp_path)) == before


def test_labels_take_the_place_of_the_run_s_own(tmp_path):
    write_run(tmp_path, result())
    own = FinishedRun(tmp_path).label_names
    labels = tmp_path / "names.txt"
    labels.write_text("".join(f"{number} other {number}\n" for number in range(len(own))))
    text = Reader(page.write(tmp_path, labels).read_text()).text
    assert "other 0" in text and "other 1" in text
    labels.write_text("\n".join(reversed(own)))
    with pytest.raises(RequestError, match="in another order"):
        page.write(tmp_path, labels)
    labels.write_text("one\n")
    with pytest.raises(RequestError, match=f"Expected {len(own)}, one a class"):
        page.write(tmp_path, labels)


def test_sections_that_a_run_has_nothing_for_are_left_out(tmp_path):
    write_run(tmp_path, result(method="kd", baselines=(), labels=False))
    (tmp_path / "samples" / "ood.png").unlink()
    text = Reader(page.write(tmp_path).read_text()).text
    assert "Synthetic images" not in text
    assert "OOD images" not in text.replace("on OOD images", "")
    assert "The student on the test split" not in text


def test_a_page_says_what_synthetic_images_can_show_or_that_they_were_kept_out(tmp_path):
    write_run(tmp_path, result())
    text = Reader(page.write(tmp_path).read_text()).text
    assert "can resemble what the teacher was trained on" in text
    write_run(tmp_path, result(no_samples=True))
    (tmp_path / "samples" / "by_class.png").unlink()
    text = Reader(page.write(tmp_path).read_text()).text
    assert "because of --no_samples" in text
    assert "can resemble" not in text


def test_a_folder_without_a_finished_run_is_refused(tmp_path):
    with pytest.raises(RequestError, match="result.json"):
        page.write(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_advice_stands_above_the_results(tmp_path):
    write_run(tmp_path, result(), metrics=rows(counts=[250, 6, 0, 0, 0, 0, 0, 0, 0, 0]))
    text = Reader(page.write(tmp_path).read_text()).text
    assert text.index("What to try next") < text.index("Results")
    assert "--balance_weight=20" in text
    write_run(tmp_path, result(), metrics=rows(counts=[25] * 10))
    assert "checks found a problem" in Reader(page.write(tmp_path).read_text()).text


def test_label_names_come_from_the_exported_ones_where_nothing_was_tested(tmp_path):
    write_run(tmp_path, result(labels=False))
    assert FinishedRun(tmp_path).label(1) == "class 1"
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "labels.txt").write_text("cat\ndog\n")
    assert FinishedRun(tmp_path).label(1) == "dog"


# In a browser


def browse(place, profile, *flags):
    """Returns the DOM of a page in the browser, and the lines on its console."""
    done = subprocess.run(
        [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", *flags, place.as_uri()],
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium")
@pytest.mark.parametrize("name", ["whole", "120 classes", "hostile names"])
def test_a_browser_shows_the_numbers_without_network_and_without_complaint(tmp_path, name):
    about, files = RUNS[name]
    content = result(**about)
    write_run(tmp_path / "run", content, **files)
    dom, console = browse(page.write(tmp_path / "run"), tmp_path / "profile", "--dump-dom")
    assert console == []
    reader = Reader(dom)
    assert [word for word in expected(content) if word not in reader.text] == []
    assert "script" not in reader.tags


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="no chromium")
@pytest.mark.parametrize("name", ["whole", "hostile names"])
def test_on_a_phone_only_boxes_scroll_sideways(tmp_path, name):
    """Uses a frame of 360 pixels, since the browser's own window cannot be as narrow."""
    about, files = RUNS[name]
    write_run(tmp_path / "run", result(**about), **files)
    text = page.write(tmp_path / "run").read_text()
    root = "document.documentElement"
    asked = f"document.title = {root}.scrollWidth - {root}.clientWidth"
    measuring = f"<script>onload = () => {asked}</script>"
    policy = re.compile('<meta http-equiv="Content-Security-Policy"[^>]*>')
    (tmp_path / "page.html").write_text(policy.sub("", text).replace("</body>", measuring))
    frame = '<iframe src="page.html" width="360" height="800" style="border:0"></iframe>'
    asking = "onload = () => setTimeout(() => document.title = frames[0].document.title, 200)"
    (tmp_path / "frame.html").write_text(f"{frame}<script>{asking}</script>")
    flags = ("--allow-file-access-from-files", "--virtual-time-budget=3000", "--dump-dom")
    dom, _ = browse(tmp_path / "frame.html", tmp_path / "profile", *flags)
    assert re.findall("<title>(.*?)</title>", dom) == ["0"]
