"""What a rendering costs on this machine, against the bare transcode that every such tool pays."""
