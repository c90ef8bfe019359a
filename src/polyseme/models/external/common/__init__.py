"""What several formats of external representations share."""
