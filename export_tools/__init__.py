"""Training, export and evaluation of the models, with PyTorch; never installed on a device."""

import appliance  # noqa: F401  (disables the telemetry of ONNX Runtime)
