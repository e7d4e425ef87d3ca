"""A Gilfoyle worker: `python worker.py --queue transcode --queue io` (all queues by default).

Reads config.yaml and GILFOYLE_… like every part; run as many of these, on as many machines, as you like.
What each queue runs is in gilfoyle/workers.py; `gilfoyle worker` is the same where only the package is installed.
"""

import sys

from gilfoyle.cli import main

if __name__ == "__main__":
    sys.argv[1:1] = ["worker"]
    main()
