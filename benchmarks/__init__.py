"""Side-by-side measurements, each one command: `make bench BENCH=<name>`."""
