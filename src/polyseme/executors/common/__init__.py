"""What executors that submit jobs share."""
