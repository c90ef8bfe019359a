"""Parts that several representations share; each has one owner file."""
