"""Training, export and evaluation, with PyTorch; never on a box."""

import appliance  # noqa: F401  (keeps ONNX Runtime from reporting its use to its maker)
