"""What the tasks of a family share."""
