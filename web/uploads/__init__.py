"""Files that come in pieces over a network that may fail: tus 1.0, without its web side."""
