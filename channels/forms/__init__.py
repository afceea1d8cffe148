"""What people fill in about channels."""
