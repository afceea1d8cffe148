"""What happens at a till: who is at it, and what it brings in."""
