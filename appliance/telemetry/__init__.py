"""What the box feels like: heat, load, power, memory and disk, sampled and remembered."""
