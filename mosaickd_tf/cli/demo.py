"""`bin/demo`: local web page on which users try the student of a run."""

from mosaickd_tf.cli import app
from mosaickd_tf.config import DemoConfig
from mosaickd_tf.errors import RequestError

USAGE = """
Serves a page, on this machine only, to try the student of a finished run: draw a digit or choose
an image. The .tflite files run in the browser, float32 and int8 side by side.

  bin/demo --workdir=runs/quickstart

npm is needed the first time, to download LiteRT.js; after that no network. Ctrl-C stops it.
"""


def work(demo):
    """Serves the page of the run that the flags name, until Ctrl-C."""
    from mosaickd_tf.demo import DemoServer, runtime, site

    if not demo.workdir:
        raise RequestError("`workdir` is needed. Expected the folder of a run. Received: nothing")
    content = site(demo.workdir, runtime(demo.cache_dir))
    try:
        server = DemoServer(content, demo.port)
    except OSError as error:
        raise RequestError(
            f"The port is not available. Expected a free one. Received: --port={demo.port} "
            f"({error.strerror}). Choose another, or 0 for any free one"
        ) from error
    with server:
        print(f"The page is {server.address} (Ctrl-C stops it)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("stopped")


def main():
    """Runs the command."""
    app.main(USAGE, {"demo": DemoConfig}, work)


if __name__ == "__main__":
    main()
