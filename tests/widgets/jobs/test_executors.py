"""Threads that work for panels come to an end with the program."""

import subprocess
import sys

PROGRAM = """
import threading, torch
from latent_widgets.widgets.jobs.job import Job
begun = threading.Event()
def work(on_step):
    begun.set()
    while on_step():
        for _ in range(20):
            torch.randn(200, 200) @ torch.randn(200, 200)
job = Job()
job.submit(work)
begun.wait()
"""


def test_program_ends_well_while_a_job_is_inside_pytorch():
    ended = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=120, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
