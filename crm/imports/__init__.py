"""Files that bring people and purchases in: read, checked, merged set by set."""
