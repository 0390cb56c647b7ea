"""Sizes of the mouth patches, in pixels."""

STORED_SIZE = 112  # on disk, with a margin for random cameras
VISIBLE_SIZE = 96  # input of the network
