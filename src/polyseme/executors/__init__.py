"""Where the work of a command runs: here, in local jobs, or on a cluster."""
