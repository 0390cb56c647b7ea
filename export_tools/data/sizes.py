"""Sizes of the mouth patches, in pixels."""

STORED = 112  # as kept on disk, with a margin for random cameras
VISIBLE = 96  # what the network sees
