"""Sizes of the mouth patches, in pixels."""

STORED = 112  # on disk, with a margin for random cameras
VISIBLE = 96  # input of the network
