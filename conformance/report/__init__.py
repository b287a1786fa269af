"""What people look at: renderings of results."""
