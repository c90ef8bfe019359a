"""What several intrinsic measures share."""
