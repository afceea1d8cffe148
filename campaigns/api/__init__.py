"""Campaigns over REST. Views greet, verbs work."""
