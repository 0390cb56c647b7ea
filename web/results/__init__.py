"""What has been made: finding it, looking at it, taking it along."""
