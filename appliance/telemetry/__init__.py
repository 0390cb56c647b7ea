"""Telemetry of the device: temperatures, load, power, memory and disk, sampled and stored."""
