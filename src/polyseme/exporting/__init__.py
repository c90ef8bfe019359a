"""From an artifact to a folder that other libraries load."""
