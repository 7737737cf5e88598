"""A worker whose last process dies: by the signal that DOOM names, else by an exception."""

import os
import time

if __name__ == "__main__":
    if int(os.environ.get("RANK", "0")) < int(os.environ.get("WORLD_SIZE", "1")) - 1:
        time.sleep(600)
    if os.environ["DOOM"]:
        os.kill(os.getpid(), int(os.environ["DOOM"]))
    raise ValueError("doomed")
