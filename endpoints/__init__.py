"""What every device runs: the node, its store and links, reflexes, and profiles."""
