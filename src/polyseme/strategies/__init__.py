"""Transfer strategies, one file each."""
