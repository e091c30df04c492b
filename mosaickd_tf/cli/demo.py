"""`bin/demo`: a page on this machine on which the student of a run can be tried."""

from mosaickd_tf.cli import app
from mosaickd_tf.config import DemoConfig
from mosaickd_tf.errors import RequestError

USAGE = """
Serves one page on this machine alone, on which the student of a finished run can be tried: draw
a digit or choose a picture. The .tflite files run in the browser, float32 and int8 side by side.

  bin/demo --workdir=runs/quickstart

npm is needed the first time, to bring LiteRT.js; from then on no network. Ctrl-C stops it.
"""


def work(demo):
    """Serves the page of the run that the flags name, until Ctrl-C."""
    from mosaickd_tf.demo import DemoServer, runtime, site

    if not demo.workdir:
        raise RequestError("`workdir` is needed. Expected a folder of a run. Received: nothing")
    content = site(demo.workdir, runtime(demo.cache_dir))
    try:
        server = DemoServer(content, demo.port)
    except OSError as error:
        raise RequestError(
            f"The port cannot be had. Expected one that is free. Received: --port={demo.port} "
            f"({error.strerror})"
        ) from error
    with server:
        print(f"The page is {server.address} (Ctrl-C stops it)", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("stopped")


def main():
    """The console script."""
    app.main(USAGE, {"demo": DemoConfig}, work)


if __name__ == "__main__":
    main()
