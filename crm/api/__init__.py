"""People, permission and facts over REST. Views greet, verbs work."""
