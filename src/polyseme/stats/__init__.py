"""Statistics over seeds and items."""
