"""New video: files are uploaded, checked, and turned into jobs."""
