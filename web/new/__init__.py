"""New video: material comes in, is looked at, and becomes jobs."""
