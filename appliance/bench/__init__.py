"""Benchmark rendering on this device against a bare transcode of the same length."""
