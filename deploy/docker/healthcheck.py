#!/opt/gilfoyle/bin/python
"""The image's health check: does what this container runs answer? Status 0 if so, 1 with a sentence if not.

Without an argument it is the API that is asked, by the settings' port; else the URL that is given.
"""

import os
import sys
import urllib.request

url = sys.argv[1] if len(sys.argv) > 1 else f"http://127.0.0.1:{os.environ.get('GILFOYLE_SERVER__PORT', '8000')}/readyz"
try:
    # No proxy of the environment stands between a container and itself.
    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=8).close()
except OSError as error:
    print(f"{url}: {error}", file=sys.stderr)  # noqa: T201
    raise SystemExit(1) from None
