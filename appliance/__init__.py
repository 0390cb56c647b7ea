"""The software of the box."""

import os

# ONNX Runtime's own wheels for Linux report their use to their maker from 1.29 on, unless this is
# set before they are loaded. An offline box reports to nobody.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
