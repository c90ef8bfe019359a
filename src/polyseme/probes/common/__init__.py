"""What all probes share."""
