"""The commands that are compared: ours, and what somebody would start instead."""

from __future__ import annotations

import sys

from tests.netlab.addresses import API_HOST, VALID_KEY

PYTHON = sys.executable
OURS = [PYTHON, "-m", "claudecheck"]
DOCTOR = [*OURS, "doctor", "--python", PYTHON]
#: The smallest program that does what the doctor's last stage does, with the SDK's own number of retries.
_PROGRAM = (
    "import anthropic; anthropic.Anthropic({}).messages.create("
    "model='claude-haiku-5-5', max_tokens=1, messages=[{{'role': 'user', 'content': 'Hi'}}])"
)
SCRIPT = [PYTHON, "-c", _PROGRAM.format("")]
#: One attempt of the same, which is what a doctor's own attempt is.
ONE_TRY = [PYTHON, "-c", _PROGRAM.format("max_retries=0")]
#: A whole run without the process around it, with and without the trials of cures.
EXAMINE = (
    "import os, sys; from claudecheck.machine import environment; from claudecheck.run.examine import examine; "
    "from claudecheck.run.options import Options; "
    "examine(Options(python=sys.executable, cures={}), environment.read(os.environ)); os._exit(0)"
)


def curl(base: str = f"https://{API_HOST}", key: str = VALID_KEY, cafile: str = "") -> list[str]:
    """The same `GET /v1/models`."""
    trusts = ["--cacert", cafile] if cafile else []
    headers = ["-H", f"x-api-key: {key}", "-H", "anthropic-version: 2023-06-01"]
    return ["curl", "-sS", "--fail", *trusts, *headers, f"{base}/v1/models?limit=100"]
