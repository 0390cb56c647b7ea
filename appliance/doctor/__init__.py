"""What this machine is, what works on it, and what to do about the rest."""
