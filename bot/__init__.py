"""The shell: Telegram handlers, the vision worker, web callbacks, settings, command line.

On import, it sets two environment variables unless they are set already:

- `OPENBLAS_NUM_THREADS=1`: our matrices are small, and on a busy processor a second thread makes a
  ranking take 60 ms instead of 2.
- `PTB_TIMEDELTA=true`: python-telegram-bot returns durations as `timedelta`.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when numpy is imported
os.environ.setdefault("PTB_TIMEDELTA", "true")  # its other way is deprecated
