"""The shell: Telegram handlers, the vision worker, web callbacks, settings, command line.

Importing it keeps numpy's matrix products on one thread, where nobody has said otherwise. Ours are
small, and a second thread that has to wait for a busy processor holds up the first: a ranking of
2 ms then takes 60. It also has python-telegram-bot give durations as such, not as numbers.
"""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when numpy is imported
os.environ.setdefault("PTB_TIMEDELTA", "true")  # its other way is deprecated
