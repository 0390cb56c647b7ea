"""Checks of this device, with a suggested fix for every problem, and the doctor's report."""
