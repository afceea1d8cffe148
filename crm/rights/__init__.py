"""What people may ask of us about their data: a copy, a correction, a limit, an end."""
