"""Look at trained representations: neighbours in context, fillings of gaps, vectors, a page."""
