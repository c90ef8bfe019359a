"""The fine-tuning engine: heads, features, cells."""
