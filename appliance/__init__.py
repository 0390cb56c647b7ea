"""The software of the device."""

import os

# From 1.29 on, the official ONNX Runtime wheels for Linux send telemetry to their vendor unless
# this is set before they are loaded. An offline device must not send anything.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
